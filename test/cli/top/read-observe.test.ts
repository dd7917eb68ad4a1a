import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rank } from '../../../src/cli/top/ranking.ts';
import { readObserve } from '../../../src/cli/top/read-observe.ts';
import { mergeObserve } from '../../../src/observe/merge.ts';
import { Watching } from '../../observe/watching.ts';

const CAP = { interruptAfterTimeLimit: 4000, markInterruptAsFailure: false } as const;

describe('what an agent says that it has observed', () => {
  it('is read as it was said', () => {
    const watching = new Watching();
    for (let i = 0; i < 30; i++) watching.exchange(`/orders/${i}`, { takesUs: 1000 * i, status: i === 0 ? 500 : 200 });
    const data = watching.data();
    expect(readObserve(JSON.parse(JSON.stringify({ observe: data })))).toEqual(data);
  });

  it('is nothing where it is no such page', () => {
    for (const value of [null, 7, 'text', [], {}, { observe: null }, { observe: { endpoints: {} } }]) expect(readObserve(value)).toBeNull();
  });

  it('can be merged and ranked whatever it is', () => {
    const something = fc.oneof(fc.double(), fc.string(), fc.constant(null), fc.array(fc.integer({ min: -1, max: 3000 }), { maxLength: 6 }), fc.object({ maxDepth: 1 }));
    const names = ['endpoint', 'port', 'method', 'template', 'statuses', 'complete', 'firstByte', 'requests', 'rate', 'unanswered', 'concurrency', 'saturation', 'largestResponse'];
    const load = fc.record(Object.fromEntries(names.map((name) => [name, something])), { requiredKeys: [] });
    const client = fc.record({ endpoint: something, address: something, count: something, error: something }, { requiredKeys: [] });
    fc.assert(
      fc.property(fc.array(fc.oneof(load, something), { maxLength: 5 }), fc.array(fc.oneof(client, something), { maxLength: 30 }), (endpoints, clients) => {
        const read = readObserve({ observe: { endpoints, clients, folded: 'x' } })!;
        const { busiest, slowest, clients: busy } = rank(mergeObserve([read, read]), 10);
        for (const row of [...busiest, ...slowest]) {
          expect(row.requests).toBeGreaterThan(0);
          expect([row.rate, row.errors, row.p50Ms ?? 0, row.concurrency].every((figure) => figure >= 0 && Number.isFinite(figure))).toBe(true);
        }
        expect(busy.every(({ count, error }) => count >= error)).toBe(true);
      }),
      CAP,
    );
  });
});
