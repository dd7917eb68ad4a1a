import { describe, expect, it } from 'vitest';
import { hodgesLehmann } from '../../src/compare/hodges-lehmann.ts';
import { clusterDependence } from '../../src/compare/wilcoxon.ts';
import { seededRandom } from '../../src/sketch/random.ts';
import { expectClose } from './close.ts';
import oracle from './fixtures/hodges-lehmann.json' with { type: 'json' };
import { disturbed, gaussian } from '../support/noise.ts';

const CONFIDENCE = 0.95;
const TRUTH = 0.3;

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
  it.each(oracle.cases)('is what R says of $n values', ({ sample, confidence, estimate }) => {
    expectClose(hodgesLehmann(sample, confidence).estimate, estimate);
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

  it('has an interval without end where there are too few values for the confidence', () => {
    expect(hodgesLehmann([1, 2, 3], CONFIDENCE)).toEqual({ estimate: 2, low: -Infinity, high: Infinity });
  });

  it('is not moved by one value that is far off', () => {
    const values = gaussian(100, seededRandom(1));
    const moved = hodgesLehmann([...values.slice(1), 1e9], CONFIDENCE).estimate - hodgesLehmann(values, CONFIDENCE).estimate;
    expect(Math.abs(moved)).toBeLessThan(0.05);
  });

  it('holds the truth as often as its interval says', () => {
    for (const n of [10, 40, 200]) {
      const share = coverage(1_000, (round) => hodgesLehmann(gaussian(n, seededRandom(round)).map((value) => value + TRUTH), CONFIDENCE));
      expect(share, `${n} values`).toBeGreaterThan(0.935);
      expect(share, `${n} values`).toBeLessThan(0.985);
    }
  });

  it('holds it nearly as often where neighbours resemble each other, if that is heeded', () => {
    const share = coverage(300, (round) => {
      const values = disturbed(512, 16, seededRandom(round)).map((value) => value + TRUTH);
      const { estimate } = hodgesLehmann(values, CONFIDENCE);
      return hodgesLehmann(values, CONFIDENCE, clusterDependence(values.map((value) => value - estimate)));
    });
    expect(share).toBeGreaterThan(0.93);
  });
});
