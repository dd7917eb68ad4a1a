import type { Fields } from './fields.ts';
import { isPattern, quoted, type PathMatch, type ValueMatch } from './match.ts';
import { UNCHANGED, type Change, type RouteEntry } from './route.ts';

/** HTTPRewrite of a route of a VirtualService. */
export function readRewrite(rewrite: Fields): Change {
  const uri = rewrite.text('uri');
  const authority = rewrite.text('authority') ?? '';
  const byPattern = rewrite.has('uriRegexRewrite');
  rewrite.ignore('uriRegexRewrite');
  rewrite.end();
  const path = byPattern ? () => null : uri === undefined || uri === '' ? null : (entry: RouteEntry) => rewritten(uri, entry);
  return {
    ...(path === null ? {} : { path }),
    ...(authority === '' ? {} : { host: isHostLiteral(authority) }),
    headers: new Map(),
    unknown: false,
  };
}

/** An exact path is replaced whole, a prefix as text; what stands behind it follows. */
function rewritten(uri: string, { replaces }: RouteEntry): PathMatch | null {
  if (!/^\/[^?#\s]*$/.test(uri) || replaces === 'unknown') return null;
  if (replaces === 'path') return { type: 'Exact', value: uri };
  if (uri === '/') return { type: 'PathPrefix', value: '/' };
  const value = `(?s)${quoted(uri)}.*`;
  return isPattern(value) ? { type: 'RegularExpression', value } : null;
}

function isHostLiteral(value: string): ValueMatch {
  return { name: 'Host', type: 'Exact', value };
}

/** Headers of a route or of a destination: what is done to requests. */
export function readHeaders(headers: Fields): Change {
  const request = headers.object('request');
  const set = request.textMap('set');
  const add = request.textMap('add');
  const remove = request.texts('remove');
  request.end();
  headers.ignore('response');
  headers.end();
  if (set.length + add.length + remove.length === 0) return UNCHANGED;
  const changed = new Map<string, string | null>();
  // Of several changes of one header, what comes in the end is Envoy's business.
  for (const [name, value] of [...set, ...add.map(([name]) => [name, null] as const), ...remove.map((name) => [name, null] as const)]) {
    changed.set(name.toLowerCase(), changed.has(name.toLowerCase()) ? null : value);
  }
  // Names of the request line and of the host are not touched as headers; values may hold formats of Envoy, `%...%`.
  const isHost = (name: string): boolean => name === 'host' || name === ':authority';
  const host = [...changed].some(([name]) => isHost(name));
  const kept = [...changed].filter(([name]) => !isHost(name) && !name.startsWith(':'));
  return {
    ...(host ? { host: null } : {}),
    headers: new Map(kept.map(([name, value]) => [name, value?.includes('%') === true ? null : value])),
    unknown: false,
  };
}
