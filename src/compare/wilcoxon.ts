import { normalTail, studentTail } from './distributions.ts';

/** Up to so many values the distribution is counted out; beyond, the normal one is as good. */
export const EXACT_UP_TO = 50;

/** What the signed-rank test says of values that should lie evenly around 0. */
export interface SignedRankTest {
  /** Sum of the ranks of values above 0. */
  readonly statistic: number;
  /** Of the claim that they lie around 0, against either side. */
  readonly pValue: number;
  /** Of the claim that they lie around 0 or below. */
  readonly pAbove: number;
}

/**
 * F. Wilcoxon's signed-rank test (Biometrics Bulletin 1, 1945), the test for paired data that does not ask for a normal
 * distribution. Equal sizes share their mean rank; zeros are ranked and then left out (J. W. Pratt, JASA 54, 1959). Counted out up to 50
 * values, also with ties; beyond with a normal approximation, corrected for ties and continuity.
 *
 * @param dependence what neighbours that resemble each other do to the variance (see {@link clusterDependence}); none if left out
 */
export function signedRankTest(values: ArrayLike<number>, dependence = INDEPENDENT): SignedRankTest {
  const ranks = signedRanks(values);
  let statistic = 0;
  let sum = 0;
  let squares = 0;
  for (const rank of ranks) {
    if (rank > 0) statistic += rank;
    sum += Math.abs(rank);
    squares += rank * rank;
  }
  if (sum === 0) return { statistic, pValue: 1, pAbove: 1 };
  let pAbove: number;
  let pBelow: number;
  if (values.length <= EXACT_UP_TO && dependence === INDEPENDENT) {
    const below = sumsBelow(ranks);
    pBelow = below[statistic * 2]!;
    pAbove = 1 - (below[statistic * 2 - 1] ?? 0);
  } else {
    const deviation = Math.sqrt((squares / 4) * dependence.inflation);
    pAbove = tail((statistic - sum / 2 - 0.5) / deviation, dependence);
    pBelow = tail((sum / 2 - statistic - 0.5) / deviation, dependence);
  }
  return { statistic, pValue: Math.min(1, 2 * Math.min(pAbove, pBelow)), pAbove };
}

/** How values that are near in time depend on each other. */
export interface Dependence {
  /** Variance of the rank sum in relation to that of independent values, at least 1. */
  readonly inflation: number;
  /** Of the estimate of that; Infinity where nothing was estimated. */
  readonly degreesOfFreedom: number;
}

export const INDEPENDENT: Dependence = { inflation: 1, degreesOfFreedom: Infinity };

/**
 * Into how many clusters values in the order of time are split. Few, so that a disturbance that lasts a thirtieth of the time is within
 * one of them; the price is an interval that is a quarter wider than that of values known to be independent (test/compare
 * measures both).
 */
const CLUSTERS = 10;

/**
 * How much wider the rank sum spreads than that of independent values, by the sums of clusters of neighbours
 * (B. Rosner, R. J. Glynn, M.-L. T. Lee, "The Wilcoxon signed rank test for paired comparisons of clustered data", Biometrics 62, 2006).
 *
 * @param values in the order of time, their estimated centre taken off; several for each of ten clusters
 */
export function clusterDependence(values: ArrayLike<number>): Dependence {
  const ranks = signedRanks(values);
  let squares = 0;
  const sums = new Float64Array(CLUSTERS);
  ranks.forEach((rank, i) => {
    sums[Math.floor((i * CLUSTERS) / ranks.length)]! += rank;
    squares += rank * rank;
  });
  // The centre is estimated from the same values, which takes one degree of freedom.
  const ofClusters = sums.reduce((total, sum) => total + sum * sum, 0) * (CLUSTERS / (CLUSTERS - 1));
  return squares === 0 ? INDEPENDENT : { inflation: Math.max(1, ofClusters / squares), degreesOfFreedom: CLUSTERS - 1 };
}

/** Rank of each value's size among all, with the value's sign; of zeros 0. */
function signedRanks(values: ArrayLike<number>): Float64Array {
  const sizes = new Float64Array(values.length);
  for (let i = 0; i < sizes.length; i++) sizes[i] = Math.abs(values[i]!);
  sizes.sort();
  const ranks = new Float64Array(values.length);
  for (let i = 0; i < ranks.length; i++) {
    const first = firstFrom(sizes, Math.abs(values[i]!));
    let last = first;
    while (sizes[last + 1] === sizes[first]) last++;
    ranks[i] = Math.sign(values[i]!) * ((first + last) / 2 + 1);
  }
  return ranks;
}

/** Position of the first that is not smaller. @param sorted ascending */
function firstFrom(sorted: Float64Array, size: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! < size) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Probability that the sum of the ranks with a positive sign, every sign being as likely, is at most half of the position. */
export function sumsBelow(ranks: ArrayLike<number>): Float64Array {
  // Shared ranks are halves: twice a rank is whole.
  let most = 0;
  for (let i = 0; i < ranks.length; i++) most += Math.abs(ranks[i]!) * 2;
  const probability = new Float64Array(most + 1);
  probability[0] = 1;
  let reached = 0;
  for (let i = 0; i < ranks.length; i++) {
    const step = Math.abs(ranks[i]!) * 2;
    if (step === 0) continue;
    reached += step;
    for (let sum = reached; sum >= 0; sum--) probability[sum] = (probability[sum]! + (sum >= step ? probability[sum - step]! : 0)) / 2;
  }
  for (let sum = 1; sum <= most; sum++) probability[sum]! += probability[sum - 1]!;
  return probability;
}

function tail(z: number, dependence: Dependence): number {
  return dependence.degreesOfFreedom === Infinity ? normalTail(z) : studentTail(z, dependence.degreesOfFreedom);
}
