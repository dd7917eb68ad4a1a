import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Baseline, WindowCount } from '../../src/sketch/rate.ts';

const CAP = { interruptAfterTimeLimit: 4000, markInterruptAsFailure: false } as const;
const WINDOW_US = 1_000;

describe('the count of a window', () => {
  it('is what fell into the last whole one', () => {
    const times = fc.array(fc.integer({ min: 0, max: 20_000 }), { maxLength: 200, size: 'max' }).map((all) => all.toSorted((a, b) => a - b));
    fc.assert(
      fc.property(times, fc.integer({ min: 0, max: 5_000 }), (all, later) => {
        const counted = new WindowCount(WINDOW_US);
        for (const time of all) counted.add(time);
        const now = (all.at(-1) ?? 0) + later;
        const last = Math.floor(now / WINDOW_US) - 1;
        expect(counted.lastWhole(now)).toBe(all.filter((time) => Math.floor(time / WINDOW_US) === last).length);
        expect(counted.rate(now)).toBe(counted.lastWhole(now) * 1000);
      }),
      CAP,
    );
  });

  it('takes what comes late into the window under way', () => {
    const counted = new WindowCount(WINDOW_US);
    counted.add(5_500);
    counted.add(2_000);
    expect(counted.lastWhole(6_000)).toBe(2);
  });
});

describe('a baseline', () => {
  it('of few figures is their mean and standard deviation', () => {
    const figures = fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 1, maxLength: 20, size: 'max' });
    fc.assert(
      fc.property(figures, (all) => {
        const baseline = new Baseline(40);
        for (const figure of all) baseline.add(figure);
        const mean = all.reduce((sum, figure) => sum + figure, 0) / all.length;
        const variance = all.reduce((sum, figure) => sum + (figure - mean) ** 2, 0) / all.length;
        expect(baseline.count).toBe(all.length);
        expect(baseline.mean).toBeCloseTo(mean, 6);
        expect(baseline.deviation).toBeCloseTo(Math.sqrt(variance), 6);
      }),
      CAP,
    );
  });

  it('forgets what was long ago', () => {
    const baseline = new Baseline(10);
    for (let i = 0; i < 100; i++) baseline.add(1000);
    for (let i = 0; i < 100; i++) baseline.add(i % 2 === 0 ? 9 : 11);
    expect(baseline.mean).toBeCloseTo(10, 0);
    expect(baseline.deviation).toBeCloseTo(1, 0);
    expect(baseline.deviationsAbove(20, 0)).toBeGreaterThan(8);
    expect(baseline.deviationsAbove(20, 10)).toBeCloseTo(1, 0);
  });
});
