import { describe, expect, it } from 'vitest';
import { RateShare } from '../../src/worker/rate-share.ts';

/** Events at a steady rate for some seconds. @returns how many are taken on average, by second */
function taken(share: RateShare, perSecond: number, seconds: number, fromMs = 0): number[] {
  return Array.from({ length: seconds }, (_, second) => {
    let sum = 0;
    for (let i = 0; i < perSecond; i++) sum += share.next(fromMs + second * 1000 + (i * 1000) / perSecond);
    return Math.round(sum);
  });
}

describe('a share by rate', () => {
  it('is all while no more come than are wanted', () => {
    expect(taken(new RateShare(500), 500, 3)).toEqual([500, 500, 500]);
    expect(taken(new RateShare(Infinity), 5_000, 2)).toEqual([5_000, 5_000]);
  });

  it('makes as many of more, evenly, once a second has passed', () => {
    const [first, ...others] = taken(new RateShare(500), 20_000, 4);
    expect(first).toBeLessThan(500 * (1 + Math.log(20_000 / 500)) + 10);
    expect(others).toEqual([500, 500, 500]);
  });

  it('is all again after a pause, and in the second after a burst', () => {
    const share = new RateShare(500);
    taken(share, 20_000, 2);
    expect(taken(share, 400, 2, 60_000)).toEqual([400, 400]);
    taken(share, 20_000, 1, 70_000);
    expect(taken(share, 400, 2, 71_000)[1]).toBe(400);
  });
});
