import { PAIR_FIELDS, type PairSample } from '../sketch/reservoir.ts';
import type { Quantiles } from './report.ts';
import { clusterDependence, INDEPENDENT, type Dependence } from './wilcoxon.ts';

/** With fewer pairs neither a verdict is given nor a hop learnt from a baseline: how much pairs depend on each other cannot be seen. */
export const MIN_PAIRS = 30;

/** What both sides took to answer, microseconds. */
export interface TimedPair {
  /** Unix time, milliseconds. */
  readonly at: number;
  readonly production: number;
  readonly mirror: number;
}

/** Those with times, in the order in which they were seen. */
export function inTime({ sample }: PairSample): TimedPair[] {
  const pairs: TimedPair[] = [];
  for (let i = 0; i + PAIR_FIELDS <= sample.length; i += PAIR_FIELDS) {
    const pair = { at: sample[i]!, production: sample[i + 1]!, mirror: sample[i + 2]! };
    if (pair.production > 0 && pair.mirror > 0) pairs.push(pair);
  }
  return pairs.sort((a, b) => a.at - b.at);
}

/** log(mirror / expected) of each pair. */
export function residuals(pairs: readonly TimedPair[], expected: (production: number) => number): Float64Array {
  return Float64Array.from(pairs, ({ production, mirror }) => Math.log(mirror / Math.max(expected(production), 1)));
}

/** @param residuals in the order of time */
export function dependenceOf(residuals: Float64Array): Dependence {
  return residuals.length < MIN_PAIRS ? INDEPENDENT : clusterDependence(residuals);
}

export function quantiles(values: readonly number[]): Quantiles {
  const sorted = Float64Array.from(values).sort();
  return { p50: ranked(sorted, 0.5), p90: ranked(sorted, 0.9), p99: ranked(sorted, 0.99) };
}

export function quantile(values: readonly number[], share: number): number {
  return ranked(Float64Array.from(values).sort(), share);
}

/** By the nearest rank; 0 of no values. */
function ranked(sorted: Float64Array, share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
}
