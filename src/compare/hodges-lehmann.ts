import { bisect, normalQuantile, studentQuantile } from './distributions.ts';
import type { Interval } from './report.ts';
import { EXACT_UP_TO, INDEPENDENT, sumsBelow, type Dependence } from './wilcoxon.ts';

/**
 * Where values lie: the median of the means of all their pairs, themselves included (Walsh averages), with the interval of all
 * places that the signed-rank test does not reject (J. L. Hodges, E. L. Lehmann, Annals of Mathematical Statistics 34, 1963; M. Hollander,
 * D. A. Wolfe, Nonparametric Statistical Methods, section 3.2 and 3.3). Infinitely wide where there are too few for the confidence.
 *
 * @param confidence such as 0.95; two-sided
 * @param dependence as for the test
 */
export function hodgesLehmann(values: ArrayLike<number>, confidence: number, dependence: Dependence = INDEPENDENT): Interval {
  const sorted = Float64Array.from(values).sort();
  const averages = (sorted.length * (sorted.length + 1)) / 2;
  const outside = rankOfLimit(sorted.length, (1 - confidence) / 2, dependence);
  return {
    estimate: (walshAverage(sorted, Math.floor((averages + 1) / 2)) + walshAverage(sorted, Math.floor(averages / 2) + 1)) / 2,
    low: outside < 1 ? -Infinity : walshAverage(sorted, outside),
    high: outside < 1 ? Infinity : walshAverage(sorted, averages + 1 - outside),
  };
}

/** Which of the Walsh averages, from either end, is the interval's limit; 0 where none is. */
function rankOfLimit(n: number, tail: number, dependence: Dependence): number {
  if (n <= EXACT_UP_TO && dependence === INDEPENDENT) {
    const below = sumsBelow(Uint8Array.from({ length: n }, (_, i) => i + 1));
    let rank = 0;
    while (below[rank * 2]! < tail) rank++;
    return rank;
  }
  const z = dependence.degreesOfFreedom === Infinity ? normalQuantile(1 - tail) : studentQuantile(1 - tail, dependence.degreesOfFreedom);
  const deviation = Math.sqrt(((n * (n + 1) * (2 * n + 1)) / 24) * dependence.inflation);
  return Math.max(0, Math.floor((n * (n + 1)) / 4 - z * deviation));
}

/**
 * The Walsh average of this rank, from 1: found by halving, because counting those below a place takes one pass over the values,
 * and listing them all as many as there are pairs.
 */
function walshAverage(sorted: Float64Array, rank: number): number {
  const low = sorted[0];
  const high = sorted[sorted.length - 1];
  if (low === undefined || high === undefined) return Number.NaN;
  if (low === high) return low;
  return bisect((place) => (averagesUpTo(sorted, place) < rank ? -1 : 1), low, high);
}

/** Pairs, each value with itself included, whose mean is at most this. */
function averagesUpTo(sorted: Float64Array, place: number): number {
  let count = 0;
  let last = sorted.length - 1;
  for (let first = 0; first < sorted.length; first++) {
    while (last >= first && sorted[first]! + sorted[last]! > 2 * place) last--;
    if (last < first) break;
    count += last - first + 1;
  }
  return count;
}
