import { hostCondition } from './hosts.ts';
import { matchOf, type Match, type PathMatch, type ValueMatch } from './match.ts';
import type { Change, Route, RouteEntry } from './route.ts';

/** What the matches of a route look at: a change of anything else can be left aside. */
export interface Looks {
  readonly path: boolean;
  /** In lower case. */
  readonly headers: ReadonlySet<string>;
}

export function looksOf({ rules, hosts }: Route): Looks {
  const matches = rules.flatMap(({ entries }) => entries.flatMap(({ match, wide, without }) => [match, wide, ...without]));
  const headers = matches.flatMap(({ headers = [] }) => headers.map(({ name }) => name.toLowerCase()));
  return {
    path: matches.some(({ path, grpc }) => path !== undefined || grpc !== undefined),
    headers: new Set(hosts === null ? headers : [...headers, 'host']),
  };
}

/** Whether matches find in a request at the pod what they found before the change. */
export function isSeen({ path, host, headers, unknown }: Change, looks: Looks): boolean {
  if (unknown || (path !== undefined && looks.path) || (host !== undefined && looks.headers.has('host'))) return true;
  return [...headers.keys()].some((name) => looks.headers.has(name));
}

export interface Image {
  readonly match: Match;
  /** All that can be said of the requests is in the match. */
  readonly exact: boolean;
}

/**
 * How the requests that fit a match look once they are changed: all of them fit the image.
 * @param match of the entry
 */
export function imageOf(match: Match, entry: RouteEntry, change: Change, looks: Looks): Image {
  if (change.unknown) return { match: {}, exact: false };
  const path = imagePath(match.path, entry, change);
  const host = change.host === undefined ? hostCondition(match) : change.host;
  const own = (match.headers ?? []).filter(({ name }) => name.toLowerCase() !== 'host');
  const kept = own.filter(({ name }) => !change.headers.has(name.toLowerCase()));
  const set = [...change.headers].flatMap(([name, value]): ValueMatch[] =>
    value === null || !looks.headers.has(name) ? [] : [{ name, type: 'Exact', value }],
  );
  const isLost = own.some(({ name }) => change.headers.get(name.toLowerCase()) === null);
  return {
    match: matchOf({
      path,
      method: match.method ?? null,
      headers: [...(host === undefined || host === null ? [] : [host]), ...kept, ...set],
      queryParams: match.queryParams ?? [],
      grpc: match.grpc ?? null,
    }),
    exact: !isLost && host !== null && (change.path === undefined || path !== null),
  };
}

function imagePath(path: PathMatch | undefined, entry: RouteEntry, change: Change): PathMatch | null {
  return change.path === undefined ? (path ?? null) : change.path(entry);
}
