import type { PairSample } from '../sketch/reservoir.ts';
import { centreOf, limitOf, type Family } from './hodges-lehmann.ts';
import { hopOf } from './hop.ts';
import type { Interval, LatencyReport } from './report.ts';
import { dependenceOf, inTime, MIN_PAIRS, quantiles, residuals, type TimedPair } from './timed-pairs.ts';
import { signedRankTest } from './wilcoxon.ts';

/** Interval of a ratio of which nothing is known: it has ends because JSON has no infinity. */
const MOST_LOGARITHM = Math.log(1_000);

/** Times of one endpoint's exchanges, and what is known of the way to the mirror. */
export interface LatencyInput {
  /** Of production and mirror: Unix time in milliseconds; microseconds. */
  readonly pairs: PairSample;
  /** Of production and the baseline target at the same endpoint, if there is one. */
  readonly baseline: PairSample | null;
  /** How long connecting to the target took, microseconds. */
  readonly connectUs: readonly number[];
  /** Typical time of the mirror's quickest endpoint, microseconds; Infinity where it is not known. */
  readonly quickestUs: number;
  /** How much slower is not worth a word, as a share: 0.1. */
  readonly maxSlowdown: number;
  /** Two-sided, such as 0.95. */
  readonly confidence: number;
}

/**
 * Whether the mirror answers as fast as production: a mirror's time is expected to be `ratio · production + hop`, and the ratio is
 * the one with which log(mirror / expected) lies around 0 by Wilcoxon's signed-rank test; its interval has all those that the test
 * does not reject, as the Hodges-Lehmann interval has for a mere shift. The hop is not known to the microsecond, so the interval
 * reckons with the longest at its lower end and with the shortest at its upper; pairs near in time are not taken for independent.
 *
 * @returns null where no pair has times
 */
export function judgeLatency({ pairs, baseline, connectUs, quickestUs, maxSlowdown, confidence }: LatencyInput): LatencyReport | null {
  const sample = inTime(pairs);
  if (sample.length === 0) return null;
  const hop = hopOf(baseline, connectUs, quickestUs, confidence);
  const times = { production: quantiles(sample.map((pair) => pair.production)), mirror: quantiles(sample.map((pair) => pair.mirror)) };
  const likely = ratios(sample, hop.us.estimate, Math.log(times.mirror.p50 / times.production.p50));
  const centre = centreOf(likely);
  const longest = ratios(sample, hop.us.high, centre);
  const shortest = ratios(sample, hop.us.low, centre);
  const dependence = dependenceOf(likely.at(centre));
  const ratio = {
    estimate: Math.exp(centre),
    low: Math.exp(limitOf(longest, 'low', confidence, dependence)),
    high: Math.exp(limitOf(shortest, 'high', confidence, dependence)),
  };
  return {
    pairs: pairs.pairs,
    tested: sample.length,
    ...times,
    hopUs: hop.us,
    hopFrom: hop.from,
    ratio,
    confidence,
    pValue: signedRankTest(likely.at(0), dependence).pValue,
    pSlower: signedRankTest(longest.at(Math.log1p(maxSlowdown)), dependence).pAbove,
    verdict: sample.length < MIN_PAIRS ? 'too little data' : verdictOf(ratio, 1 + maxSlowdown),
  };
}

/** How far mirrors are from `ratio · production + hop`, by the logarithm of the ratio. @param guess of it */
function ratios(sample: readonly TimedPair[], hopUs: number, guess: number): Family {
  return {
    size: sample.length,
    at: (logarithm) => {
      const ratio = Math.exp(logarithm);
      return residuals(sample, (production) => ratio * production + hopUs);
    },
    start: Math.min(MOST_LOGARITHM, Math.max(-MOST_LOGARITHM, guess)),
    step: 0.1,
    low: -MOST_LOGARITHM,
    high: MOST_LOGARITHM,
    precision: 5e-4,
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
  const cause = verdict === 'slower' ? ', and a longer one may be the cause' : '';
  const hop = {
    baseline: `, of which ${inMs(hopUs.estimate)} for the way there, as the baseline shows`,
    connect: `, of which ${inMs(hopUs.estimate)} for the way there, as connecting shows`,
    unknown: `; how long the way there takes is not known: up to ${inMs(hopUs.high)} are allowed for it${cause}`,
  }[hopFrom];
  return `${verdict}: the mirror takes ${ratio.estimate.toFixed(2)} times as long (${interval}; ${size}; ${chance}); ${medians}${hop}`;
}

function inMs(us: number): string {
  return `${(us / 1_000).toFixed(1)} ms`;
}
