import type { PairSample } from '../sketch/reservoir.ts';
import { centreOf, limitOf, type Family } from './hodges-lehmann.ts';
import type { Interval, LatencyReport } from './report.ts';
import { dependenceOf, inTime, MIN_PAIRS, quantile, quantiles, residuals, type TimedPair } from './timed-pairs.ts';

/** With fewer connections their median is chance. */
const MIN_CONNECTS = 3;
/**
 * Connecting is one round trip and one turn of the agent's loop, as asking over an open connection is. That one is spared the
 * set-up (address resolution, NAT), and has HTTP to write and to read: between half and twice as long is allowed for.
 */
const CONNECT_SPREAD = 2;
/** What a hop of unknown length is allowed to take: more than a round trip between the zones of a region. */
const UNKNOWN_HOP_US = 2_000;

/** The hop, in microseconds. */
export interface Hop {
  readonly from: LatencyReport['hopFrom'];
  readonly us: Interval;
}

/**
 * What the mirror's times contain and production's, taken at the pod's interface, do not: the way from the agent to the target and back, and the
 * agent's own part. A baseline shows it at the same endpoint, together with what else distinguishes a mirror that answers
 * copies from production, such as a colder cache; it is taken to be as far away as the mirror. Else connecting shows it, if what accepts the
 * connection is the target and no proxy beside the agent, and if it is shorter than answers take, of which it is a part: connections that
 * were made all at once, as by an agent that has just begun, wait for each other. The endpoints' own least difference is no measure: a
 * version that is slower everywhere would be taken for a longer way.
 *
 * @param sample of the endpoint; not empty
 */
export function hopOf(sample: readonly TimedPair[], baseline: PairSample | null, connectUs: readonly number[], confidence: number): Hop {
  const pairs = baseline === null ? [] : inTime(baseline);
  if (pairs.length >= MIN_PAIRS) return { from: 'baseline', us: hopBy(pairs, confidence) };
  if (connectUs.length < MIN_CONNECTS) return { from: 'unknown', us: { estimate: 0, low: 0, high: UNKNOWN_HOP_US } };
  const { p50 } = quantiles(connectUs);
  const fast = quantile(sample.map(({ mirror }) => mirror), 0.1);
  if (p50 > fast) return { from: 'unknown', us: { estimate: 0, low: 0, high: Math.max(UNKNOWN_HOP_US, fast) } };
  return { from: 'connect', us: { estimate: p50, low: p50 / CONNECT_SPREAD, high: p50 * CONNECT_SPREAD } };
}

/** What `mirror = production + hop` gives. */
function hopBy(pairs: readonly TimedPair[], confidence: number): Interval {
  const { p50 } = quantiles(pairs.map(({ production, mirror }) => mirror - production));
  const most = Math.max(...pairs.map(({ production, mirror }) => Math.max(production, mirror)));
  const hops: Family = {
    size: pairs.length,
    at: (hopUs) => residuals(pairs, (production) => production + hopUs),
    start: p50,
    step: Math.max(20, Math.abs(p50) / 8),
    low: -most,
    high: most,
    precision: Math.max(1, Math.abs(p50) / 200),
  };
  const estimate = centreOf(hops);
  const dependence = dependenceOf(hops.at(estimate));
  return { estimate, low: limitOf(hops, 'low', confidence, dependence), high: limitOf(hops, 'high', confidence, dependence) };
}
