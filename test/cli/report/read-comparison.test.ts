import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readComparison } from '../../../src/cli/report/read-comparison.ts';
import { renderReport } from '../../../src/cli/report/formats.ts';
import { judge } from '../../../src/compare/judge/judge.ts';
import { mergeComparison } from '../../../src/compare/merge.ts';
import { comparedSince } from '../../../src/compare/since.ts';
import { answer, Bench, RULES } from '../../compare/bench.ts';
import { question } from '../../compare/differ-support.ts';

const CAP = { interruptAfterTimeLimit: 6_000, markInterruptAsFailure: false } as const;

function learnt(): Bench {
  const bench = new Bench();
  for (let i = 0; i < 200; i++) bench.exchange(question({ target: `/orders/${i % 20}`, key: `${i % 20}` }), answer({ price: 1, at: i }), answer({ price: i % 10 === 0 ? 2 : 1, at: i + 1 }));
  return bench;
}

/** As it comes through the wire. */
function sent(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

/** Everything at every depth may be anything instead. */
function spoilt(value: unknown, anything: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const kept = Array.isArray(value)
    ? fc.tuple(...value.slice(0, 4).map((entry) => spoilt(entry, anything)))
    : typeof value === 'object' && value !== null
      ? fc.record(Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, spoilt(entry, anything)])))
      : fc.constant(value);
  return fc.oneof({ weight: 30, arbitrary: kept }, { weight: 1, arbitrary: anything });
}

describe('what an agent says that it has compared', () => {
  it('is read as it was said', () => {
    const compare = learnt().comparator.data();
    expect(compare.policies[0]!.endpoints[0]!.places).not.toEqual([]);
    expect(readComparison(sent({ compare, rules: { 'shop/next': RULES } }))).toEqual({ compare, rules: { 'shop/next': RULES } });
  });

  it('is nothing where it is no such page', () => {
    for (const value of [null, 7, 'text', [], {}, { compare: null }, { compare: { policies: {} } }]) expect(readComparison(value)).toBeNull();
  });

  it('can be judged beside what others say and shown in every format, whatever it is', () => {
    const good = { compare: learnt().comparator.data(), rules: { 'shop/next': RULES } };
    const anything = fc.oneof(
      fc.double(),
      fc.constantFrom(null, true, NaN, Infinity, -1, 2 ** 53, 1e308, '\u001b[2J\u0007\r\n', '__proto__', {}, [], [[]], 'x'.repeat(100_000)),
      fc.array(fc.double(), { maxLength: 9 }),
      fc.object({ maxDepth: 2 }),
    );
    fc.assert(
      fc.property(spoilt(good, anything), (value) => {
        const bad = readComparison(value);
        if (bad === null) return;
        const merged = mergeComparison([good.compare, bad.compare, comparedSince(good.compare, bad.compare), comparedSince(bad.compare, good.compare)]);
        const report = judge(merged, (policy) => bad.rules[policy] ?? RULES);
        for (const format of ['table', 'json', 'html', 'junit'] as const) {
          const text = renderReport(report, format);
          expect(text.length).toBeLessThan(2_000_000);
          if (format !== 'html') expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
        }
        for (const { counts } of report.policies) {
          expect(counts.equal + counts.noise + counts.different).toBe(counts.compared);
          expect([counts.compared, counts.different, counts.differentShare].every((figure) => figure >= 0 && Number.isFinite(figure))).toBe(true);
        }
      }),
      CAP,
    );
  });

  it('is cut where it is endless', () => {
    const [policy] = learnt().comparator.data().policies;
    const [endpoint] = policy!.endpoints;
    const times = <T>(value: T, count: number): T[] => Array.from({ length: count }, () => value);
    const huge = { ...endpoint!, places: times(endpoint!.places[0], 100_000), signatures: times({ places: times(0, 100_000), count: 1 }, 1_000), latency: { pairs: 1, sample: times(1, 100_000) } };
    const read = readComparison({ compare: { policies: [{ ...policy!, endpoints: times(huge, 2), connectUs: times(1, 100_000) }, ...times({}, 100_000)] }, rules: {} })!;
    expect(read.compare.policies.length).toBeLessThan(5_000);
    const [{ places, signatures, latency }] = read.compare.policies[0]!.endpoints as [typeof huge];
    expect(Math.max(places.length, signatures.length, latency.sample.length, signatures[0]!.places.length)).toBeLessThan(5_000);
  });
});
