import type { HostPatterns } from './hosts.ts';
import type { Problem, RouteKind } from './imported-policy.ts';
import type { Match, PathMatch, ValueMatch } from './match.ts';
import type { Pods } from './pods.ts';

/** What the routes of all kinds have in common: rules, one of which takes each request. */
export interface Route {
  readonly kind: RouteKind;
  readonly namespace: string;
  readonly name: string;
  readonly hosts: HostPatterns;
  readonly rules: readonly RouteRule[];
  /** Why no rule can be imported; empty where they can. */
  readonly problems: readonly Problem[];
  /** What is to be said of every rule that is imported. */
  readonly remarks: readonly Problem[];
}

export interface RouteRule {
  /** Its name where that is unique and a DNS label, or its number. */
  readonly id: string;
  /** A request that fits one of them may be the rule's. */
  readonly entries: readonly RouteEntry[];
  /** Those that get requests. */
  readonly backends: readonly RouteBackend[];
  /** It asks for copies of some request. */
  readonly mirrors: boolean;
  /** Why it is not understood: it cannot be imported, and anything may have been done to its requests. */
  readonly problems: readonly Problem[];
}

/** One match of a rule. */
export interface RouteEntry {
  /** Requests that certainly fit, if it has no problems. */
  readonly match: Match;
  /** All requests that may fit. */
  readonly wide: Match;
  /** `wide` takes exactly the requests that fit. */
  readonly exact: boolean;
  /** Requests that fit one of these do not fit the entry. */
  readonly without: readonly Match[];
  /** Sources that it takes, as in a MirrorPolicy; null: all. */
  readonly from: object | null;
  /**
   * Places that it may have in the order of entries: of two that a request fits, the one with the greater place gets it.
   * Numbers are compared one by one, the first that differs counts. Several: nobody says which.
   */
  readonly places: readonly (readonly number[])[];
  /** What a rewriting of the path by prefix replaces. */
  readonly replaces: 'path' | 'prefix' | 'unknown';
  /** Why it cannot be expressed. */
  readonly problems: readonly Problem[];
  /** What is to be said if it is imported. */
  readonly remarks: readonly Problem[];
}

export interface RouteBackend {
  /** Name of the Service, or what stands in its place. */
  readonly name: string;
  /** Where its policy lives. */
  readonly namespace: string;
  /** null: not known, so it may be any. */
  readonly pods: Pods | null;
  /** It asks for copies of some of its requests. */
  readonly mirrors: boolean;
  /** Where they go, as targets of a MirrorPolicy. */
  readonly targets: readonly object[];
  readonly change: Change;
  /** Why copies of its requests cannot be made. */
  readonly problems: readonly Problem[];
  readonly remarks: readonly Problem[];
}

/** What is done to a request between its routing and the pod. */
export interface Change {
  /** Path that the requests of an entry have in the end, null where that is not known; not there: as they came. */
  readonly path?: (entry: RouteEntry) => PathMatch | null;
  /** Condition that holds of `Host` in the end; null where that is not known; not there: as it came. */
  readonly host?: ValueMatch | null;
  /** By name in lower case: the value in the end, or null where that is not known or it is taken away. */
  readonly headers: ReadonlyMap<string, string | null>;
  /** Anything may have been changed. */
  readonly unknown: boolean;
}

export const UNCHANGED: Change = { headers: new Map(), unknown: false };
export const UNKNOWN_CHANGE: Change = { headers: new Map(), unknown: true };

/** One change after the other. */
export function andThen(first: Change, second: Change): Change {
  return {
    ...first,
    // What a second rewriting finds in place of the match's path is left open.
    ...(second.path === undefined ? {} : { path: first.path === undefined ? second.path : () => null }),
    ...(second.host === undefined ? {} : { host: second.host }),
    headers: new Map([...first.headers, ...second.headers]),
    unknown: first.unknown || second.unknown,
  };
}

/** Whether a request that fits both goes to the first; null where nobody says. */
export function precedes(first: RouteEntry, second: RouteEntry): boolean | null {
  const orders = first.places.flatMap((one) => second.places.map((other) => compare(one, other)));
  if (orders.every((order) => order > 0)) return true;
  return orders.every((order) => order < 0) ? false : null;
}

/** Of entries of one rule, which come first. */
export function byPlace(first: RouteEntry, second: RouteEntry): number {
  return compare(second.places[0]!, first.places[0]!);
}

function compare(one: readonly number[], other: readonly number[]): number {
  const at = one.findIndex((number, i) => number !== other[i]);
  return at < 0 ? 0 : one[at]! > (other[at] ?? -Infinity) ? 1 : -1;
}

/** An id for each rule: names where they can stand in a name and are unique, else numbers. */
export function ruleIds(names: readonly (string | undefined)[]): string[] {
  const usable = (name: string | undefined): name is string =>
    name !== undefined && /^[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(name) && names.filter((other) => other === name).length === 1;
  return names.map((name, i) => (usable(name) ? name : String(i)));
}

/** Matches of a route that are looked at; each is held against the others. */
export const MAX_ENTRIES = 256;
/** Names in any spelling. */
export const MAX_HOSTS = 128;
export const TOO_LARGE: Problem = {
  reason: 'TooLarge',
  message: `the route has more than ${MAX_ENTRIES} matches, or ${MAX_HOSTS} hosts, or comes to too many policies`,
};
