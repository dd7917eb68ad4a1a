import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clusterDependence, INDEPENDENT, signedRankTest } from '../../src/compare/statistics/wilcoxon.ts';
import { seededRandom } from '../../src/sketch/random.ts';
import { disturbed, gaussian } from '../support/noise.ts';
import { expectClose } from './close.ts';
import byR from './fixtures/hodges-lehmann.json' with { type: 'json' };
import oracle from './fixtures/statistics.json' with { type: 'json' };

const small = oracle.signedRanks.filter(({ exact }) => exact !== null).map((known) => ({ ...known, n: known.sample.length }));
const large = oracle.signedRanks.filter(({ sample }) => sample.length > 50).map((known) => ({ ...known, n: known.sample.length }));

/** Share of samples for which the test says at this level that they do not lie around 0. */
function rejected(samples: number, level: number, pValueOf: (round: number) => number): number {
  let count = 0;
  for (let round = 0; round < samples; round++) if (pValueOf(round) <= level) count++;
  return count / samples;
}

describe('the signed-rank test', () => {
  it.each(small)('gives the exact p-value that SciPy gives for $n values, with their ties and zeros', ({ sample, exact }) => {
    expectClose(signedRankTest(sample).pValue, exact!);
  });

  it.each(large)('gives the normal p-value that SciPy gives for $n values', ({ sample, normal }) => {
    expectClose(signedRankTest(sample).pValue, normal);
  });

  it.each(byR.cases.filter(({ n }) => n <= 50))('gives the exact p-value that R gives for $n values', ({ sample, pValue }) => {
    expectClose(signedRankTest(sample).pValue, pValue);
  });

  it('says nothing of values that are all 0, or of none', () => {
    expect(signedRankTest([0, 0, 0])).toEqual({ statistic: 0, pValue: 1, pAbove: 1 });
    expect(signedRankTest([])).toEqual({ statistic: 0, pValue: 1, pAbove: 1 });
  });

  it('is as sure of the opposite when all signs are turned', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -20, max: 20 }), { minLength: 1, maxLength: 90 }), (values) => {
        const { pValue, pAbove } = signedRankTest(values);
        expectClose(signedRankTest(values.map((value) => -value)).pValue, pValue);
        expect(pAbove).toBeGreaterThanOrEqual(0);
        expect(pAbove).toBeLessThanOrEqual(1);
      }),
      { interruptAfterTimeLimit: 2_000 },
    );
  });

  it('raises false alarms no more often than its level says', () => {
    for (const n of [12, 40, 100]) {
      const rate = rejected(2_000, 0.05, (round) => signedRankTest(gaussian(n, seededRandom(round))).pValue);
      expect(rate, `${n} values`).toBeLessThan(0.06);
      expect(rate, `${n} values`).toBeGreaterThan(0.03);
    }
  });
});

describe('dependence of neighbours', () => {
  it('is not seen in independent values', () => {
    const inflations = Array.from({ length: 200 }, (_, round) => clusterDependence(gaussian(512, seededRandom(round))).inflation);
    const mean = inflations.reduce((sum, inflation) => sum + inflation, 0) / inflations.length;
    expect(mean).toBeLessThan(1.4);
  });

  it('raises false alarms where it is not heeded, and few where it is', () => {
    const heedless = rejected(500, 0.05, (round) => signedRankTest(disturbed(512, 16, seededRandom(round))).pValue);
    const heedful = rejected(500, 0.05, (round) => {
      const values = disturbed(512, 16, seededRandom(round));
      return signedRankTest(values, clusterDependence(values)).pValue;
    });
    expect(heedless).toBeGreaterThan(0.3);
    expect(heedful).toBeLessThan(0.07);
  });

  it('is none of values that are all 0', () => {
    expect(clusterDependence([0, 0, 0, 0])).toBe(INDEPENDENT);
  });
});
