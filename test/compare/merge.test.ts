import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ComparisonData } from '../../src/compare/data.ts';
import { comparisonWithoutValues, mergeComparison } from '../../src/compare/merge.ts';
import { answer, Bench, target } from './bench.ts';
import { question } from './differ-support.ts';

const CAP = { interruptAfterTimeLimit: 4000, markInterruptAsFailure: false } as const;

const exchange = fc.record({
  key: fc.constantFrom('v2', 'base'),
  template: fc.constantFrom('/a', '/b', '/c'),
  repeat: fc.constantFrom('', '1', '2'),
  production: fc.dictionary(fc.constantFrom('p', 'q', 'r'), fc.integer({ min: 0, max: 2 })),
  mirror: fc.dictionary(fc.constantFrom('p', 'q', 'r'), fc.integer({ min: 0, max: 2 })),
  skipped: fc.constantFrom(null, null, 'failed', 'too-large'),
  status: fc.constantFrom(200, 404, 500),
});
type Exchanged = typeof exchange extends fc.Arbitrary<infer T> ? T : never;

const TARGETS = [target(), target({ key: 'base', target: 'http://v1', role: 'Baseline' })];

function play(exchanges: readonly Exchanged[], fromMs = 0): ComparisonData {
  const bench = new Bench(TARGETS);
  bench.nowMs += fromMs;
  for (const { key, template, repeat, production, mirror, skipped, status } of exchanges) {
    const asked = question({ template, key: repeat });
    if (skipped === null) bench.exchange(asked, answer(production), answer(mirror, { status }), key);
    else bench.comparator.skip(key, asked, answer(production), skipped);
    bench.comparator.connected(key, exchanges.length);
  }
  return bench.comparator.data();
}

/** Pairs of times are in no order. */
function inOrder(data: ComparisonData): ComparisonData {
  const sorted = (sample: readonly number[]): number[] => sample.flatMap((_, i) => (i % 3 === 0 ? [sample.slice(i, i + 3)] : [])).sort((a, b) => a[0]! - b[0]!).flat();
  return {
    policies: data.policies.map((policy) => ({
      ...policy,
      endpoints: policy.endpoints.map((endpoint) => ({ ...endpoint, latency: { ...endpoint.latency, sample: sorted(endpoint.latency.sample) } })),
    })),
  };
}

function merged(...parts: readonly ComparisonData[]): ComparisonData {
  return inOrder(mergeComparison(parts));
}

const part = fc.array(exchange, { maxLength: 60 }).map((exchanges) => play(exchanges));

describe('merging what several have found', () => {
  it('gives the same in any order and grouping', () => {
    fc.assert(
      fc.property(part, part, part, (a, b, c) => {
        const all = merged(a, b, c);
        expect(merged(c, a, b)).toEqual(all);
        expect(merged(mergeComparison([a, b]), c)).toEqual(all);
        expect(merged(a, mergeComparison([c, b]))).toEqual(all);
        expect(merged(all)).toEqual(all);
      }),
      CAP,
    );
  });

  it('counts as one would that had seen it all, but for repeats, which one would have seen more of', () => {
    fc.assert(
      fc.property(fc.array(exchange, { maxLength: 60 }), fc.array(exchange, { maxLength: 60 }), (one, other) => {
        const both = merged(play(one), play(other, one.filter(({ skipped }) => skipped === null).length * 1_100));
        const whole = inOrder(play([...one, ...other]));
        const counts = (data: ComparisonData) =>
          data.policies.map(({ endpoints }) =>
            endpoints.map(({ method, template, compared, notCompared, answers, latency, places, signatures }) => ({
              method, template, compared, notCompared, answers, latency,
              places: places.filter(({ differed }) => differed > 0).map(({ where, differed, random }) => [where, differed, random]),
              signatures: signatures.map(({ places: at, count }) => [at.map((i) => places[i]!.where), count]).sort(),
            })),
          );
        expect(counts(both)).toEqual(counts(whole));
      }),
      CAP,
    );
  });

  it('keeps apart what was found by other rules', () => {
    const old = new Bench([target({ rules: 'old' })]);
    const young = new Bench([target({ rules: 'new' })]);
    for (const bench of [old, young]) bench.exchange(question(), answer({ a: 1 }), answer({ a: 2 }));
    expect(mergeComparison([old.comparator.data(), young.comparator.data()]).policies.map(({ endpoints }) => endpoints[0]!.compared)).toEqual([1, 1]);
  });

  it('draws a full sample of times by how many each has seen', () => {
    const busy = new Bench();
    const idle = new Bench();
    const took = (us: number) => [answer({}, { completeUs: us }), answer({}, { completeUs: us })] as const;
    for (let i = 0; i < 4_500; i++) busy.exchange(question(), ...took(100));
    for (let i = 0; i < 500; i++) idle.exchange(question(), ...took(900));
    const { pairs, sample } = mergeComparison([idle.comparator.data(), busy.comparator.data()]).policies[0]!.endpoints[0]!.latency;
    expect([pairs, sample.length]).toEqual([5_000, 3 * 512]);
    const share = sample.filter((value, i) => i % 3 === 1 && value === 900).length / 512;
    expect(share).toBeGreaterThan(0.05);
    expect(share).toBeLessThan(0.15);
  });

  it('of none is none', () => {
    expect(mergeComparison([])).toEqual({ policies: [] });
  });
});

describe('comparisonWithoutValues', () => {
  it('leaves out what answers said, and nothing else', () => {
    const bench = new Bench();
    bench.exchange(question(), answer({ a: 'secret-one' }), answer({ a: 'secret-two' }));
    const data = bench.comparator.data();
    expect(JSON.stringify(data)).toContain('secret-one');
    const without = comparisonWithoutValues(data);
    expect(JSON.stringify(without)).not.toContain('secret');
    expect(without.policies[0]!.endpoints[0]).toMatchObject({ compared: 1, places: [{ where: 'body /a', differed: 1 }] });
  });
});
