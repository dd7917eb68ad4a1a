import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HeavyHitters, mergeHeavyHitters, type HeavyHitter } from '../../src/sketch/heavy-hitters.ts';

const CAP = { interruptAfterTimeLimit: 4000, markInterruptAsFailure: false } as const;
const CAPACITY = 8;

/** Some keys are frequent, most are not. */
const keys = fc.array(fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 60 })).map(String), { maxLength: 400, size: 'max' });

const topOf = (stream: readonly string[]): HeavyHitter[] => {
  const hitters = new HeavyHitters(CAPACITY);
  for (const key of stream) hitters.add(key);
  return hitters.top();
};
const exactly = (stream: readonly string[]): Map<string, number> => {
  const counts = new Map<string, number>();
  for (const key of stream) counts.set(key, (counts.get(key) ?? 0) + 1);
  return counts;
};

function expectBounds(hitters: readonly HeavyHitter[], counts: ReadonlyMap<string, number>): void {
  for (const { key, count, error } of hitters) {
    expect(counts.get(key) ?? 0).toBeLessThanOrEqual(count);
    expect(counts.get(key) ?? 0).toBeGreaterThanOrEqual(count - error);
  }
}

describe('heavy hitters', () => {
  it('are counted within their error, and none that came often is left out', () => {
    fc.assert(
      fc.property(keys, (stream) => {
        const [hitters, counts] = [topOf(stream), exactly(stream)];
        expectBounds(hitters, counts);
        expect(hitters.length).toBe(Math.min(CAPACITY, counts.size));
        expect(hitters.every(({ error }) => error <= stream.length / CAPACITY)).toBe(true);
        const frequent = [...counts].filter(([, count]) => count > stream.length / CAPACITY).map(([key]) => key);
        expect(frequent.filter((key) => !hitters.some((hitter) => hitter.key === key))).toEqual([]);
      }),
      CAP,
    );
  });

  it('come with the most frequent first', () => {
    fc.assert(
      fc.property(keys, (stream) => {
        const counts = topOf(stream).map(({ count }) => count);
        expect(counts).toEqual(counts.toSorted((a, b) => b - a));
      }),
      CAP,
    );
  });

  it('of several streams are counted within their error as well', () => {
    fc.assert(
      fc.property(fc.array(keys, { maxLength: 4, size: 'max' }), (streams) => {
        expectBounds(mergeHeavyHitters(streams.map(topOf), CAPACITY), exactly(streams.flat()));
      }),
      CAP,
    );
  });

  it('of streams with few keys are exact', () => {
    expect(mergeHeavyHitters([topOf(['a', 'b', 'a']), topOf(['a', 'c'])], CAPACITY)).toEqual([
      { key: 'a', count: 3, error: 0 },
      { key: 'b', count: 1, error: 0 },
      { key: 'c', count: 1, error: 0 },
    ]);
  });
});
