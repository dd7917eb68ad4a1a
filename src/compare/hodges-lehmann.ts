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

/** A number that was tried, and how many more Walsh averages than are looked for are at most 0 with it: never 0. */
interface Tried {
  readonly number: number;
  readonly excess: number;
}

/**
 * The least number with which so many Walsh averages are at most 0. It is looked for where a line between two that have been tried
 * says (false position), because each try takes a pass over all values, and halfway where that has gained little.
 */
function numberAt(family: Family, rank: number): number {
  const attempt = (number: number): Tried => ({ number, excess: averagesUpTo0(family.at(number).sort()) - rank + 0.5 });
  let [below, above] = between(family, attempt);
  for (let width = above.number - below.number, isSlow = false; width > family.precision; ) {
    const share = isSlow ? 1 / 2 : below.excess / (below.excess - above.excess);
    // Not so near to what was tried that there would be the same to do again.
    const margin = Math.min(0.9 * family.precision, width / 2);
    const tried = attempt(below.number + Math.min(width - margin, Math.max(margin, share * width)));
    if (tried.number <= below.number || tried.number >= above.number) break;
    if (tried.excess < 0) below = tried;
    else above = tried;
    const left = above.number - below.number;
    isSlow = left > width / 2;
    width = left;
  }
  return (below.number + above.number) / 2;
}

/** One with which too few are, and a higher one with which they are enough; both the same where that is beyond the family's bounds. */
function between({ start, step, low, high }: Family, attempt: (number: number) => Tried): [below: Tried, above: Tried] {
  let near = attempt(start);
  const direction = near.excess < 0 ? step : -step;
  for (let stride = direction; ; stride *= 2) {
    const number = Math.min(high, Math.max(low, near.number + stride));
    if (number === near.number) return [near, near];
    const far = attempt(number);
    if (far.excess < 0 !== near.excess < 0) return direction > 0 ? [near, far] : [far, near];
    near = far;
  }
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
