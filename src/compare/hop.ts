import type { PairSample } from '../sketch/reservoir.ts';
import { centreOf, limitOf, type Family } from './hodges-lehmann.ts';
import type { Interval, LatencyReport } from './report.ts';
import { dependenceOf, inTime, MIN_PAIRS, quantiles, residuals, typicalMirrorUs, type TimedPair } from './timed-pairs.ts';

/** With fewer connections the quickest of them is chance. */
const MIN_CONNECTS = 3;
/** HTTP has to be written and read besides: so many times the quickest connection is allowed for at least. */
const CONNECT_SPREAD = 2;
/**
 * No two targets are equally far, and the agent asks one after the other, so that the second waits for what the first costs: in a
 * quiet network half as much again was measured.
 */
const BASELINE_SPREAD = 1.5;
/** What a hop of unknown length is allowed to take: more than a round trip between the zones of a region. */
const UNKNOWN_HOP_US = 2_000;

/** The hop, in microseconds. */
export interface Hop {
  readonly from: LatencyReport['hopFrom'];
  readonly us: Interval;
}

/**
 * What the mirror's times contain and production's, taken at the pod's interface, do not: the way from the agent to the target and
 * back, and the agent's own part.
 *
 * A baseline shows it at the same endpoint, together with what else distinguishes a mirror that answers copies from production, such
 * as a colder cache. Else connecting shows it, as it is one round trip and one turn of the agent's loop, if what accepts the
 * connection is the target and no proxy beside the agent; connections are opened in bursts, when the agent or the target is busy, so
 * the quickest is the best guess and the median an upper bound, and nothing is known of the lower. The least difference of any
 * endpoint is no measure: a version that is slower everywhere would be taken for a longer way.
 */
export function hopOf(baseline: PairSample | null, connectUs: readonly number[], quickestUs: number, confidence: number): Hop {
  const pairs = baseline === null ? [] : inTime(baseline);
  if (pairs.length >= MIN_PAIRS) return { from: 'baseline', us: hopBy(pairs, confidence) };
  const { from, us } = hopByConnecting(connectUs);
  return { from, us: { estimate: Math.min(us.estimate, quickestUs), low: us.low, high: Math.min(us.high, quickestUs) } };
}

/** Typical time of the quickest of the mirror's endpoints; Infinity where no endpoint has enough pairs. */
export function quickestUs(endpoints: readonly PairSample[]): number {
  return Math.min(Infinity, ...endpoints.map(typicalMirrorUs).filter((us) => us !== null));
}

function hopByConnecting(connectUs: readonly number[]): Hop {
  if (connectUs.length >= MIN_CONNECTS) {
    const least = Math.min(...connectUs);
    return { from: 'connect', us: { estimate: least, low: 0, high: Math.max(quantiles(connectUs).p50, CONNECT_SPREAD * least) } };
  }
  return { from: 'unknown', us: { estimate: 0, low: 0, high: UNKNOWN_HOP_US } };
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
  const low = limitOf(hops, 'low', confidence, dependence);
  const high = limitOf(hops, 'high', confidence, dependence);
  return { estimate, low: low - Math.abs(low) * (1 - 1 / BASELINE_SPREAD), high: high + Math.abs(high) * (BASELINE_SPREAD - 1) };
}
