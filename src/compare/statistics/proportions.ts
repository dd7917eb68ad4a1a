import type { Interval } from '../report.ts';
import { betaQuantile, normalQuantile } from './distributions.ts';

/**
 * Share of `count` in `total` with Wilson's score interval (E. B. Wilson, JASA 22, 1927): right on average, also for few and
 * for rare ones. Without any, nothing is known: 0 to 1.
 *
 * @param confidence such as 0.95; two-sided
 */
export function wilson(count: number, total: number, confidence: number): Interval {
  if (total <= 0) return { estimate: 0, low: 0, high: 1 };
  const z = normalQuantile((1 + confidence) / 2);
  const share = count / total;
  const spread = 1 + (z * z) / total;
  const centre = (share + (z * z) / (2 * total)) / spread;
  const half = (z / spread) * Math.sqrt((share * (1 - share)) / total + (z / total) ** 2 / 4);
  return { estimate: share, low: count === 0 ? 0 : Math.max(0, centre - half), high: count === total ? 1 : Math.min(1, centre + half) };
}

/**
 * The same with the exact interval of C. J. Clopper and E. S. Pearson (Biometrika 26, 1934): it holds the true share at least
 * as often as it says, at the price of being wider. For verdicts that must not be wrong.
 *
 * @param confidence such as 0.95; two-sided
 */
export function clopperPearson(count: number, total: number, confidence: number): Interval {
  if (total <= 0) return { estimate: 0, low: 0, high: 1 };
  const tail = (1 - confidence) / 2;
  return {
    estimate: count / total,
    low: count === 0 ? 0 : betaQuantile(tail, count, total - count + 1),
    high: count === total ? 1 : betaQuantile(1 - tail, count + 1, total - count),
  };
}

/** `count` of `total`. */
export interface Proportion {
  readonly count: number;
  readonly total: number;
}

/**
 * to - from, two shares, with R. G. Newcombe's hybrid score interval for independent ones (Statistics in Medicine 17, 1998,
 * method 10). Of pairs that tend to agree, as production's and the mirror's answers do, it is wider than need be.
 *
 * @param confidence such as 0.95; two-sided
 */
export function newcombe(from: Proportion, to: Proportion, confidence: number): Interval {
  const a = wilson(to.count, to.total, confidence);
  const b = wilson(from.count, from.total, confidence);
  const estimate = a.estimate - b.estimate;
  return {
    estimate,
    low: estimate - Math.hypot(a.estimate - a.low, b.high - b.estimate),
    high: estimate + Math.hypot(a.high - a.estimate, b.estimate - b.low),
  };
}
