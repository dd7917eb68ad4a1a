import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clopperPearson, newcombe, wilson } from '../../src/compare/statistics/proportions.ts';
import { expectClose } from './close.ts';
import oracle from './fixtures/statistics.json' with { type: 'json' };

const CONFIDENCE = 0.95;

describe('the interval of a share', () => {
  it.each(oracle.proportions)('is what SciPy says of $count of $total at $confidence', (known) => {
    const { count, total, confidence } = known;
    const byScore = wilson(count, total, confidence);
    expectClose(byScore.low, known.wilson[0]!);
    expectClose(byScore.high, known.wilson[1]!);
    const exact = clopperPearson(count, total, confidence);
    expectClose(exact.low, known.clopperPearson[0]!);
    expectClose(exact.high, known.clopperPearson[1]!);
    expect(exact.estimate).toBe(count / total);
  });

  it('is everything where nothing was counted', () => {
    expect(wilson(0, 0, CONFIDENCE)).toEqual({ estimate: 0, low: 0, high: 1 });
    expect(clopperPearson(0, 0, CONFIDENCE)).toEqual({ estimate: 0, low: 0, high: 1 });
  });

  it('lies within 0 and 1, around its estimate', () => {
    const counts = fc.integer({ min: 1, max: 1_000_000 }).chain((total) => fc.record({ total: fc.constant(total), count: fc.nat(total) }));
    fc.assert(
      fc.property(counts, fc.double({ min: 0.8, max: 0.999, noNaN: true }), ({ count, total }, confidence) => {
        for (const { estimate, low, high } of [wilson(count, total, confidence), clopperPearson(count, total, confidence)]) {
          expect(low).toBeGreaterThanOrEqual(0);
          expect(low).toBeLessThanOrEqual(estimate);
          expect(high).toBeGreaterThanOrEqual(estimate);
          expect(high).toBeLessThanOrEqual(1);
        }
      }),
      { interruptAfterTimeLimit: 2_000 },
    );
  });

  it('of Clopper and Pearson holds the true share at least as often as it says, whatever the share', () => {
    for (const total of [5, 30, 100]) {
      const intervals = Array.from({ length: total + 1 }, (_, count) => clopperPearson(count, total, CONFIDENCE));
      for (const share of [0.001, 0.01, 0.2, 0.5, 0.9, 0.995]) expect(coverage(intervals, share)).toBeGreaterThanOrEqual(CONFIDENCE);
    }
  });

  it('of Wilson holds it about as often as it says on average over all shares', () => {
    const intervals = Array.from({ length: 51 }, (_, count) => wilson(count, 50, CONFIDENCE));
    const shares = Array.from({ length: 199 }, (_, i) => (i + 1) / 200);
    const mean = shares.reduce((sum, share) => sum + coverage(intervals, share), 0) / shares.length;
    expect(mean).toBeGreaterThan(0.945);
    expect(mean).toBeLessThan(0.96);
  });
});

describe('the interval of a difference of shares', () => {
  it.each(oracle.differences)('is what statsmodels says from $from to $to at $confidence', (known) => {
    const interval = newcombe(known.from, known.to, known.confidence);
    expectClose(interval.low, known.newcombe[0]!);
    expectClose(interval.high, known.newcombe[1]!);
  });

  it('is everything where nothing was counted', () => {
    expect(newcombe({ count: 0, total: 0 }, { count: 0, total: 0 }, CONFIDENCE)).toEqual({ estimate: 0, low: -1, high: 1 });
  });

  it('is turned round when its sides are', () => {
    const there = newcombe({ count: 3, total: 40 }, { count: 9, total: 50 }, CONFIDENCE);
    const back = newcombe({ count: 9, total: 50 }, { count: 3, total: 40 }, CONFIDENCE);
    expectClose(back.low, -there.high);
    expectClose(back.high, -there.low);
  });
});

/** How often, of binomial counts with this share, the interval of the count holds it: summed up, not simulated. */
function coverage(intervals: readonly { readonly low: number; readonly high: number }[], share: number): number {
  const total = intervals.length - 1;
  let probability = (1 - share) ** total;
  let sum = 0;
  intervals.forEach(({ low, high }, count) => {
    if (low <= share && share <= high) sum += probability;
    probability *= ((total - count) / (count + 1)) * (share / (1 - share));
  });
  return sum;
}
