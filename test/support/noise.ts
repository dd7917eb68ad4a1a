import type { Random } from '../../src/sketch/random.ts';

/** Independent values of the standard normal distribution (G. E. P. Box, M. E. Muller). */
export function gaussian(n: number, random: Random): number[] {
  return Array.from({ length: n }, () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()));
}

/**
 * The same as if something touched them all for a while: half of the variance is an autoregressive process of which a share
 * of 1/e is left after so many values.
 */
export function disturbed(n: number, memory: number, random: Random): number[] {
  const kept = Math.exp(-1 / memory);
  const own = gaussian(n, random);
  const steps = gaussian(n + 1, random);
  let level = steps[n]!;
  return own.map((value, i) => {
    level = kept * level + Math.sqrt(1 - kept * kept) * steps[i]!;
    return Math.SQRT1_2 * (value + level);
  });
}
