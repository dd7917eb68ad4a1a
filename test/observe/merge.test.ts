import { describe, expect, it } from 'vitest';
import { mergeObserve, withoutNow } from '../../src/observe/merge.ts';
import { countOf } from '../../src/sketch/histogram.ts';
import { Watching } from './watching.ts';

/** What a worker has seen of the last ten seconds: so many requests of two at a time, one after the other, by one client. */
function seen(count: number, address: string, target = '/orders/1'): Watching {
  const watching = new Watching();
  for (let i = 0; i < count; i++) watching.exchange(target, { address, takesUs: 1000 + i, status: i === 0 ? 500 : 200 });
  watching.nowUs = 3_610e6;
  return watching;
}

describe('what several workers have seen', () => {
  it('is summed up by endpoint', () => {
    const merged = mergeObserve([seen(3, '10.0.0.1').data(), seen(5, '10.0.0.2').data(), seen(1, '10.0.0.1', '/carts').data()]);
    expect(merged.endpoints.map(({ template, requests, statuses, rate, concurrency }) => ({ template, requests, statuses, rate, concurrency }))).toEqual([
      { template: '/orders/{id}', requests: 8, statuses: [0, 6, 0, 0, 2], rate: 0.8, concurrency: { mean: 2, most: 2 } },
      { template: '/carts', requests: 1, statuses: [0, 0, 0, 0, 1], rate: 0.1, concurrency: { mean: 1, most: 1 } },
    ]);
    expect(countOf(merged.endpoints[0]!.complete)).toBe(8);
    expect(merged.clients).toEqual([
      { endpoint: 'shop/web-1', address: '10.0.0.2', count: 5, error: 0 },
      { endpoint: 'shop/web-1', address: '10.0.0.1', count: 4, error: 0 },
    ]);
  });

  it('is nothing of none, and of one what that has seen', () => {
    expect(mergeObserve([])).toEqual({ endpoints: [], clients: [], folded: 0 });
    const one = seen(4, '10.0.0.1').data();
    expect(mergeObserve([one])).toEqual(one);
  });

  it('weighs saturation by requests, where it is known', () => {
    const [load] = seen(1, '10.0.0.1').data().endpoints;
    const of = (requests: number, saturation: number | null) => ({ endpoints: [{ ...load!, requests, saturation }], clients: [], folded: 0 });
    expect(mergeObserve([of(1, 1), of(3, 0), of(100, null)]).endpoints[0]!.saturation).toBe(0.25);
    expect(mergeObserve([of(1, null), of(3, null)]).endpoints[0]!.saturation).toBeNull();
  });

  it('says nothing of now once a worker is no more', () => {
    const data = seen(5, '10.0.0.1').data();
    expect(data.endpoints[0]).toMatchObject({ requests: 5, rate: 0.5 });
    expect(withoutNow(data).endpoints[0]).toMatchObject({ requests: 5, rate: 0, concurrency: { mean: 0, most: 0 }, saturation: null });
  });
});
