import { describe, expect, it } from 'vitest';
import { durationMs } from '../../src/policy/duration.ts';

describe('a duration', () => {
  it.each([
    ['5s', 5000],
    ['250ms', 250],
    ['1m30s', 90_000],
    ['1h', 3_600_000],
    ['0s', 0],
    ['1h1m1s1ms', 3_661_001],
  ])('is read as GEP-2257 says: %s', (text, ms) => {
    expect(durationMs(text)).toBe(ms);
  });

  it.each(['', '5', 's', '1.5s', '-1s', '5 s', '123456s', '1d', '1s1s1s1s1s'])('is nothing else: %j', (text) => {
    expect(durationMs(text)).toBeNaN();
  });
});
