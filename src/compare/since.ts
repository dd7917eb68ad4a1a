import { PAIR_FIELDS, type PairSample } from '../sketch/reservoir.ts';
import { NOT_COMPARED } from './answer.ts';
import type { AnswerCounts, ComparisonData, EndpointComparison, NotComparedCounts, PlaceEvidence, PolicyComparison } from './data.ts';

/**
 * What has been compared between two looks at one agent. What is known of production itself (repeats, baselines) stays whole: it
 * tells what is noise, and that does not begin with the first look.
 * @param before of the same agent; what it does not know, or knows as younger than `after` (the agent or the policy began anew), counts from nothing
 */
export function comparedSince(before: ComparisonData, after: ComparisonData): ComparisonData {
  const known = new Map(before.policies.map((policy) => [keyOf(policy), policy]));
  return {
    policies: after.policies.map((policy) => {
      const old = known.get(keyOf(policy));
      return old === undefined || old.sinceMs !== policy.sinceMs || policy.role === 'Baseline' ? policy : policySince(old, policy);
    }),
  };
}

function policySince(before: PolicyComparison, after: PolicyComparison): PolicyComparison {
  const known = new Map(before.endpoints.map((endpoint) => [nameOf(endpoint), endpoint]));
  return {
    ...after,
    endpoints: after.endpoints.map((endpoint) => {
      const old = known.get(nameOf(endpoint));
      // Endpoints are folded as their templates are learnt: one that has lost something has been taken apart.
      return old === undefined || old.compared > endpoint.compared ? endpoint : endpointSince(old, endpoint);
    }),
    folded: less(after.folded, before.folded),
    notCompared: lessEach(after.notCompared, before.notCompared),
  };
}

function endpointSince(before: EndpointComparison, after: EndpointComparison): EndpointComparison {
  // What is left out of sets by now was in them before.
  const places = new Map(before.places.map((place, i) => [placeKey(place), { ...place, unlisted: place.unlisted || listed(before, i) }]));
  return {
    ...after,
    compared: less(after.compared, before.compared),
    notCompared: lessEach(after.notCompared, before.notCompared),
    signatures: signaturesSince(before, after),
    places: after.places.map((place) => placeSince(places.get(placeKey(place)), place)),
    answers: { production: answersSince(before.answers.production, after.answers.production), mirror: answersSince(before.answers.mirror, after.answers.mirror) },
    latency: sampleSince(before.latency, after.latency),
  };
}

/** Sets out of which a place was left meanwhile, because they were too many, go by what is left of them. All together are no more than came since. */
function signaturesSince(before: EndpointComparison, after: EndpointComparison): EndpointComparison['signatures'] {
  const leftOut = new Set(after.places.flatMap((place, i) => (place.unlisted > 0 && listed(after, i) === 0 ? [placeKey(place)] : [])));
  const old = new Map<string, number>();
  for (const { places, count } of before.signatures) {
    const key = signatureKey(before, places, leftOut);
    old.set(key, (old.get(key) ?? 0) + count);
  }
  let left = Math.min(less(after.compared, before.compared), less(differing(after), differing(before)));
  return after.signatures.flatMap(({ places, count }) => {
    const since = Math.min(left, less(count, old.get(signatureKey(after, places, leftOut)) ?? 0));
    left -= since;
    return since > 0 ? [{ places, count: since }] : [];
  });
}

function differing({ signatures }: EndpointComparison): number {
  return signatures.reduce((sum, { count }) => sum + count, 0);
}

/** Exchanges in whose sets of places this one is. */
function listed({ signatures }: EndpointComparison, index: number): number {
  return signatures.reduce((sum, { places, count }) => (places.includes(index) ? sum + count : sum), 0);
}

function placeSince(before: PlaceEvidence | undefined, after: PlaceEvidence): PlaceEvidence {
  if (before === undefined) return after;
  return {
    ...after,
    differed: less(after.differed, before.differed),
    unlisted: less(after.unlisted, before.unlisted),
    looked: less(after.looked, before.looked),
    random: less(after.random, before.random),
  };
}

function answersSince(before: AnswerCounts, after: AnswerCounts): AnswerCounts {
  const [a, b, c, d, e] = after.statuses;
  const [v, w, x, y, z] = before.statuses;
  return { statuses: [less(a, v), less(b, w), less(c, x), less(d, y), less(e, z)], errors: less(after.errors, before.errors) };
}

/** What stayed in the sample from before is taken out: the rest is a fair sample of what came since. */
function sampleSince(before: PairSample, after: PairSample): PairSample {
  const old = new Set<string>();
  for (const key of membersOf(before)) old.add(key.join());
  return { pairs: less(after.pairs, before.pairs), sample: [...membersOf(after)].filter((member) => !old.has(member.join())).flat() };
}

function* membersOf({ sample }: PairSample): Iterable<readonly number[]> {
  for (let i = 0; i + PAIR_FIELDS <= sample.length; i += PAIR_FIELDS) yield sample.slice(i, i + PAIR_FIELDS);
}

function lessEach(after: NotComparedCounts, before: NotComparedCounts): NotComparedCounts {
  return Object.fromEntries(NOT_COMPARED.map((why) => [why, less(after[why] ?? 0, before[why] ?? 0)] as const).filter(([, count]) => count > 0));
}

function less(after: number, before: number): number {
  return Math.max(0, after - before);
}

function keyOf({ policy, target, role, rules }: PolicyComparison): string {
  return JSON.stringify([policy, target, role, rules]);
}

function nameOf({ method, template }: EndpointComparison): string {
  return `${method} ${template}`;
}

function placeKey({ where, kind }: PlaceEvidence): string {
  return `${kind} ${where}`;
}

/** Positions of places may change from look to look; their names do not. */
function signatureKey({ places }: EndpointComparison, set: readonly number[], leftOut: ReadonlySet<string>): string {
  return set.map((index) => placeKey(places[index]!)).filter((key) => !leftOut.has(key)).sort().join('\n');
}
