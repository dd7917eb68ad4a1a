import type { Fields } from './fields.ts';
import { beginsWith, isPattern, type PathMatch } from './match.ts';
import { UNCHANGED, type Change } from './route.ts';

/** HTTPRewrite of a route of a VirtualService. */
export function readRewrite(rewrite: Fields): Change {
  const uri = rewrite.text('uri');
  const authority = rewrite.text('authority') ?? '';
  const byPattern = rewrite.has('uriRegexRewrite');
  rewrite.ignore('uriRegexRewrite');
  rewrite.end();
  const path = byPattern ? () => null : uri === undefined || uri === '' ? null : rewriting(uri);
  return {
    ...(path === null ? {} : { path }),
    ...(authority === '' ? {} : { host: { name: 'Host', type: 'Exact', value: authority } }),
    headers: new Map(),
    unknown: false,
  };
}

/** An exact path is replaced whole, a prefix as text; what stands behind it follows. */
function rewriting(uri: string): NonNullable<Change['path']> {
  if (!/^\/[^?#\s]*$/.test(uri)) return () => null;
  const pattern = beginsWith(uri);
  const prefix: PathMatch | null = uri === '/'
    ? { type: 'PathPrefix', value: '/' }
    : isPattern(pattern) ? { type: 'RegularExpression', value: pattern } : null;
  const path: PathMatch = { type: 'Exact', value: uri };
  return ({ replaces }) => (replaces === 'unknown' ? null : replaces === 'path' ? path : prefix);
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
