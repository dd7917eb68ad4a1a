import { describe, expect, it } from 'vitest';
import { holm } from '../../src/compare/statistics/family.ts';
import { seededRandom } from '../../src/sketch/random.ts';

describe("Holm's adjustment", () => {
  it('gives what p.adjust of R gives', () => {
    // p.adjust(c(0.01, 0.04, 0.03, 0.005, 1), 'holm')
    const adjusted = holm([0.01, 0.04, 0.03, 0.005, 1]);
    [0.04, 0.09, 0.09, 0.025, 1].forEach((expected, i) => expect(adjusted[i]).toBeCloseTo(expected, 12));
  });

  it('leaves a single test as it is, and none', () => {
    expect(holm([0.03])).toEqual([0.03]);
    expect(holm([])).toEqual([]);
  });

  it('keeps the chance of any false alarm at the level', () => {
    const random = seededRandom(4);
    let alarms = 0;
    for (let round = 0; round < 4_000; round++) if (holm(Array.from({ length: 20 }, random)).some((p) => p <= 0.05)) alarms++;
    expect(alarms / 4_000).toBeGreaterThan(0.035);
    expect(alarms / 4_000).toBeLessThan(0.06);
  });
});
