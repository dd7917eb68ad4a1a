import { describe, expect, it } from 'vitest';
import { RandomDraw, Sampler, type Draw, type SampleRule } from '../../src/policy/sampler.ts';
import { seededRandom } from './support.ts';

function admitted(rule: SampleRule | undefined, draw: Draw, requests: number): number {
  const sampler = Sampler.of(rule, 'sample');
  let count = 0;
  for (let i = 0; i < requests; i++) if (sampler.admits(draw)) count += 1;
  return count;
}

const NO_DRAW: Draw = {
  uniform: () => {
    throw new Error('drawn');
  },
};

describe('a sampler', () => {
  it('admits all where nothing is said, without a draw', () => {
    expect(admitted(undefined, NO_DRAW, 10)).toBe(10);
  });

  it.each([
    [{ percent: 100 }, 10],
    [{ percent: 0 }, 0],
    [{ fraction: { numerator: 7, denominator: 7 } }, 10],
    [{ fraction: { numerator: 0, denominator: 7 } }, 0],
  ])('needs no draw for all or none: %j', (rule, expected) => {
    expect(admitted(rule, NO_DRAW, 10)).toBe(expected);
  });

  it('admits a part of its share when told to, and the same ones as before', () => {
    const sampler = Sampler.of({ percent: 50 }, 'sample');
    const admits = (part: number): number[] => [0.05, 0.2, 0.3, 0.6].filter((value) => sampler.admits({ uniform: () => value }, part));
    expect([admits(1), admits(0.5), admits(0.2), admits(0)]).toEqual([[0.05, 0.2, 0.3], [0.05, 0.2], [0.05], []]);
  });

  it('draws the line exactly', () => {
    const draws = [0, 0.0999999, 0.1, 0.999999];
    const sampler = Sampler.of({ percent: 10 }, 'sample');
    const draw = new RandomDraw(() => draws.shift()!);
    expect(Array.from({ length: 4 }, () => sampler.admits(draw))).toEqual([true, true, false, false]);
  });

  it.each([
    [{ percent: 10 }, 0.1],
    [{ percent: 50 }, 0.5],
    [{ percent: 97 }, 0.97],
    [{ percent: 0.5 }, 0.005],
    [{ percent: 33.3 }, 0.333],
    [{ fraction: { numerator: 1, denominator: 3 } }, 1 / 3],
    [{ fraction: { numerator: 1, denominator: 100 } }, 0.01],
  ])('keeps the share over 500 requests within three sigma, for each of 20 seeds but at most one: %j', (rule, share) => {
    const requests = 500;
    const sigma = Math.sqrt(requests * share * (1 - share));
    let outside = 0;
    for (let seed = 1; seed <= 20; seed++) {
      const count = admitted(rule, new RandomDraw(seededRandom(seed)), requests);
      if (Math.abs(count - requests * share) > 3 * sigma) outside += 1;
    }
    expect(outside).toBeLessThanOrEqual(1);
  });
});
