import { normalQuantile, studentQuantile } from './distributions.ts';
import { EXACT_UP_TO, INDEPENDENT, sumsBelow, type Dependence } from './wilcoxon.ts';

/** Values that depend on one number: where that is right, they lie around 0; the larger it is, the smaller they are. */
export interface Family {
  /** How many values. */
  readonly size: number;
  /** The values for this number: a new array. */
  at(number: number): Float64Array;
  /** The number is looked for from here on, first in steps of this size, within these bounds, this closely. */
  readonly start: number;
  readonly step: number;
  readonly low: number;
  readonly high: number;
  readonly precision: number;
}

/**
 * The number with which the values lie around 0: the median of the means of all their pairs, each value with itself included, is 0
 * (Walsh averages; J. L. Hodges, E. L. Lehmann, Annals of Mathematical Statistics 34, 1963). One value that is far off hardly moves it.
 */
export function centreOf(family: Family): number {
  return numberAt(family, (averagesOf(family.size) + 1) / 2);
}

/**
 * The lowest or the highest number that the signed-rank test does not reject (M. Hollander, D. A. Wolfe, Nonparametric Statistical
 * Methods, section 3.3); the family's own bound where the values are too few to reject anything.
 *
 * @param confidence such as 0.95; two-sided
 * @param dependence as for the test
 */
export function limitOf(family: Family, end: 'low' | 'high', confidence: number, dependence: Dependence = INDEPENDENT): number {
  const rank = rankOfLimit(family.size, (1 - confidence) / 2, dependence);
  if (rank < 1) return family[end];
  return numberAt(family, end === 'low' ? rank : averagesOf(family.size) + 1 - rank);
}

/** How many Walsh averages so many values have. */
function averagesOf(size: number): number {
  return (size * (size + 1)) / 2;
}

/** Which of the Walsh averages, from either end, is the interval's limit; 0 where none is. */
function rankOfLimit(size: number, tail: number, dependence: Dependence): number {
  if (size <= EXACT_UP_TO && dependence === INDEPENDENT) {
    const below = sumsBelow(Uint8Array.from({ length: size }, (_, i) => i + 1));
    let rank = 0;
    while (below[rank * 2]! < tail) rank++;
    return rank;
  }
  const z = dependence.degreesOfFreedom === Infinity ? normalQuantile(1 - tail) : studentQuantile(1 - tail, dependence.degreesOfFreedom);
  const deviation = Math.sqrt(((size * (size + 1) * (2 * size + 1)) / 24) * dependence.inflation);
  return Math.max(0, Math.floor((size * (size + 1)) / 4 - z * deviation));
}

/** The least number with which so many Walsh averages are at most 0. */
function numberAt(family: Family, rank: number): number {
  const { low, high, precision } = family;
  const isEnough = (number: number): boolean => averagesUpTo0(family.at(number).sort()) >= rank;
  const isAbove = !isEnough(family.start);
  let near = family.start;
  let far = near;
  for (let step = isAbove ? family.step : -family.step; ; step *= 2) {
    near = far;
    far = Math.min(high, Math.max(low, far + step));
    if (far === low || far === high || isEnough(far) === isAbove) break;
  }
  while (Math.abs(far - near) > precision) {
    const middle = (near + far) / 2;
    if (middle === near || middle === far) break;
    if (isEnough(middle) === isAbove) far = middle;
    else near = middle;
  }
  return (near + far) / 2;
}

/** Counted in one pass, as listing them all would take as many steps as there are pairs. @param sorted ascending */
function averagesUpTo0(sorted: Float64Array): number {
  let count = 0;
  let last = sorted.length - 1;
  for (let first = 0; first < sorted.length; first++) {
    while (last >= first && sorted[first]! + sorted[last]! > 0) last--;
    if (last < first) break;
    count += last - first + 1;
  }
  return count;
}
