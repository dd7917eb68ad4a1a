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
  const values = new Float64Array(pairs.length);
  for (let i = 0; i < values.length; i++) {
    const { production, mirror } = pairs[i]!;
    values[i] = Math.log(mirror / Math.max(expected(production), 1));
  }
  return values;
}

/** @param residuals in the order of time */
export function dependenceOf(residuals: Float64Array): Dependence {
  return residuals.length < MIN_PAIRS ? INDEPENDENT : clusterDependence(residuals);
}

export function quantiles(values: readonly number[]): Quantiles {
  const sorted = new Float64Array(values).sort();
  return { p50: ranked(sorted, 0.5), p90: ranked(sorted, 0.9), p99: ranked(sorted, 0.99) };
}

/** Of the mirror's times; null where there are too few. */
export function typicalMirrorUs({ sample }: PairSample): number | null {
  const times: number[] = [];
  for (let i = 0; i + PAIR_FIELDS <= sample.length; i += PAIR_FIELDS) {
    if (sample[i + 1]! > 0 && sample[i + 2]! > 0) times.push(sample[i + 2]!);
  }
  return times.length < MIN_PAIRS ? null : ranked(new Float64Array(times).sort(), 0.5);
}

/** By the nearest rank; 0 of no values. */
function ranked(sorted: Float64Array, share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
}
