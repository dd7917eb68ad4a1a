/** Tails and quantiles of the distributions that tests and intervals need; relative errors are below 1e-10. */

/** Beyond it the series takes more terms than the continued fraction. */
const SERIES_UP_TO = 2.5;
const TINY = 1e-300;
const EPSILON = 1e-15;
const TERMS = 1_000;
const SQRT_TWO_PI = Math.sqrt(2 * Math.PI);

/**
 * Share of the standard normal distribution above z.
 * Near 0 by G. Marsaglia's series ("Evaluating the Normal Distribution", Journal of Statistical Software 11, 2004), in the
 * tail by Laplace's continued fraction (Abramowitz and Stegun 26.2.14), so that small tails keep their digits.
 */
export function normalTail(z: number): number {
  if (z < 0) return 1 - normalTail(-z);
  const density = Math.exp((-z * z) / 2) / SQRT_TWO_PI;
  if (z < SERIES_UP_TO) {
    let term = z;
    let sum = z;
    for (let i = 3; term > sum * EPSILON; i += 2) {
      term *= (z * z) / i;
      sum += term;
    }
    return 0.5 - density * sum;
  }
  let fraction = z;
  for (let i = 100; i > 0; i--) fraction = z + i / fraction;
  return density / fraction;
}

/** The z that a share p of the standard normal distribution is below; p within (0, 1). */
export function normalQuantile(p: number): number {
  if (p < 0.5) return -normalQuantile(1 - p);
  if (p !== latest.p) latest = { p, z: bisect((z) => 1 - p - normalTail(z), 0, 40) };
  return latest.z;
}

/** Many intervals of the same confidence are asked for one after the other. */
let latest = { p: 0.5, z: 0 };

/** Share of Student's t distribution above t (Abramowitz and Stegun 26.7.1). */
export function studentTail(t: number, degreesOfFreedom: number): number {
  if (t < 0) return 1 - studentTail(-t, degreesOfFreedom);
  return betaBelow(degreesOfFreedom / (degreesOfFreedom + t * t), degreesOfFreedom / 2, 0.5) / 2;
}

/** The t that a share p of Student's t distribution is below; p within (0, 1). */
export function studentQuantile(p: number, degreesOfFreedom: number): number {
  if (p < 0.5) return -studentQuantile(1 - p, degreesOfFreedom);
  return bisect((t) => 1 - p - studentTail(t, degreesOfFreedom), 0, 1e6);
}

/**
 * Share of the beta distribution below x (regularized incomplete beta function), for x within [0, 1] and a, b > 0.
 * Continued fraction DLMF 8.17.22, evaluated by Lentz's algorithm as in Numerical Recipes, section 6.4.
 */
export function betaBelow(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  // The fraction converges fast on this side only; the other is its mirror image.
  if (x > (a + 1) / (a + b + 2)) return 1 - betaBelow(1 - x, b, a);
  const front = Math.exp(a * Math.log(x) + b * Math.log1p(-x) + logGamma(a + b) - logGamma(a) - logGamma(b)) / a;
  let c = 1;
  let d = 1 / awayFromZero(1 - ((a + b) * x) / (a + 1));
  let fraction = d;
  for (let m = 1; m < TERMS; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / awayFromZero(1 + even * d);
    c = awayFromZero(1 + even / c);
    fraction *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / awayFromZero(1 + odd * d);
    c = awayFromZero(1 + odd / c);
    fraction *= d * c;
    if (Math.abs(d * c - 1) < EPSILON) break;
  }
  return front * fraction;
}

/** The x that a share p of the beta distribution is below. */
export function betaQuantile(p: number, a: number, b: number): number {
  return bisect((x) => betaBelow(x, a, b) - p, 0, 1);
}

/** Where an increasing function crosses 0, to the last digit that halving can tell. */
function bisect(increasing: (x: number) => number, low: number, high: number): number {
  let middle = (low + high) / 2;
  while (middle > low && middle < high) {
    if (increasing(middle) < 0) low = middle;
    else high = middle;
    middle = (low + high) / 2;
  }
  return middle;
}

function awayFromZero(value: number): number {
  return Math.abs(value) < TINY ? TINY : value;
}

/** For x > 0: Stirling's series (DLMF 5.11.1), after the recurrence has brought x to where five terms are enough. */
function logGamma(x: number): number {
  let shift = 0;
  while (x < 15) {
    shift += Math.log(x);
    x++;
  }
  const r = 1 / (x * x);
  const series = (1 / 12 - r * (1 / 360 - r * (1 / 1260 - r * (1 / 1680 - r / 1188)))) / x;
  return (x - 0.5) * Math.log(x) - x + Math.log(2 * Math.PI) / 2 + series - shift;
}
