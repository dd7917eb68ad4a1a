import { describe, expect, it } from 'vitest';
import { AdaptiveShare, type AdaptiveLimits } from '../../src/mirror/adaptive-share.ts';

const LIMITS: AdaptiveLimits = { maxErrors: 0.1, maxLatencyMs: 100, minShare: 0.05 };

class Rig {
  readonly share = Float64Array.of(1);
  readonly #adaptive: AdaptiveShare;
  #nowMs = performance.now();

  constructor(limits: Partial<AdaptiveLimits> = {}) {
    this.#adaptive = new AdaptiveShare({ ...LIMITS, ...limits }, this.share);
  }

  /** A second in which so much was heard. @returns the share after it */
  second({ good = 0, bad = 0, latencyMs = 10 }): number {
    for (let i = 0; i < good; i++) this.#adaptive.onSuccess(latencyMs);
    for (let i = 0; i < bad; i++) this.#adaptive.onError();
    this.#nowMs += 1001;
    this.#adaptive.tick(this.#nowMs);
    return this.share[0]!;
  }
}

describe('a share that adapts', () => {
  it('stays whole while the mirror is well', () => {
    expect(new Rig().second({ good: 90, bad: 10 })).toBe(1);
  });

  it('halves with each second of errors beyond the bound, down to its least', () => {
    const rig = new Rig();
    const seconds = Array.from({ length: 6 }, () => rig.second({ good: 89, bad: 11 }));
    expect(seconds).toEqual([0.5, 0.25, 0.125, 0.0625, 0.05, 0.05]);
  });

  it('halves when answers take longer than the bound on average', () => {
    expect(new Rig().second({ good: 50, latencyMs: 101 })).toBe(0.5);
    expect(new Rig().second({ good: 50, latencyMs: 99 })).toBe(1);
    expect(new Rig({ maxLatencyMs: Infinity }).second({ good: 50, latencyMs: 1e6 })).toBe(1);
    expect(new Rig({ maxLatencyMs: Infinity, maxErrors: 1 }).second({ bad: 50 })).toBe(1);
  });

  it('rises again step by step, and to the whole', () => {
    const rig = new Rig();
    rig.second({ bad: 50 });
    expect(rig.second({ good: 50 })).toBeCloseTo(0.55);
    for (let i = 0; i < 20; i++) rig.second({ good: 50 });
    expect(rig.share[0]).toBe(1);
  });

  it('rises when nothing was sent, so that it never gets stuck', () => {
    const rig = new Rig();
    rig.second({ bad: 50 });
    expect(rig.second({})).toBeCloseTo(0.55);
  });

  it('waits for more where little was heard, but not for ever', () => {
    const rig = new Rig();
    const seconds = Array.from({ length: 10 }, (_, second) => rig.second(second === 0 ? { bad: 3 } : {}));
    expect(seconds.slice(0, 9).every((share) => share === 1)).toBe(true);
    expect(seconds[9]).toBe(0.5);
  });
});
