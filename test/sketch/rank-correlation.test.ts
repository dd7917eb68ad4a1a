import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rankCorrelation } from '../../src/sketch/rank-correlation.ts';

const CAP = { interruptAfterTimeLimit: 4000, markInterruptAsFailure: false } as const;

describe('rank correlation', () => {
  it('of figures without ties is what the textbook formula says', () => {
    const figures = fc.uniqueArray(fc.integer(), { minLength: 2, maxLength: 50, size: 'max' });
    fc.assert(
      fc.property(figures, fc.infiniteStream(fc.nat()), (xs, random) => {
        const ys = xs.map((x, index) => ({ x, key: random.next().value as number, index })).sort((a, b) => a.key - b.key || a.index - b.index).map(({ x }) => x);
        const rank = (all: readonly number[], figure: number): number => all.filter((other) => other < figure).length;
        const squares = xs.reduce((sum, x, index) => sum + (rank(xs, x) - rank(ys, ys[index]!)) ** 2, 0);
        const n = xs.length;
        expect(rankCorrelation(xs, ys)).toBeCloseTo(1 - (6 * squares) / (n * (n * n - 1)), 9);
      }),
      CAP,
    );
  });

  it('goes by ranks alone, and is the same both ways', () => {
    expect(rankCorrelation([1, 2, 3, 4], [1, 10, 100, 1000])).toBe(1);
    expect(rankCorrelation([1, 2, 3, 4], [9, 8, 7, -6])).toBe(-1);
    // By numpy: corrcoef of the mean ranks.
    expect(rankCorrelation([1, 2, 2, 3, 5], [2, 2, 1, 4, 9])).toBeCloseTo(rankCorrelation([2, 2, 1, 4, 9], [1, 2, 2, 3, 5]), 12);
    expect(rankCorrelation([1, 2, 2, 3, 5], [2, 2, 1, 4, 9])).toBeCloseTo(0.763, 2);
  });

  it('is not known of what never changes', () => {
    expect(rankCorrelation([1, 1, 1], [1, 2, 3])).toBeNaN();
    expect(rankCorrelation([], [])).toBeNaN();
  });
});
