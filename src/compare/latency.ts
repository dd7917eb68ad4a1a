import { PAIR_FIELDS, type PairSample } from '../sketch/reservoir.ts';
import { hodgesLehmann } from './hodges-lehmann.ts';
import { clusterDependence, INDEPENDENT, signedRankTest, type Dependence } from './wilcoxon.ts';
import type { Interval, LatencyReport, Quantiles } from './report.ts';

/** With fewer pairs neither a verdict is given nor a hop learnt from a baseline: how much pairs depend on each other cannot be seen. */
const MIN_PAIRS = 30;
/** With fewer connections their median is chance. */
const MIN_CONNECTS = 3;
/**
 * Connecting is one round trip and one turn of the agent's loop, as asking over an open connection is. That one is spared the
 * set-up (address resolution, NAT), and has HTTP to write and to read: between half and twice as long is allowed for.
 */
const CONNECT_SPREAD = 2;
/** What a hop of unknown length is allowed to take: more than a round trip between the zones of a region. */
const UNKNOWN_HOP_US = 2_000;

/** Where an interval without an upper end ends, because JSON has no infinity. */
const MOST_RATIO = 1_000;

/** Times of one endpoint's exchanges, and what is known of the way to the mirror. */
export interface LatencyInput {
  /** Of production and mirror: Unix time in milliseconds; microseconds. */
  readonly pairs: PairSample;
  /** Of production and the baseline target at the same endpoint, if there is one. */
  readonly baseline: PairSample | null;
  /** How long connecting to the target took, microseconds. */
  readonly connectUs: readonly number[];
  /** How much slower is not worth a word, as a share: 0.1. */
  readonly maxSlowdown: number;
  /** Two-sided, such as 0.95. */
  readonly confidence: number;
}

/**
 * Whether the mirror answers as fast as production: Wilcoxon's signed-rank test and the Hodges-Lehmann interval of log(mirror / production), the
 * hop taken off the mirror's times. The hop is not known to the microsecond, so the interval reckons with the most that it
 * may be at its lower end and with the least at its upper; pairs near in time are not taken for independent.
 *
 * @returns null where no pair has times
 */
export function judgeLatency({ pairs, baseline, connectUs, maxSlowdown, confidence }: LatencyInput): LatencyReport | null {
  const sample = inTime(pairs);
  if (sample.length === 0) return null;
  const hop = hopOf(baseline, connectUs, confidence);
  const likely = logRatios(sample, hop.us.estimate);
  const dependence = dependenceOf(likely);
  const atMost = logRatios(sample, hop.us.high);
  const ratio = {
    estimate: Math.exp(hodgesLehmann(likely, confidence, dependence).estimate),
    low: Math.exp(hodgesLehmann(atMost, confidence, dependence).low),
    high: Math.min(MOST_RATIO, Math.exp(hodgesLehmann(logRatios(sample, hop.us.low), confidence, dependence).high)),
  };
  const allowed = Math.log1p(maxSlowdown);
  return {
    pairs: pairs.pairs,
    tested: sample.length,
    production: quantiles(sample.map(({ production }) => production)),
    mirror: quantiles(sample.map(({ mirror }) => mirror)),
    hopUs: hop.us,
    hopFrom: hop.from,
    ratio,
    confidence,
    pValue: signedRankTest(likely, dependence).pValue,
    pSlower: signedRankTest(atMost.map((value) => value - allowed), dependence).pAbove,
    verdict: sample.length < MIN_PAIRS ? 'too little data' : verdictOf(ratio, 1 + maxSlowdown),
  };
}

function verdictOf({ low, high }: Interval, limit: number): LatencyReport['verdict'] {
  if (low > limit) return 'slower';
  if (high < 1 / limit) return 'faster';
  return low >= 1 / limit && high <= limit ? 'no difference' : 'too little data';
}

