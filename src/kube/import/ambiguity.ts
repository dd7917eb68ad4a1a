import { withHosts } from './hosts.ts';
import { imageOf, isSeen, type Looks } from './image.ts';
import type { Problem } from './imported-policy.ts';
import { disjoint, type Match } from './match.ts';
import { mayShare } from './pods.ts';
import { UNKNOWN_CHANGE, type Route, type RouteBackend, type RouteRule } from './route.ts';

/**
 * Requests of other rules that reach the same pods and may look, once they are changed, like those of a policy. They
 * cannot be told apart, so neither are mirrored.
 * @param matches of the policy
 */
export function ambiguities(
  matches: readonly Match[],
  { rules, hosts }: Route,
  rule: RouteRule,
  backend: RouteBackend,
  looks: Looks,
): { readonly excludes: Match[]; readonly problems: Problem[] } {
  const excludes: Match[] = [];
  const problems: Problem[] = [];
  const known = new Set<string>();
  const isOwnSeen = isSeen(backend.change, looks);
  for (const other of rules) {
    if (other === rule) continue;
    for (const { pods, change: own } of other.backends) {
      const change = other.problems.length > 0 ? UNKNOWN_CHANGE : own;
      // Requests that nobody changed are told apart by the order of the rules.
      if (!mayShare(pods, backend.pods) || !(isOwnSeen || isSeen(change, looks))) continue;
      for (const entry of other.entries) {
        const image = imageOf(entry.wide, entry, change, looks).match;
        const text = JSON.stringify(image);
        if (known.has(text)) continue;
        const whole = (change.host === undefined && !change.unknown ? withHosts(image, hosts) : null) ?? [image];
        if (whole.every((one) => matches.every((match) => disjoint(match, one)))) continue;
        known.add(text);
        excludes.push(image);
        const message = `requests of rule ${other.id} reach the same pods and may look the same there; such requests are not mirrored`;
        problems.push({ reason: 'Ambiguous', message });
      }
    }
  }
  return { excludes, problems };
}
