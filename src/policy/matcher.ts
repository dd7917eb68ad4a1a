import { Pattern } from './pattern.ts';
import { asOnWire, type RequestView } from './request-view.ts';
import type { PolicySpec } from './schema.ts';

type Match = PolicySpec['matches'][number];
type PathMatch = NonNullable<Match['path']>;
type GrpcMatch = NonNullable<Match['grpc']>;
type ValueMatch = Match['headers'][number] | Match['queryParams'][number];

/** One condition of a match, compiled. */
type Condition = (request: RequestView) => boolean;

/** An entry of `matches` or `excludes`, compiled: a request fits if every condition holds. */
export class Matcher {
  readonly #conditions: readonly Condition[];

  constructor(match: Match) {
    // Cheap conditions first: most requests fail at the first.
    this.#conditions = [
      ...(match.method === undefined ? [] : [methodCondition(match.method)]),
      ...(match.path === undefined ? [] : [pathCondition(match.path)]),
      ...(match.grpc === undefined ? [] : [grpcCondition(match.grpc)]),
      ...firstOfEach(match.headers, (name) => name.toLowerCase()).map(headerCondition),
      ...firstOfEach(match.queryParams, (name) => name).map(queryCondition),
    ];
  }

  fits(request: RequestView): boolean {
    for (const condition of this.#conditions) if (!condition(request)) return false;
    return true;
  }
}

/** Whether at least one of the matchers fits. */
export function anyFits(matchers: readonly Matcher[], request: RequestView): boolean {
  for (const matcher of matchers) if (matcher.fits(request)) return true;
  return false;
}

function methodCondition(method: string): Condition {
  return (request) => request.method === method;
}

function pathCondition({ type, value }: PathMatch): Condition {
  switch (type) {
    case 'Exact': {
      const path = asOnWire(value);
      return (request) => request.pathIs(path);
    }
    case 'PathPrefix': {
      const prefix = asOnWire(value).replace(/\/+$/, '');
      if (prefix === '') return () => true;
      return (request) => request.pathBeginsWith(prefix);
    }
    case 'RegularExpression': {
      const pattern = Pattern.of(value);
      return (request) => pattern.matches(request.path());
    }
  }
}

/** The path of a call is `/service/method`: two elements (gRPC over HTTP/2, `Path` of Requests). */
function grpcCondition({ type, service, method }: GrpcMatch): Condition {
  if (type === 'Exact' && service !== '' && method !== '') {
    const path = `/${service}/${method}`;
    return (request) => request.pathIs(path) && request.isGrpc();
  }
  const serviceFits = service === '' ? isThere : valueTest({ type, value: service });
  const methodFits = method === '' ? isThere : valueTest({ type, value: method });
  return (request) => {
    if (!request.isGrpc()) return false;
    const path = request.path();
    const slash = path.indexOf('/', 1);
    return slash > 0 && !path.includes('/', slash + 1) && serviceFits(path.slice(1, slash)) && methodFits(path.slice(slash + 1));
  };
}

function isThere(name: string): boolean {
  return name !== '';
}

function headerCondition(match: ValueMatch): Condition {
  const name = match.name.toLowerCase();
  const fits = valueTest(match);
  return (request) => {
    const value = request.header(name);
    return value !== null && fits(value);
  };
}

function queryCondition(match: ValueMatch): Condition {
  const name = asOnWire(match.name);
  const fits = valueTest(match);
  return (request) => {
    const value = request.queryParam(name);
    return value !== null && fits(value);
  };
}

function valueTest({ type, value }: Pick<ValueMatch, 'type' | 'value'>): (text: string) => boolean {
  if (type === 'RegularExpression') {
    const pattern = Pattern.of(value);
    return (text) => pattern.matches(text);
  }
  const expected = asOnWire(value);
  return (text) => text === expected;
}

/** The Gateway API lets the first entry of a name count and ignores the others. */
function firstOfEach<M extends { readonly name: string }>(entries: readonly M[], key: (name: string) => string): M[] {
  const seen = new Set<string>();
  return entries.filter(({ name }) => !seen.has(key(name)) && seen.add(key(name)) !== undefined);
}
