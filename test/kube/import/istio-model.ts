import { CLIENTS, type Request } from './world.ts';

/** Routing of an Istio VirtualService, written down once more and as plainly as can be, to judge what was imported. */

export type Text = { exact: string } | { prefix: string } | { regex: string } | Record<string, never>;
export interface IstioMatch {
  uri?: Text;
  ignoreUriCase?: boolean;
  method?: Text;
  authority?: Text;
  headers?: Record<string, Text>;
  withoutHeaders?: Record<string, Text>;
  queryParams?: Record<string, Text>;
  sourceLabels?: Record<string, string>;
  sourceNamespace?: string;
}
interface Headers { request?: { set?: Record<string, string>; add?: Record<string, string>; remove?: string[] } }
export interface IstioDestination { destination: { host: string; port?: { number: number } }; weight?: number; headers?: Headers }
export interface IstioRoute {
  match?: IstioMatch[];
  route?: IstioDestination[];
  redirect?: { uri: string };
  rewrite?: { uri?: string; authority?: string };
  headers?: Headers;
  mirror?: { host: string };
  mirrorPercentage?: { value?: number };
  mirrors?: { destination: { host: string }; percentage?: { value?: number } }[];
}
export interface VirtualServiceSpec { hosts: string[]; http: IstioRoute[] }

export interface Choice { readonly rule: number; readonly match: IstioMatch }

/** The first match of the first route that fits. @param names those that `hosts` stand for */
export function choose({ http }: VirtualServiceSpec, names: readonly string[], request: Request): Choice | null {
  const host = request.headers['host']!.replace(/:\d+$/, '').toLowerCase();
  if (!names.some((name) => (name.startsWith('*.') ? host.endsWith(name.slice(1)) : host === name))) return null;
  for (const [rule, { match: matches = [] }] of http.entries()) {
    for (const match of matches.length === 0 ? [{}] : matches) if (fits(match, request)) return { rule, match };
  }
  return null;
}

function says(text: Text | undefined, value: string): boolean {
  if (text === undefined) return true;
  if ('exact' in text) return value === text.exact;
  if ('prefix' in text) return value.startsWith(text.prefix ?? '');
  return text.regex === undefined || text.regex === '*' || new RegExp(`^(?:${text.regex})$`).test(value);
}

function lower(text: Text): Text {
  if ('exact' in text) return { exact: text.exact!.toLowerCase() };
  return 'prefix' in text ? { prefix: text.prefix!.toLowerCase() } : text;
}

function fits(match: IstioMatch, { method, path, query, headers, client }: Request): boolean {
  const ignoreCase = match.ignoreUriCase === true && match.uri !== undefined && !('regex' in match.uri);
  const { labels, namespace } = CLIENTS[client]!;
  return says(ignoreCase ? lower(match.uri!) : match.uri, ignoreCase ? path.toLowerCase() : path)
    && says(match.method, method)
    && says(match.authority, headers['host']!)
    && Object.entries(match.headers ?? {}).every(([name, text]) => headers[name] !== undefined && says(text, headers[name]))
    && !Object.entries(match.withoutHeaders ?? {}).some(([name, text]) =>
      isPresence(text) ? headers[name] !== undefined : says(text, headers[name] ?? ''))
    && Object.entries(match.queryParams ?? {}).every(([name, text]) => query.some(([given, value]) => given === name && says(text, value)))
    && Object.entries(match.sourceLabels ?? {}).every(([label, value]) => (labels as Record<string, string>)[label] === value)
    && (match.sourceNamespace === undefined || match.sourceNamespace === namespace);
}

function isPresence(text: Text): boolean {
  return Object.keys(text).length === 0 || ('regex' in text && text.regex === '*');
}

/** The request as the pod gets it. */
export function forwarded(request: Request, { rule, match }: Choice, { http }: VirtualServiceSpec, destination: IstioDestination): Request {
  const { rewrite, headers: ofRoute } = http[rule]!;
  const headers: Record<string, string> = { ...request.headers };
  for (const change of [ofRoute?.request, destination.headers?.request]) {
    for (const name of change?.remove ?? []) delete headers[name];
    Object.assign(headers, change?.set ?? {});
    for (const [name, value] of Object.entries(change?.add ?? {})) headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`;
  }
  if (rewrite?.authority !== undefined) headers['host'] = rewrite.authority;
  return { ...request, path: rewrite?.uri === undefined ? request.path : rewritten(request.path, match.uri, rewrite.uri), headers };
}

function rewritten(path: string, uri: Text | undefined, replacement: string): string {
  if (uri !== undefined && ('exact' in uri || ('regex' in uri && uri.regex !== '*'))) return replacement;
  return replacement + path.slice(uri !== undefined && 'prefix' in uri ? uri.prefix!.length : 1);
}

/** `namespace/name` of those who get copies, sorted. */
export function mirrored({ mirror, mirrorPercentage, mirrors = [] }: IstioRoute, namespace: string): string[] {
  const single = mirror !== undefined && (mirrorPercentage === undefined || (mirrorPercentage.value ?? 0) > 0) ? [mirror.host] : [];
  const several = mirrors.filter(({ percentage }) => percentage === undefined || (percentage.value ?? 0) > 0).map(({ destination }) => destination.host);
  return [...single, ...several].map((host) => `${namespace}/${host}`).sort();
}

/** Those destinations that get requests. */
export function used({ route = [] }: IstioRoute): IstioDestination[] {
  return route.length === 1 ? route : route.filter(({ weight = 0 }) => weight > 0);
}
