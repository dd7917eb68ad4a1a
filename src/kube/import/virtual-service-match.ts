import type { Fields } from './fields.ts';
import { headerProblem } from './header-name.ts';
import { shown, type Problem } from './imported-policy.ts';
import { beginsWith, isPattern, matchOf, quoted, valueFits, type Match, type PathMatch, type ValueMatch } from './match.ts';
import type { RouteEntry } from './route.ts';
import { conditionOf, readStringMatch, type StringMatch } from './string-match.ts';
import { qualifiedGateway } from './virtual-service-hosts.ts';

/** Keys of `headers` that Istio ignores. */
const IGNORED = new Set(['uri', 'scheme', 'method', 'authority']);
const METHODS = /^\^?\(?([A-Z]+(?:\|[A-Z]+)*)\)?\$?$/;

/**
 * An HTTPMatchRequest of a VirtualService: several entries where it takes several methods.
 * @param order number of its route: the first that fits counts
 * @param gateways those that the VirtualService holds for, `mesh` among them where it holds for sidecars
 * @param namespace that of the VirtualService
 */
export function readMatchRequest(
  fields: Fields,
  order: number,
  gateways: ReadonlySet<string>,
  namespace: string,
  problems: Problem[],
): RouteEntry[] {
  const reader = new MatchReader(fields, problems);
  const path = reader.path();
  const methods = reader.methods();
  const headers = [...reader.authority(), ...reader.headers('headers')];
  const without = reader.without();
  const queryParams = reader.queryParams();
  const from = reader.sources();
  reader.leftOut('scheme', 'the scheme cannot be seen at the pod');
  reader.leftOut('port', 'the port that a client asked for cannot be seen at the pod');
  const own = fields.texts('gateways').map((gateway) => qualifiedGateway(gateway, namespace));
  if (own.length > 0 && [...gateways].some((gateway) => !own.includes(gateway))) {
    reader.problem('requests of some gateways cannot be told from those of others');
  }
  fields.ignore('name', 'statPrefix');
  fields.end();
  return methods.map((method) => {
    const match = matchOf({ path: path.match, method, headers, queryParams });
    return {
      match,
      wide: match,
      exact: problems.length === 0 && without.length === 0 && from === null,
      without,
      from,
      places: [[-order]],
      replaces: path.replaces,
      problems,
      remarks: from === null ? [] : [SOURCE_BY_ADDRESS],
    };
  });
}

const SOURCE_BY_ADDRESS: Problem = {
  reason: 'SourceByAddress',
  message: 'sources are known by the address of their connections: behind a sidecar that is the sidecar itself, and nothing is mirrored',
};

class MatchReader {
  readonly #fields: Fields;
  readonly #problems: Problem[];

  constructor(fields: Fields, problems: Problem[]) {
    this.#fields = fields;
    this.#problems = problems;
  }

  problem(what: string): void {
    this.#problems.push({ reason: 'UnsupportedMatch', message: `${this.#fields.where}: ${what}` });
  }

