import type { Request } from './world.ts';

/**
 * Routing of the Gateway API, written down once more and as plainly as can be, to judge what was imported: which rule gets
 * a request, how it looks at the pod, and who gets copies. What is up to implementations is a parameter.
 */

export interface Value { name: string; type: 'Exact' | 'RegularExpression'; value: string }
export interface HttpMatch {
  path?: { type: 'Exact' | 'PathPrefix' | 'RegularExpression'; value: string };
  method?: string;
  headers?: Value[];
  queryParams?: Value[];
}
export type HttpFilter =
  | { type: 'RequestMirror'; requestMirror: { backendRef: { name: string; namespace?: string; port: number }; percent?: number } }
  | { type: 'RequestHeaderModifier'; requestHeaderModifier: { set?: { name: string; value: string }[]; remove?: string[] } }
  | { type: 'URLRewrite'; urlRewrite: { hostname?: string; path?: { type: 'ReplaceFullPath'; replaceFullPath: string } | { type: 'ReplacePrefixMatch'; replacePrefixMatch: string } } };
export interface HttpBackend { name: string; namespace?: string; port: number; weight?: number; filters?: HttpFilter[] }
export interface HttpRule { matches?: HttpMatch[]; filters?: HttpFilter[]; backendRefs: HttpBackend[] }
export interface GrpcMatch { method?: { type?: 'Exact' | 'RegularExpression'; service?: string; method?: string }; headers?: Value[] }
export interface GrpcRule { matches?: GrpcMatch[]; filters?: HttpFilter[]; backendRefs: HttpBackend[] }
export interface GrpcRouteSpec { parentRefs: readonly object[]; hostnames?: string[]; rules: GrpcRule[] }
export interface HttpRouteSpec { parentRefs: readonly object[]; hostnames?: string[]; rules: HttpRule[] }

/** What implementations may choose. */
export interface Choices {
  readonly patterns: 'first' | 'last';
  readonly search: boolean;
}

export interface Choice { readonly rule: number; readonly match: HttpMatch }

/** For a call of gRPC. */
export function chooseCall({ hostnames = [], rules }: GrpcRouteSpec, request: Request, choices: Choices): Choice | null {
  if (!isHost(hostnames, request)) return null;
  const fitting = rules.flatMap(({ matches = [{}] }, rule) => matches.filter((match) => fitsCall(match, request, choices)).map((match) => ({ rule, match })));
  fitting.sort((a, b) => rankCall(b.match, choices) - rankCall(a.match, choices) || a.rule - b.rule);
  return fitting[0] === undefined ? null : { rule: fitting[0].rule, match: {} };
}

function rankCall({ method: { type = 'Exact', service = '', method = '' } = {}, headers = [] }: GrpcMatch, { patterns }: Choices): number {
  const ofName = type === 'Exact' ? 1 + service.length * 100 + method.length : patterns === 'first' ? 100_000 : 0;
  return ofName * 20 + headers.length;
}

function fitsCall({ method: { type = 'Exact', service = '', method = '' } = {}, headers = [] }: GrpcMatch, request: Request, { search }: Choices): boolean {
  const [, ofService = '', ofMethod = ''] = request.path.split('/');
  const name = (wanted: string, given: string): boolean =>
    wanted === '' || (type === 'Exact' ? wanted === given : new RegExp(search ? wanted : `^(?:${wanted})$`).test(given));
  return name(service, ofService) && name(method, ofMethod) && headers.every((condition) => fitsValue(condition, request.headers[condition.name.toLowerCase()], search));
}

function isHost(hostnames: readonly string[], request: Request): boolean {
  const host = request.headers['host']!.replace(/:\d+$/, '').toLowerCase();
  return hostnames.length === 0 || hostnames.some((name) => (name.startsWith('*.') ? host.endsWith(name.slice(1)) && host.length >= name.length : host === name));
}

