import { describe, expect, it } from 'vitest';
import { TokenBucket } from '../../src/mirror/token-bucket.ts';

/** How many of `asked` evenly spread questions within a second are answered yes. */
function passed(bucket: TokenBucket, fromMs: number, asked: number): number {
  let count = 0;
  for (let i = 0; i < asked; i++) if (bucket.take(fromMs + (i * 1000) / asked)) count += 1;
  return count;
}

describe('a token bucket', () => {
  it('lets its rate pass, whatever comes', () => {
    const bucket = new TokenBucket({ perSecond: 50, burst: 1 });
    const seconds = [0, 1, 2, 3].map((second) => passed(bucket, 10_000 + second * 1000, 1000));
    expect(seconds.reduce((a, b) => a + b)).toBeGreaterThanOrEqual(199);
    expect(Math.max(...seconds)).toBeLessThanOrEqual(51);
  });

  it('lets a burst pass after a pause, and no more than that', () => {
    const bucket = new TokenBucket({ perSecond: 10, burst: 25 });
    const atOnce = (nowMs: number): number => Array.from({ length: 100 }, () => bucket.take(nowMs)).filter(Boolean).length;
    expect(atOnce(1000)).toBe(25);
    expect(atOnce(1500)).toBe(5);
    expect(atOnce(3_600_000)).toBe(25);
  });

  it('may be slower than one a second', () => {
    const bucket = new TokenBucket({ perSecond: 0.25, burst: 1 });
    const asked = Array.from({ length: 41 }, (_, second) => bucket.take(second * 1000));
    expect(asked.filter(Boolean)).toHaveLength(11);
  });
});
