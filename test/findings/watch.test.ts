import { describe, expect, it } from 'vitest';
import { Baseline } from '../../src/findings/watch/baseline.ts';
import { EndpointWatch } from '../../src/findings/watch/endpoint-watch.ts';
import type { SourceWatch } from '../../src/findings/watch/source-watch.ts';
import { KeyedHash } from '../../src/findings/watch/keyed-hash.ts';
import { SmallDistinct } from '../../src/findings/watch/small-distinct.ts';
import { SourceTable } from '../../src/findings/watch/source-table.ts';

const OPTIONS = { floor: 100, learnWindows: 20 };

/** A baseline that has learnt, and the windows in which it raises the alarm afterwards. */
function alarms(usual: number, counts: readonly number[]): number[] {
  const baseline = new Baseline(OPTIONS);
  for (let i = 0; i < OPTIONS.learnWindows; i++) expect(baseline.close(usual)).toBe(false);
  return counts.flatMap((count, window) => (baseline.close(count) ? [window] : []));
}

describe('a baseline', () => {
  it('raises no alarm while it learns, whatever comes', () => {
    const baseline = new Baseline(OPTIONS);
    for (let i = 0; i < OPTIONS.learnWindows; i++) expect(baseline.close(i % 2 === 0 ? 10 : 1_000_000)).toBe(false);
  });

  it('takes one window of much for a burst, and two for a flood', () => {
    expect(alarms(50, [50, 1000, 50, 1000, 1000, 1000, 50])).toEqual([4, 5]);
  });

  it('has nothing against less than its floor', () => {
    expect(alarms(1, [99, 99, 99])).toEqual([]);
  });

  it('follows a slow ramp to twenty times as much', () => {
    expect(alarms(100, Array.from({ length: 400 }, (_, i) => 100 * 20 ** (i / 400)))).toEqual([]);
  });

  it('follows the tides of a day', () => {
    const day = Array.from({ length: 2000 }, (_, i) => 1000 + 950 * Math.sin((i / 2000) * 2 * Math.PI));
    expect(alarms(1000, [...day, ...day])).toEqual([]);
  });

  it('comes to know a job that runs every ten minutes', () => {
    const hour = Array.from({ length: 720 }, (_, i) => (i % 120 < 3 ? 900 : 100));
    const found = alarms(100, [...hour, ...hour, ...hour, ...hour]);
    expect(found.filter((window) => window > 1920)).toEqual([]);
  });

  it('learns little from a flood, and a new level in time', () => {
    const after = alarms(100, Array.from({ length: 2000 }, () => 1500));
    expect(after.length).toBeGreaterThan(20);
    expect(Math.max(...after)).toBeLessThan(720);
  });
});

describe('counting what is different', () => {
  it('is about right for some, and says very many of very many', () => {
    const hash = new KeyedHash(0x5eed1234);
    for (const [count, error] of [[1, 0], [5, 1], [20, 3], [100, 15], [200, 30]] as const) {
      const distinct = new SmallDistinct();
      for (let i = 0; i < count * 5; i++) distinct.add(hash.of(`value ${i % count}`));
      expect(Math.abs(distinct.estimate() - count)).toBeLessThanOrEqual(error);
    }
    const many = new SmallDistinct();
    for (let i = 0; i < 100_000; i++) many.add(hash.of(`value ${i}`));
    expect(many.estimate()).toBeGreaterThan(700);
    many.clear();
    expect(many.estimate()).toBe(0);
  });

  it('hashes otherwise under another key', () => {
    const [one, other] = [new KeyedHash(1), new KeyedHash(2)];
    expect(one.of('secret')).toBe(one.of('secret'));
    expect(one.of('secret')).not.toBe(other.of('secret'));
    expect(one.of(`${'x'.repeat(500)}a`)).not.toBe(one.of(`${'x'.repeat(500)}b`));
  });
});

describe('the table of sources', () => {
  const options = { learnSeconds: 60, share: 1 };

  it('never holds more than its limit, and gives up who was not seen for a while', () => {
    const table = new SourceTable(64, new KeyedHash(1));
    const endpoints = [new EndpointWatch<SourceWatch>('a', options), new EndpointWatch<SourceWatch>('b', options)];
    const regular = table.of(endpoints[0]!, 'regular');
    for (let i = 0; i < 5_000; i++) {
      table.of(endpoints[i % 2]!, `passing ${i}`);
      if (i % 8 === 0) table.of(endpoints[0]!, 'regular');
      expect(endpoints[0]!.sources.size + endpoints[1]!.sources.size).toBeLessThanOrEqual(64);
    }
    expect(table.evicted).toBe(5_001 - 64);
    expect(table.of(endpoints[0]!, 'regular')).toBe(regular);
  });

  it('forgets an endpoint with all its sources', () => {
    const table = new SourceTable(4, new KeyedHash(1));
    const [one, other] = [new EndpointWatch<SourceWatch>('a', options), new EndpointWatch<SourceWatch>('b', options)];
    table.of(one, 'x');
    table.of(other, 'y');
    table.forget(one);
    expect([one.sources.size, other.sources.size]).toEqual([0, 1]);
    for (let i = 0; i < 3; i++) table.of(other, `z ${i}`);
    expect(table.evicted).toBe(0);
  });
});
