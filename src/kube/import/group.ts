import type { Problem } from './imported-policy.ts';
import { disjoint } from './match.ts';
import { byPlace, precedes, type RouteEntry, type RouteRule } from './route.ts';

/** Entries of a rule that one policy can stand for, and the entries to which it leaves requests. */
export interface Group {
  readonly entries: RouteEntry[];
  readonly before: Set<RouteEntry>;
}

/**
 * Puts the entries of a rule together into as few groups as can be. A policy's `excludes` hold for all of its `matches`:
 * where an entry comes before one of the rule's entries and behind another that a request may fit as well, the two need
 * policies of their own. Of these, the later leaves to the earlier what fits both, so that no request is copied twice.
 * Rules that mirror alike are kept apart in the same way: each request is the business of one policy.
 * @param entries those of the rule that can be expressed
 */
export function groupsOf(entries: readonly RouteEntry[], rule: RouteRule, rules: readonly RouteRule[]): Group[] {
  const others = rules.filter((other) => other !== rule).flatMap((other) => other.entries);
  const groups: Group[] = [];
  for (const entry of [...entries].sort(byPlace)) {
    const first = others.filter((other) => mayMeet(entry, other) && precedes(other, entry) !== false);
    const last = groups.at(-1);
    const before = new Set([...first, ...groups.slice(0, -1).flatMap((group) => group.entries.filter((own) => mayMeet(entry, own)))]);
    if (last !== undefined && joins(entry, before, last)) {
      last.entries.push(entry);
      for (const other of before) last.before.add(other);
    } else {
      for (const own of last?.entries ?? []) if (mayMeet(entry, own)) before.add(own);
      groups.push({ entries: [entry], before });
    }
  }
  return groups;
}

function mayMeet(entry: RouteEntry, other: RouteEntry): boolean {
  return !disjoint(entry.match, other.wide);
}

function joins(entry: RouteEntry, before: ReadonlySet<RouteEntry>, { entries, before: common }: Group): boolean {
  const one = entries[0]!;
  if (one.without.length > 0 || entry.without.length > 0 || JSON.stringify(one.from) !== JSON.stringify(entry.from)) return false;
  return (
    [...common].every((other) => before.has(other) || !mayMeet(entry, other)) &&
    [...before].every((other) => common.has(other) || entries.every((own) => !mayMeet(own, other)))
  );
}

/** What a group gives up because it is not certain that another entry would have taken it. */
export function doubtsOf({ entries, before }: Group, name: (entry: RouteEntry) => string): Problem[] {
  return [...before].flatMap((other) => {
    if (entries.some((entry) => mayMeet(entry, other) && precedes(other, entry) === null && name(other) !== name(entry))) {
      const message = `nobody says whether rule ${name(other)} takes requests before this one; those that fit both are not mirrored`;
      return [{ reason: 'PrecedenceUnknown', message }];
    }
    if (other.exact) return [];
    return [{
      reason: 'PrecedenceInexact',
      message: `what rule ${name(other)} takes before this one cannot be expressed exactly; all that may fit it is not mirrored`,
    }];
  });
}
