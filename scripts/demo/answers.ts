import { randomUUID } from 'node:crypto';

export type Version = 'v1' | 'v2';

export interface ShopAnswer {
  readonly status: number;
  readonly json: unknown;
  /** How long the shop thinks about it, milliseconds. */
  readonly afterMs: number;
}

/**
 * What the shop answers. Of v2 three things are wrong, and the agent's report must name these and nothing else:
 *   1. the price of an item is that without tax,
 *   2. a search takes three times as long,
 *   3. an order of nothing is answered with 500.
 * What differs by nature must not be named: times, ids, the order of recommendations.
 */
export function answerTo(version: Version, method: string, url: string, body: Buffer): ShopAnswer {
  const { pathname, searchParams } = new URL(url, 'http://shop');
  const meta = { requestId: randomUUID(), servedAt: new Date().toISOString() };
  if (method === 'POST' && pathname === '/api/orders') return order(version, body, meta);
  if (method === 'POST') return { status: 201, json: { received: body.length, meta }, afterMs: 0 };
  if (pathname === '/api/search') return { status: 200, json: { ...found(searchParams.get('q') ?? ''), meta }, afterMs: version === 'v1' ? 5 : 15 };
  return { status: 200, json: { ...item(version, pathname.split('/').at(-1) ?? ''), meta }, afterMs: 0 };
}

function item(version: Version, id: string): object {
  const net = 1_000 + 50 * (id.length + Number(id));
  return {
    id,
    name: `teapot no. ${id}`,
    price: { amount: version === 'v1' ? Math.round(net * 1.19) : net, currency: 'EUR' },
    inStock: Number(id) % 3 !== 0,
    recommendations: shuffled(['cup', 'saucer', 'kettle', 'spoon']),
  };
}

function found(term: string): object {
  return { term, hits: Array.from({ length: 3 }, (_, index) => ({ id: String(10 * term.length + index), score: 0.9 - index / 10 })) };
}

function order(version: Version, body: Buffer, meta: object): ShopAnswer {
  let quantity = 0;
  try {
    quantity = Number((JSON.parse(body.toString()) as { quantity?: unknown }).quantity ?? 0);
  } catch {
    return { status: 400, json: { error: 'an order is JSON', meta }, afterMs: 0 };
  }
  if (quantity > 0) return { status: 201, json: { order: randomUUID(), quantity, meta }, afterMs: 0 };
  return version === 'v1'
    ? { status: 422, json: { error: 'order at least one', meta }, afterMs: 0 }
    : { status: 500, json: { error: 'internal error', meta }, afterMs: 0 };
}

function shuffled(list: readonly string[]): string[] {
  return list.map((value) => ({ value, at: Math.random() })).sort((a, b) => a.at - b.at).map(({ value }) => value);
}
