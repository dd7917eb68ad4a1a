/**
 * Spearman's rank correlation: 1 where one figure rises whenever the other does, -1 where it falls, 0 where they have nothing to do
 * with each other. Equal figures share the mean of their ranks.
 * @returns NaN where either has one value only
 */
export function rankCorrelation(xs: ArrayLike<number>, ys: ArrayLike<number>): number {
  const a = ranksOf(xs);
  const b = ranksOf(ys);
  const mean = (xs.length - 1) / 2;
  let ab = 0;
  let aa = 0;
  let bb = 0;
  for (let i = 0; i < xs.length; i++) {
    const x = a[i]! - mean;
    const y = b[i]! - mean;
    ab += x * y;
    aa += x * x;
    bb += y * y;
  }
  return aa === 0 || bb === 0 ? NaN : ab / Math.sqrt(aa * bb);
}

function ranksOf(figures: ArrayLike<number>): Float64Array {
  const order = Array.from({ length: figures.length }, (_, index) => index).sort((a, b) => figures[a]! - figures[b]!);
  const ranks = new Float64Array(figures.length);
  for (let start = 0; start < order.length; ) {
    let end = start + 1;
    while (end < order.length && figures[order[end]!] === figures[order[start]!]) end++;
    for (let i = start; i < end; i++) ranks[order[i]!] = (start + end - 1) / 2;
    start = end;
  }
  return ranks;
}