  leftOut(name: string, why: string): void {
    if (this.#fields.has(name)) this.problem(`${name}: ${why}`);
    this.#fields.ignore(name);
  }

  path(): { readonly match: PathMatch | null; readonly replaces: RouteEntry['replaces'] } {
    const ignoreCase = this.#fields.flag('ignoreUriCase');
    const uri = this.#stringMatch('uri');
    if (uri === null || uri.type === 'present') return { match: null, replaces: uri === null && this.#fields.has('uri') ? 'unknown' : 'prefix' };
    const replaces = uri.type === 'exact' ? 'path' : uri.type === 'prefix' ? 'prefix' : 'unknown';
    const match = pathMatch(uri.type, uri.value, ignoreCase);
    if (match === null) this.problem(`uri: ${shown(uri.value)} cannot be expressed as a pattern`);
    return { match, replaces };
  }

  /** null: every method. */
  methods(): (string | null)[] {
    const method = this.#stringMatch('method');
    if (method === null || method.type === 'present') return [null];
    const list = method.type === 'prefix' ? null : METHODS.exec(method.value);
    if (list !== null && (method.type === 'regex' || list[1] === method.value)) return [...new Set(list[1]!.split('|'))];
    this.problem(`method: ${shown(method.value)} is neither a method nor a list of them`);
    return [null];
  }

  authority(): ValueMatch[] {
    const authority = this.#stringMatch('authority');
    return authority === null || authority.type === 'present' ? [] : this.#condition('Host', authority);
  }

  headers(field: 'headers' | 'withoutHeaders'): ValueMatch[] {
    return this.#fields.map(field).flatMap(([name, value]) => {
      if (IGNORED.has(name)) return [];
      const wrong = name.toLowerCase() === 'host' ? 'is asked for by authority' : headerProblem(name);
      const match = readStringMatch(value);
      if (wrong !== null || match === null) this.problem(`${field}: ${shown(name)} ${wrong ?? 'has a condition that is not understood'}`);
      return wrong === null && match !== null ? this.#condition(name, match) : [];
    });
  }

  /** A header that is missing counts as an empty one here, except where only its presence is asked for. */
  without(): Match[] {
    return this.headers('withoutHeaders').flatMap((condition) => {
      if (condition.value !== PRESENT?.value && valueFits('', condition)) {
        this.problem(`withoutHeaders: the condition on ${shown(condition.name)} also takes requests without it`);
        return [];
      }
      return [{ headers: [condition] }];
    });
  }

  queryParams(): ValueMatch[] {
    return this.#fields.map('queryParams').flatMap(([name, value]) => {
      const match = readStringMatch(value);
      if (name === '' || match === null || match.type === 'prefix') {
        this.problem(`queryParams: the condition on ${shown(name)} is not supported`);
        return [];
      }
      return this.#condition(name, match);
    });
  }

  /** @returns a NetworkPolicyPeer, or null where every source is taken */
  sources(): object | null {
    const labels = this.#fields.textMap('sourceLabels');
    const namespace = this.#fields.text('sourceNamespace') ?? '';
    if (labels.length === 0 && namespace === '') return null;
    const namespaceSelector = namespace === '' ? {} : { matchLabels: { 'kubernetes.io/metadata.name': namespace } };
    return labels.length === 0 ? { namespaceSelector } : { podSelector: { matchLabels: Object.fromEntries(labels) }, namespaceSelector };
  }

  /** @returns null where it is not there, or not understood */
  #stringMatch(name: string): StringMatch | null {
    if (!this.#fields.has(name)) return null;
    const match = readStringMatch(this.#fields.value(name));
    if (match === null) this.problem(`${name} is not understood`);
    return match;
  }

  #condition(name: string, match: StringMatch): ValueMatch[] {
    const condition = conditionOf(match);
    if (condition === null) this.problem(`the condition on ${shown(name)} is no pattern that can be used, or too large`);
    return condition === null ? [] : [{ name, ...condition }];
  }
}

const PRESENT = conditionOf({ type: 'present' });

/** Istio's prefix is one of text: `/api` takes `/apis`, too. Case is ignored in texts, and never in patterns. */
function pathMatch(type: 'exact' | 'prefix' | 'regex', value: string, ignoreCase: boolean): PathMatch | null {
  if (type === 'prefix' && (value === '' || value === '/')) return { type: 'PathPrefix', value: '/' };
  if (type === 'exact' && !ignoreCase) return { type: 'Exact', value };
  if (ignoreCase && type !== 'regex' && !/^[\x20-\x7e]*$/.test(value)) return null;
  const literal = ignoreCase ? `(?is)${quoted(value)}${type === 'prefix' ? '.*' : ''}` : beginsWith(value);
  const pattern = type === 'regex' ? value : literal;
  return isPattern(pattern) ? { type: 'RegularExpression', value: pattern } : null;
}
