import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { countOf, countUpTo, Histogram, LARGEST_VALUE, lowestOf, mergeHistograms, quantileOf, sumOf } from '../../src/sketch/histogram.ts';

const CAP = { interruptAfterTimeLimit: 4000, markInterruptAsFailure: false } as const;
/** Half of a bucket's width, as a share of its smallest value. */
const ERROR = 1 / 64;

const histogramOf = (values: readonly number[]): readonly number[] => {
  const histogram = new Histogram();
  for (const value of values) histogram.record(value);
  return histogram.sparse();
};
/** Evenly over the magnitudes, 1 µs to an hour. */
const duration = fc.tuple(fc.integer({ min: 0, max: 31 }), fc.nat(0xffff_ffff)).map(([bits, number]) => Math.min(LARGEST_VALUE, number >>> bits));
const durations = fc.array(duration, { minLength: 1, maxLength: 300, size: 'max' });

describe('a histogram', () => {
  it('gives every quantile within 1.6 % of the exact one', () => {
    fc.assert(
      fc.property(durations, fc.double({ min: 0, max: 1, noNaN: true }), (values, q) => {
        const sorted = values.toSorted((a, b) => a - b);
        const exact = sorted[Math.max(1, Math.ceil(sorted.length * q)) - 1]!;
        expect(Math.abs(quantileOf(histogramOf(values), q) - exact)).toBeLessThanOrEqual(exact * ERROR);
      }),
      CAP,
    );
  });

  it('gives sum and number of all values', () => {
    fc.assert(
      fc.property(durations, (values) => {
        const histogram = histogramOf(values);
        const exact = values.reduce((sum, value) => sum + value, 0);
        expect(countOf(histogram)).toBe(values.length);
        expect(Math.abs(sumOf(histogram) - exact)).toBeLessThanOrEqual(exact * ERROR);
      }),
      CAP,
    );
  });

  it('of parts that are merged is that of all values', () => {
    fc.assert(
      fc.property(durations, durations, (some, others) => {
        expect(mergeHistograms([histogramOf(some), histogramOf(others)])).toEqual(histogramOf([...some, ...others]));
      }),
      CAP,
    );
  });

  it('counts what is at most a bound, off by no more than values within 1.6 % of it', () => {
    fc.assert(
      fc.property(durations, duration, (values, bound) => {
        const upTo = (limit: number): number => values.filter((value) => value <= limit).length;
        const counted = countUpTo(histogramOf(values), bound);
        expect(counted).toBeGreaterThanOrEqual(upTo(bound * (1 - 2 * ERROR)));
        expect(counted).toBeLessThanOrEqual(upTo(bound * (1 + 2 * ERROR)));
      }),
      CAP,
    );
  });

  it('has buckets without holes between them, each no wider than 3.2 % of what is in it', () => {
    for (let bucket = 0; bucket < 880; bucket++) {
      const low = lowestOf(bucket);
      const next = lowestOf(bucket + 1);
      expect(histogramOf([low, next - 1])).toEqual([bucket, 2]);
      expect(next - low).toBeLessThanOrEqual(Math.max(1, low / 32));
    }
  });

  it('takes what makes no sense for the nearest that does', () => {
    expect(histogramOf([NaN, -5, 0, 0.4])).toEqual([0, 4]);
    expect(histogramOf([Infinity, 2 ** 40, LARGEST_VALUE])).toEqual(histogramOf([LARGEST_VALUE, LARGEST_VALUE, LARGEST_VALUE]));
    expect(quantileOf([], 0.5)).toBeNaN();
  });
});