/** The verdict in words, with what it rests on. */
export function describeLatency({ verdict, ratio, confidence, tested, pairs, pValue, production, mirror, hopFrom, hopUs }: LatencyReport): string {
  const interval = `${Number((confidence * 100).toFixed(1))} % interval ${ratio.low.toFixed(2)} to ${ratio.high.toFixed(2)}`;
  const size = `${tested} of ${pairs} pairs${tested < MIN_PAIRS ? `, of which it takes ${MIN_PAIRS}` : ''}`;
  const chance = pValue < 0.001 ? 'p < 0.001' : `p = ${pValue.toFixed(3)}`;
  const medians = `median ${inMs(production.p50)} in production, ${inMs(mirror.p50)} at the mirror`;
  const hop = {
    baseline: `, of which ${inMs(hopUs.estimate)} for the way there, as the baseline shows`,
    connect: `, of which ${inMs(hopUs.estimate)} for the way there, as connecting shows`,
    unknown: `; how long the way there takes is not known: up to ${inMs(hopUs.high)} are allowed for it${verdict === 'slower' ? ', and a longer one may be the cause' : ''}`,
  }[hopFrom];
  return `${verdict}: the mirror takes ${ratio.estimate.toFixed(2)} times as long (${interval}; ${size}; ${chance}); ${medians}${hop}`;
}

function inMs(us: number): string {
  return `${(us / 1_000).toFixed(1)} ms`;
}

interface TimedPair {
  readonly at: number;
  readonly production: number;
  readonly mirror: number;
}

/** Those with times, in the order in which they were seen. */
function inTime({ sample }: PairSample): TimedPair[] {
  const pairs: TimedPair[] = [];
  for (let i = 0; i + PAIR_FIELDS <= sample.length; i += PAIR_FIELDS) {
    const pair = { at: sample[i]!, production: sample[i + 1]!, mirror: sample[i + 2]! };
    if (pair.production > 0 && pair.mirror > 0) pairs.push(pair);
  }
  return pairs.sort((a, b) => a.at - b.at);
}

/**
 * What the mirror's times contain and production's, taken at the pod's interface, do not: the way from the agent to the target and back, and the
 * agent's own part. A baseline shows it at the same endpoint, together with what else distinguishes a mirror that answers
 * copies from production, such as a colder cache; it is taken to be as far away as the mirror. Else connecting shows it, if what accepts the
 * connection is the target and no proxy beside the agent. The endpoints' own least difference is no measure: a version that is
 * slower everywhere would be taken for a longer way.
 */
function hopOf(baseline: PairSample | null, connectUs: readonly number[], confidence: number): { from: LatencyReport['hopFrom']; us: Interval } {
  const pairs = baseline === null ? [] : inTime(baseline);
  if (pairs.length >= MIN_PAIRS) {
    const differences = Float64Array.from(pairs, ({ production, mirror }) => mirror - production);
    const us = hodgesLehmann(differences, confidence, dependenceOf(differences));
    if (Number.isFinite(us.high)) return { from: 'baseline', us };
  }
  if (connectUs.length >= MIN_CONNECTS) {
    const { p50 } = quantiles(connectUs);
    return { from: 'connect', us: { estimate: p50, low: p50 / CONNECT_SPREAD, high: p50 * CONNECT_SPREAD } };
  }
  return { from: 'unknown', us: { estimate: 0, low: 0, high: UNKNOWN_HOP_US } };
}

function logRatios(sample: readonly TimedPair[], hopUs: number): Float64Array {
  // What is left of an answer that came faster than the hop takes: nearly nothing, which only its rank tells.
  return Float64Array.from(sample, ({ production, mirror }) => Math.log(Math.max(mirror - hopUs, 1) / production));
}

function dependenceOf(values: Float64Array): Dependence {
  if (values.length < MIN_PAIRS) return INDEPENDENT;
  const { estimate } = hodgesLehmann(values, 0.5);
  return clusterDependence(values.map((value) => value - estimate));
}

function quantiles(values: readonly number[]): Quantiles {
  const sorted = Float64Array.from(values).sort();
  const at = (share: number) => sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99) };
}
