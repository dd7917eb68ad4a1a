import type { Fields } from './fields.ts';
import { ANYWHERE, readPattern, readValue, REGULAR_EXPRESSION, type Reading } from './gateway-route-values.ts';
import type { Problem } from './imported-policy.ts';
import { firstOfEach, matchOf, withoutSlash, type PathMatch } from './match.ts';
import type { RouteEntry } from './route.ts';

/**
 * An HTTPRouteMatch.
 * @param rule number of its rule, by which the last ties are broken
 * @param problems of the entry, to which this adds
 */
export function readHttpMatch(fields: Fields, rule: number, problems: Problem[]): RouteEntry {
  const path = readPath(fields.object('path'), problems);
  const method = fields.text('method') ?? null;
  const headers = fields.objects('headers').map((header) => readValue(header, problems, true));
  const queryParams = fields.objects('queryParams').map((param) => readValue(param, problems, false));
  fields.end();
  const parts = (kind: 'narrow' | 'wide') =>
    matchOf({
      path: path[kind],
      method,
      headers: firstOfEach(headers.flatMap((header) => header[kind] ?? []), (name) => name.toLowerCase()),
      queryParams: firstOfEach(queryParams.flatMap((param) => param[kind] ?? []), (name) => name),
    });
  const match = parts('narrow');
  const wide = parts('wide');
  const exact = problems.length === 0 && JSON.stringify(match) === JSON.stringify(wide);
  const type = path.narrow?.type ?? 'RegularExpression';
  const headerCounts = [headers.length, match.headers?.length ?? 0];
  return {
    match,
    wide,
    exact,
    without: [],
    from: null,
    places: placesOf(path.narrow, method, headerCounts, queryParams.length, rule),
    replaces: type === 'PathPrefix' ? 'prefix' : 'unknown',
    problems,
    remarks: exact || problems.length > 0 ? [] : [REGULAR_EXPRESSION],
  };
}

/**
 * Order of the Gateway API (HTTPRouteRule.matches): Exact, the longest prefix, a method, most headers, most query
 * parameters, the first rule. Two readings of it are possible where a prefix ends with a slash, which means nothing, or a
 * header is named twice.
 * @param headers how many there are, in either reading
 */
function placesOf(path: PathMatch | null, method: string | null, headers: readonly number[], params: number, rule: number): number[][] {
  if (path === null || path.type === 'RegularExpression') return ANYWHERE;
  const isExact = path.type === 'Exact';
  const lengths = isExact ? [0] : [path.value.length, Math.max(1, withoutSlash(path.value).length)];
  return [...new Set(lengths)].flatMap((length) =>
    [...new Set(headers)].map((count) => [isExact ? 1 : 0, length, method === null ? 0 : 1, count, params, -rule]),
  );
}

function readPath(fields: Fields, problems: Problem[]): Reading<PathMatch> {
  const type = fields.text('type') ?? 'PathPrefix';
  const value = fields.text('value') ?? '/';
  fields.end();
  if (type === 'Exact' || type === 'PathPrefix') {
    const path: PathMatch = { type, value };
    return { narrow: path, wide: path };
  }
  const patterns = readPattern(type, value, fields.where, problems);
  const pathOf = (pattern: string | null): PathMatch | null => (pattern === null ? null : { type: 'RegularExpression', value: pattern });
  return { narrow: pathOf(patterns.narrow), wide: pathOf(patterns.wide) };
}
