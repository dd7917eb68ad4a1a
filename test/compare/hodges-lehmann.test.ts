import { describe, expect, it } from 'vitest';
import { centreOf, limitOf } from '../../src/compare/hodges-lehmann.ts';
import { clusterDependence, INDEPENDENT, type Dependence } from '../../src/compare/wilcoxon.ts';
import { seededRandom } from '../../src/sketch/random.ts';
import { expectClose } from './close.ts';
import oracle from './fixtures/hodges-lehmann.json' with { type: 'json' };
import { disturbed, gaussian } from '../support/noise.ts';

/** Where values lie, as R's `wilcox.test` has it: what has to be taken off them, so that they lie around 0. */
function hodgesLehmann(values: readonly number[], confidence: number, dependence?: Dependence, precision = 1e-12): { estimate: number; low: number; high: number } {
  const places = {
    size: values.length,
    at: (place: number) => Float64Array.from(values, (value) => value - place),
    ...{ start: 0, step: 1, low: Math.min(...values), high: Math.max(...values), precision },
  };
  return { estimate: centreOf(places), low: limitOf(places, 'low', confidence, dependence), high: limitOf(places, 'high', confidence, dependence) };
}

const CONFIDENCE = 0.95;
const TRUTH = 0.3;
/** Precision that tells an interval that holds the truth from one that does not, nearly always. */
const COARSE = 1e-4;

/** Share of intervals that hold the truth. */
function coverage(rounds: number, intervalOf: (round: number) => { readonly low: number; readonly high: number }): number {
  let held = 0;
  for (let round = 0; round < rounds; round++) {
    const { low, high } = intervalOf(round);
    if (low <= TRUTH && TRUTH <= high) held++;
  }
  return held / rounds;
}

describe('the Hodges-Lehmann estimate', () => {
  it.each(oracle.cases)('is what R says of $n values, or beside it where two averages are in the middle', ({ n, sample, confidence, estimate, low, high }) => {
    const ours = hodgesLehmann(sample, confidence).estimate;
    if (((n * (n + 1)) / 2) % 2 === 1) expectClose(ours, estimate);
    else expect(Math.abs(ours - estimate)).toBeLessThan(0.05 * (high - low));
  });

  it.each(oracle.cases.filter(({ n }) => n <= 50))('has the exact interval that R says at $confidence for $n values', (known) => {
    const { low, high } = hodgesLehmann(known.sample, known.confidence);
    expectClose(low, known.low);
    expectClose(high, known.high);
  });

  it.each(oracle.cases.filter(({ n }) => n > 50))('has almost the exact interval at $confidence for $n values', (known) => {
    const { low, high } = hodgesLehmann(known.sample, known.confidence);
    expect(Math.abs(low - known.low)).toBeLessThan(0.02 * (known.high - known.low));
    expect(Math.abs(high - known.high)).toBeLessThan(0.02 * (known.high - known.low));
  });

  it('has the widest interval where there are too few values for the confidence', () => {
    expect(hodgesLehmann([1, 2, 3], CONFIDENCE)).toMatchObject({ low: 1, high: 3 });
  });

  it('is the same whatever number the search begins with, at a few passes over the values', () => {
    const values = gaussian(512, seededRandom(3));
    for (const start of [-5, -0.1, 0, 0.02, 5]) {
      let passes = 0;
      const family = {
        size: values.length,
        at: (place: number) => {
          passes++;
          return Float64Array.from(values, (value) => value - place);
        },
        ...{ start, step: 0.1, low: -5, high: 5, precision: 5e-4 },
      };
      expect(Math.abs(centreOf(family) - hodgesLehmann(values, CONFIDENCE).estimate)).toBeLessThan(5e-4);
      expect(passes).toBeLessThan(Math.abs(start) > 1 ? 24 : 10);
    }
  });

  it('is not moved by one value that is far off', () => {
    const values = gaussian(100, seededRandom(1));
    const moved = hodgesLehmann([...values.slice(1), 1e6], CONFIDENCE).estimate - hodgesLehmann(values, CONFIDENCE).estimate;
    expect(Math.abs(moved)).toBeLessThan(0.05);
  });

  it('holds the truth as often as its interval says', () => {
    for (const n of [10, 40, 200]) {
      const share = coverage(1_000, (round) => hodgesLehmann(gaussian(n, seededRandom(round)).map((value) => value + TRUTH), CONFIDENCE, INDEPENDENT, COARSE));
      expect(share, `${n} values`).toBeGreaterThan(0.935);
      expect(share, `${n} values`).toBeLessThan(0.985);
    }
  });

  it('holds it nearly as often where neighbours resemble each other, if that is heeded', () => {
    const share = coverage(300, (round) => {
      const values = disturbed(512, 16, seededRandom(round)).map((value) => value + TRUTH);
      const { estimate } = hodgesLehmann(values, CONFIDENCE, INDEPENDENT, COARSE);
      return hodgesLehmann(values, CONFIDENCE, clusterDependence(values.map((value) => value - estimate)), COARSE);
    });
    expect(share).toBeGreaterThan(0.93);
  });
});
