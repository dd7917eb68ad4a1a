import { describe, expect, it } from 'vitest';
import { BackOff } from '../../src/kube/back-off.ts';

describe('a back-off', () => {
  it('doubles its bound with each failure, up to the most, and stays below it at random', () => {
    const waits = Array.from({ length: 500 }, () => {
      const backOff = new BackOff(100, 1_000);
      return Array.from({ length: 8 }, () => backOff.next());
    });
    for (const [failure, bound] of [100, 200, 400, 800, 1_000, 1_000, 1_000, 1_000].entries()) {
      const all = waits.map((row) => row[failure] ?? NaN);
      expect(Math.max(...all)).toBeLessThanOrEqual(bound);
      expect(Math.max(...all)).toBeGreaterThan(bound * 0.9);
      expect(Math.min(...all)).toBeGreaterThanOrEqual(bound * 0.1);
      expect(Math.min(...all)).toBeLessThan(bound * 0.3);
    }
  });

  it('begins anew after a success', () => {
    const backOff = new BackOff(100, 1_000);
    for (let i = 0; i < 2_000; i++) backOff.next();
    expect(backOff.next()).toBeGreaterThanOrEqual(100);
    backOff.reset();
    expect(backOff.next()).toBeLessThanOrEqual(100);
  });

  it('waits at least as long as it is asked to, and not all for the same time', () => {
    const waits = Array.from({ length: 20 }, () => new BackOff(100, 1_000).next(5_000));
    expect(Math.min(...waits)).toBeGreaterThan(5_000);
    expect(Math.max(...waits)).toBeLessThanOrEqual(5_100);
    expect(new Set(waits).size).toBeGreaterThan(10);
  });
});
