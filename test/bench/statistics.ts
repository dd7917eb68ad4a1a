import { seededRandom } from '../../src/sketch/random.ts';

/** @param share 0.5 for the median @returns NaN for no values */
export function quantile(values: readonly number[], share: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** @returns NaN for no values */
export function median(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort();
  const middle = sorted.length / 2;
  if (sorted.length % 2 === 1) return sorted[Math.floor(middle)]!;
  return (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** How a figure with something on relates to the one with it off, taken one right after the other. */
export interface PairedRatio {
  readonly pairs: number;
  /** Median of on / off. */
  readonly ratio: number;
  /** Bounds of the median's 95 % confidence interval. */
  readonly low: number;
  readonly high: number;
}

const RESAMPLES = 5_000;

/**
 * Median of the pairs' ratios with a bootstrap interval: a pair that another process on the machine has spoilt moves
 * neither of them much, and a drift over minutes touches both members of each pair.
 */
export function pairedRatio(off: readonly number[], on: readonly number[]): PairedRatio {
  const ratios = on.map((value, i) => value / off[i]!);
  const random = seededRandom(1);
  const medians = Array.from({ length: RESAMPLES }, () => median(ratios.map(() => ratios[Math.floor(random() * ratios.length)]!)));
  return { pairs: ratios.length, ratio: median(ratios), low: quantile(medians, 0.025), high: quantile(medians, 0.975) };
}
