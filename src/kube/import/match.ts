import { Pattern, patternProblem } from '../../policy/pattern.ts';
import { asOnWire } from '../../policy/request-view.ts';

export interface PathMatch {
  readonly type: 'Exact' | 'PathPrefix' | 'RegularExpression';
  readonly value: string;
}

/** A condition on a header or a query parameter. */
export interface ValueMatch {
  readonly name: string;
  readonly type: 'Exact' | 'RegularExpression';
  readonly value: string;
}

/** A condition on a gRPC call; a name that is not given may be any. */
export interface GrpcMatch {
  readonly type: 'Exact' | 'RegularExpression';
  readonly service?: string;
  readonly method?: string;
}

/** An entry of `matches` or `excludes` of a MirrorPolicy, without defaults. Its patterns are ones that a policy may have. */
export interface Match {
  readonly path?: PathMatch;
  readonly method?: string;
  readonly headers?: readonly ValueMatch[];
  readonly queryParams?: readonly ValueMatch[];
  readonly grpc?: GrpcMatch;
}

export interface MatchParts {
  readonly path?: PathMatch | null;
  readonly method?: string | null;
  readonly headers: readonly ValueMatch[];
  readonly queryParams?: readonly ValueMatch[];
  readonly grpc?: GrpcMatch | null;
}

/** Leaves out what says nothing. */
export function matchOf({ path = null, method = null, headers, queryParams = [], grpc = null }: MatchParts): Match {
  return {
    ...(path === null || isRoot(path) ? {} : { path }),
    ...(method === null ? {} : { method }),
    ...(headers.length === 0 ? {} : { headers }),
    ...(queryParams.length === 0 ? {} : { queryParams }),
    ...(grpc === null ? {} : { grpc }),
  };
}

function isRoot({ type, value }: PathMatch): boolean {
  return type === 'PathPrefix' && value === '/';
}

export function takesAll(match: Match): boolean {
  return Object.keys(match).length === 0;
}

/** Of several conditions on one name the first counts, as in the Gateway API. */
export function firstOfEach(conditions: readonly ValueMatch[], key: (name: string) => string): ValueMatch[] {
  const byName = new Map<string, ValueMatch>();
  for (const condition of conditions) if (!byName.has(key(condition.name))) byName.set(key(condition.name), condition);
  return [...byName.values()];
}

/** Whether it is certain that no request fits both. */
export function disjoint(a: Match, b: Match): boolean {
  if (a.method !== undefined && b.method !== undefined && a.method !== b.method) return true;
  if (a.path !== undefined && b.path !== undefined && pathsDisjoint(a.path, b.path)) return true;
  if (a.grpc !== undefined && b.grpc !== undefined && callsDisjoint(a.grpc, b.grpc)) return true;
  return contradict(a.headers, b.headers, (name) => name.toLowerCase()) || contradict(a.queryParams, b.queryParams, (name) => name);
}

function pathsDisjoint(a: PathMatch, b: PathMatch): boolean {
  if (a.type === 'Exact') return !pathFits(a.value, b);
  if (b.type === 'Exact') return !pathFits(b.value, a);
  if (a.type === 'RegularExpression' && b.type === 'RegularExpression') return textsDisjoint(textOf(a.value), textOf(b.value));
  if (a.type === 'RegularExpression' || b.type === 'RegularExpression') return false;
  return !isBelow(a.value, b.value) && !isBelow(b.value, a.value);
}

function callsDisjoint(a: GrpcMatch, b: GrpcMatch): boolean {
  return namesDisjoint(a.type, a.service, b.type, b.service) || namesDisjoint(a.type, a.method, b.type, b.method);
}

function namesDisjoint(aType: GrpcMatch['type'], a: string | undefined, bType: GrpcMatch['type'], b: string | undefined): boolean {
  return a !== undefined && b !== undefined && valuesDisjoint({ type: aType, value: a }, { type: bType, value: b });
}

function pathFits(path: string, { type, value }: PathMatch): boolean {
  if (type === 'Exact') return path === value;
  return type === 'PathPrefix' ? isBelow(path, value) : Pattern.of(value).matches(asOnWire(path));
}

/** By whole elements. */
function isBelow(path: string, prefix: string): boolean {
  const stem = withoutSlash(prefix);
  return path === stem || path.startsWith(`${stem}/`);
}

export function withoutSlash(prefix: string): string {
  return prefix.replace(/\/+$/, '');
}

function contradict(a: readonly ValueMatch[] = [], b: readonly ValueMatch[] = [], key: (name: string) => string): boolean {
  return a.some((one) => b.some((other) => key(one.name) === key(other.name) && valuesDisjoint(one, other)));
}

/** What is compared with a text. */
type Comparison = Pick<ValueMatch, 'type' | 'value'>;

function valuesDisjoint(a: Comparison, b: Comparison): boolean {
  if (a.type === 'Exact') return !valueFits(a.value, b);
  return b.type === 'Exact' && !valueFits(b.value, a);
}

export function valueFits(text: string, { type, value }: Comparison): boolean {
  return type === 'Exact' ? text === value : Pattern.of(value).matches(asOnWire(text));
}

/** A pattern (RE2) for exactly this text, which is compared in UTF-8. */
export function quoted(text: string): string {
  return asOnWire(text).replace(/[^A-Za-z0-9/ _-]/g, (char) => {
    const code = char.charCodeAt(0);
    return code > 0x20 && code < 0x7f ? `\\${char}` : `\\x${code.toString(16).padStart(2, '0')}`;
  });
}

/** A pattern for what begins with this text. */
export function beginsWith(text: string): string {
  return `(?s)${quoted(text)}.*`;
}

/** The text of such a pattern, quoted; null of another. */
function textOf(pattern: string): string | null {
  return /^\(\?s\)((?:\\.|[A-Za-z0-9/ _-])*)\.\*$/.exec(pattern)?.[1] ?? null;
}

function textsDisjoint(a: string | null, b: string | null): boolean {
  return a !== null && b !== null && !a.startsWith(b) && !b.startsWith(a);
}

/** Whether a policy may have this pattern. */
export function isPattern(source: string): boolean {
  return patternProblem(source) === null;
}