export function choose({ hostnames = [], rules }: HttpRouteSpec, request: Request, choices: Choices): Choice | null {
  if (!isHost(hostnames, request)) return null;
  const fitting = rules.flatMap(({ matches = [{}] }, rule) => matches.filter((match) => fits(match, request, choices)).map((match) => ({ rule, match })));
  fitting.sort((a, b) => rank(b.match, choices) - rank(a.match, choices) || a.rule - b.rule);
  return fitting[0] ?? null;
}

/** Each criterion outweighs those behind it. */
function rank({ path, method, headers = [], queryParams = [] }: HttpMatch, { patterns }: Choices): number {
  const { type, value } = path ?? { type: 'PathPrefix', value: '/' };
  const ofPath = type === 'RegularExpression' ? (patterns === 'first' ? 5000 : 0) : type === 'Exact' ? 4000 : 1 + value.length;
  return ((ofPath * 2 + (method === undefined ? 0 : 1)) * 20 + headers.length) * 20 + queryParams.length;
}

function fits({ path, method, headers = [], queryParams = [] }: HttpMatch, request: Request, { search }: Choices): boolean {
  const value = (condition: Value, text: string | undefined): boolean => fitsValue(condition, text, search);
  const ofPath = path === undefined
    || (path.type === 'Exact' && request.path === path.value)
    || (path.type === 'PathPrefix' && under(request.path, path.value))
    || (path.type === 'RegularExpression' && new RegExp(search ? path.value : `^(?:${path.value})$`).test(request.path));
  return ofPath
    && (method === undefined || method === request.method)
    && headers.every((condition) => value(condition, request.headers[condition.name.toLowerCase()]))
    && queryParams.every((condition) => value(condition, request.query.find(([name]) => name === condition.name)?.[1]));
}

function fitsValue({ type, value }: Value, text: string | undefined, search: boolean): boolean {
  return text !== undefined && (type === 'Exact' ? text === value : new RegExp(search ? value : `^(?:${value})$`).test(text));
}

function elements(path: string): string[] {
  return path.split('/').slice(1);
}

function under(path: string, prefix: string): boolean {
  const wanted = elements(prefix.replace(/\/$/, ''));
  const given = elements(path);
  return wanted.every((element, i) => given[i] === element);
}

/** The request as the pod gets it. */
export function forwarded(request: Request, { rule, match }: Choice, { rules }: { readonly rules: readonly Pick<HttpRule, 'filters'>[] }, backend: HttpBackend): Request {
  let { path } = request;
  const headers: Record<string, string> = { ...request.headers };
  for (const filter of [...(rules[rule]!.filters ?? []), ...(backend.filters ?? [])]) {
    if (filter.type === 'RequestHeaderModifier') {
      for (const { name, value } of filter.requestHeaderModifier.set ?? []) headers[name.toLowerCase()] = value;
      for (const name of filter.requestHeaderModifier.remove ?? []) delete headers[name.toLowerCase()];
    }
    if (filter.type === 'URLRewrite') {
      const { hostname, path: change } = filter.urlRewrite;
      if (hostname !== undefined) headers['host'] = hostname;
      if (change?.type === 'ReplaceFullPath') path = change.replaceFullPath;
      if (change?.type === 'ReplacePrefixMatch') path = replaced(path, match.path?.value ?? '/', change.replacePrefixMatch);
    }
  }
  return { ...request, path, headers };
}

function replaced(path: string, prefix: string, replacement: string): string {
  const rest = path.slice(prefix.replace(/\/$/, '').length);
  return `${replacement.replace(/\/$/, '')}${rest}` || '/';
}

/** `namespace/name` of those who get copies, sorted. */
export function mirrored(rule: Pick<HttpRule, 'filters'>, backend: HttpBackend, namespace: string): string[] {
  return [...(rule.filters ?? []), ...(backend.filters ?? [])]
    .flatMap((filter) => (filter.type === 'RequestMirror' && filter.requestMirror.percent !== 0 ? [filter.requestMirror.backendRef] : []))
    .map((ref) => `${ref.namespace ?? namespace}/${ref.name}`)
    .sort();
}
