import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/sketch/random.ts';
import { mergePairs, PAIR_FIELDS, PairReservoir, type PairSample } from '../../src/sketch/reservoir.ts';

const CAPACITY = 32;

function filled(pairs: number, seed: number, from = 0): PairReservoir {
  const reservoir = new PairReservoir(CAPACITY, seededRandom(seed));
  for (let i = from; i < from + pairs; i++) reservoir.add(i, i * 2, i * 3);
  return reservoir;
}

/** When they were seen, of the pairs that a sample holds. */
function times({ sample }: PairSample): number[] {
  return sample.filter((_, i) => i % PAIR_FIELDS === 0);
}

/** Pearson's statistic of counts that should all be the same, per degree of freedom: about 1. */
function unevenness(counts: readonly number[]): number {
  const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  return counts.reduce((sum, count) => sum + (count - mean) ** 2 / mean, 0) / (counts.length - 1);
}

describe('a reservoir of pairs', () => {
  it('holds every pair until it is full', () => {
    expect(filled(2, 1).sample).toEqual([0, 0, 0, 1, 2, 3]);
    expect(times(filled(CAPACITY, 1))).toEqual(Array.from({ length: CAPACITY }, (_, i) => i));
  });

  it('holds as many as it has room for, whole and each once', () => {
    const reservoir = filled(10_000, 2);
    expect(reservoir.pairs).toBe(10_000);
    expect(new Set(times(reservoir)).size).toBe(CAPACITY);
    for (let i = 0; i < reservoir.sample.length; i += PAIR_FIELDS) {
      expect(reservoir.sample.slice(i, i + PAIR_FIELDS)).toEqual([reservoir.sample[i]!, reservoir.sample[i]! * 2, reservoir.sample[i]! * 3]);
    }
  });

  it('takes early and late pairs with the same probability', () => {
    const tenths = Array<number>(10).fill(0);
    for (let seed = 0; seed < 500; seed++) for (const at of times(filled(1_000, seed))) tenths[Math.floor(at / 100)]!++;
    expect(unevenness(tenths)).toBeLessThan(2.5);
  });

  it('goes on when its randomness gives 0 or almost 1 all the time', () => {
    for (const value of [0, 1 - Number.EPSILON / 2]) {
      const reservoir = new PairReservoir(4, () => value);
      for (let i = 0; i < 1_000; i++) reservoir.add(i, i, i);
      expect(reservoir.sample).toHaveLength(4 * PAIR_FIELDS);
    }
  });
});

describe('merged samples', () => {
  it('hold all pairs where there is room', () => {
    const merged = mergePairs([filled(3, 1), filled(5, 2, 100)], CAPACITY);
    expect(merged.pairs).toBe(8);
    expect(times(merged).sort((a, b) => a - b)).toEqual([0, 1, 2, 100, 101, 102, 103, 104]);
  });

  it('stand for each stream by how many pairs it saw', () => {
    let ofLarge = 0;
    const first = Array<number>(10).fill(0);
    for (let seed = 0; seed < 500; seed++) {
      const merged = mergePairs([filled(900, seed), filled(100, seed + 1_000, 900)], CAPACITY, seededRandom(seed));
      expect(new Set(times(merged)).size).toBe(CAPACITY);
      for (const at of times(merged)) {
        if (at < 900) ofLarge++;
        first[Math.floor(at / 100)]!++;
      }
    }
    expect(ofLarge / (500 * CAPACITY)).toBeCloseTo(0.9, 2);
    expect(unevenness(first)).toBeLessThan(2.5);
  });

  it('are the same for the same data', () => {
    const parts = [filled(900, 1), filled(100, 2)];
    expect(mergePairs(parts, CAPACITY)).toEqual(mergePairs(parts, CAPACITY));
  });

  it('are empty where there is nothing', () => {
    expect(mergePairs([], CAPACITY)).toEqual({ pairs: 0, sample: [] });
    expect(mergePairs([{ pairs: 5, sample: [] }], CAPACITY)).toEqual({ pairs: 5, sample: [] });
  });
});
