import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/sketch/random.ts';
import { RateSample } from '../../src/worker/rate-sample.ts';

/** Events at a steady rate for some seconds. @returns which are in the sample */
function drawn(sample: RateSample, perSecond: number, seconds: number, { fromMs = 0, most = 500 } = {}): boolean[] {
  return Array.from({ length: perSecond * seconds }, (_, i) => sample.draw(fromMs + (i * 1000) / perSecond, most));
}

const count = (events: readonly boolean[]): number => events.filter((is) => is).length;

describe('a sample by rate', () => {
  it('is all while no more come than are wanted', () => {
    const never = (): number => 0.999_999;
    expect(count(drawn(new RateSample(never), 500, 3))).toBe(1_500);
    expect(count(drawn(new RateSample(never), 5_000, 2, { most: Infinity }))).toBe(10_000);
  });

  it('is as many of more as are wanted, on average, once a second has passed', () => {
    const sample = new RateSample(seededRandom(7));
    const first = count(drawn(sample, 20_000, 1));
    expect(first).toBeLessThan(2 * 500 * (1 + Math.log(20_000 / 500)));
    const later = count(drawn(sample, 20_000, 200, { fromMs: 1_000 })) / 200;
    // Of 100 slots a second 2.5 are drawn, with 200 events each: a standard error of 22.
    expect(Math.abs(later - 500)).toBeLessThan(4 * 22);
  });

  it('has each event with the same chance, wherever in the second it comes', () => {
    const sample = new RateSample(seededRandom(8));
    drawn(sample, 1_000, 1, { most: 250 });
    const hits = new Float64Array(10);
    const seconds = 2_000;
    drawn(sample, 1_000, seconds, { fromMs: 1_000, most: 250 }).forEach((is, i) => (hits[Math.floor((i % 1_000) / 100)]! += is ? 1 : 0));
    for (const sum of hits) expect(Math.abs(sum / seconds - 25)).toBeLessThan(1.5);
  });

  it('is whole slots of time', () => {
    const sample = new RateSample(seededRandom(9));
    drawn(sample, 1_000, 1, { most: 250 });
    const events = drawn(sample, 1_000, 10, { fromMs: 1_000, most: 250 });
    for (let slot = 0; slot < events.length; slot += 10) expect([0, 10]).toContain(count(events.slice(slot, slot + 10)));
  });

  it('is all again after a pause, and in the second after a burst', () => {
    const sample = new RateSample(seededRandom(10));
    drawn(sample, 20_000, 2);
    expect(count(drawn(sample, 400, 2, { fromMs: 60_000 }))).toBe(800);
    drawn(sample, 20_000, 1, { fromMs: 70_000 });
    expect(count(drawn(sample, 400, 2, { fromMs: 71_000 }).slice(400))).toBe(400);
  });

  it('follows a bound that changes', () => {
    const sample = new RateSample(seededRandom(11));
    drawn(sample, 2_000, 1);
    const share = (most: number, fromMs: number): number => count(drawn(sample, 2_000, 100, { fromMs, most })) / 100;
    expect(Math.abs(share(500, 1_000) - 500)).toBeLessThan(40);
    expect(Math.abs(share(100, 101_000) - 100)).toBeLessThan(20);
  });
});
