/** A request target in parts. */
export interface TargetParts {
  /** Of absolute form (RFC 9112 section 3.2.2), without user and password; empty otherwise. */
  readonly authority: string;
  /** Without the query; `*` in asterisk form. */
  readonly path: string;
  /** With its question mark; empty where there is none. */
  readonly query: string;
}

/** Origin form as it is; absolute form becomes origin form and an authority. */
export function splitTarget(target: string): TargetParts {
  if (target.startsWith('/') || target === '*') return withQuery('', target);
  const scheme = target.indexOf('://');
  if (scheme < 0) return withQuery('', target);
  const start = scheme + 3;
  let end = start;
  while (end < target.length && target[end] !== '/' && target[end] !== '?' && target[end] !== '#') end++;
  const rest = target.slice(end);
  const authority = target.slice(start, end);
  return withQuery(authority.slice(authority.lastIndexOf('@') + 1), rest.startsWith('/') ? rest : `/${rest}`);
}

function withQuery(authority: string, path: string): TargetParts {
  const mark = path.indexOf('?');
  return mark < 0 ? { authority, path, query: '' } : { authority, path: path.slice(0, mark), query: path.slice(mark) };
}
