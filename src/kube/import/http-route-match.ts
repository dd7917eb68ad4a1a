import type { Fields } from './fields.ts';
import { headerProblem } from './header-name.ts';
import { shown, type Problem } from './imported-policy.ts';
import { firstOfEach, isPattern, matchOf, withoutSlash, type PathMatch, type ValueMatch } from './match.ts';
import type { RouteEntry } from './route.ts';

/** One condition for each purpose: what certainly fits, and what may fit; null where nothing is left of it. */
interface Reading<Condition> {
  readonly narrow: Condition | null;
  readonly wide: Condition | null;
}

/** Places of a path whose rank is up to the implementation. */
const ANYWHERE = [[Infinity], [-Infinity]];

/**
 * An HTTPRouteMatch.
 * @param rule number of its rule, by which the last ties are broken
 * @param problems of the entry, to which this adds
 */
export function readMatch(fields: Fields, rule: number, problems: Problem[]): RouteEntry {
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

const REGULAR_EXPRESSION: Problem = {
  reason: 'RegularExpression',
  message: 'each gateway has regular expressions of its own; here they are RE2 for the whole value, and what only might fit is not mirrored',
};

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
  const patterns = type === 'RegularExpression' ? readPattern(value, fields.where, problems) : unknownType(type, fields.where, problems);
  const pathOf = (pattern: string | null): PathMatch | null => (pattern === null ? null : { type: 'RegularExpression', value: pattern });
  return { narrow: pathOf(patterns.narrow), wide: pathOf(patterns.wide) };
}

function readValue(fields: Fields, problems: Problem[], isHeader: boolean): Reading<ValueMatch> {
  const name = fields.text('name') ?? '';
  const type = fields.text('type') ?? 'Exact';
  const value = fields.text('value') ?? '';
  fields.end();
  const wrong = isHeader ? headerProblem(name) : name === '' ? 'is not the name of a parameter' : null;
  if (wrong !== null) {
    problems.push({ reason: 'UnsupportedMatch', message: `${fields.where}: ${shown(name)} ${wrong}` });
    return { narrow: null, wide: null };
  }
  if (type === 'Exact') return { narrow: { name, type, value }, wide: { name, type, value } };
  const patterns = type === 'RegularExpression' ? readPattern(value, fields.where, problems) : unknownType(type, fields.where, problems);
  const valueOf = (pattern: string | null): ValueMatch | null => (pattern === null ? null : { name, type: 'RegularExpression', value: pattern });
  return { narrow: valueOf(patterns.narrow), wide: valueOf(patterns.wide) };
}

/** Implementations may look for a pattern anywhere in a value: where it matters that nothing is missed, so it is taken. */
function readPattern(value: string, where: string, problems: Problem[]): Reading<string> {
  if (!isPattern(value)) {
    problems.push({ reason: 'UnsupportedMatch', message: `${where}: the pattern ${shown(value)} is no RE2 pattern, or too large` });
    return { narrow: null, wide: null };
  }
  const anywhere = `(?s:.*)(?:${value})(?s:.*)`;
  return { narrow: value, wide: isPattern(anywhere) ? anywhere : null };
}

function unknownType(type: string, where: string, problems: Problem[]): Reading<string> {
  problems.push({ reason: 'UnsupportedMatch', message: `${where}: the type ${shown(type)} is not known` });
  return { narrow: null, wide: null };
}
