import { createHash } from 'node:crypto';
import { seededRandom, type Random } from '../../../src/sketch/random.ts';

/** What was asked of the shop. */
export interface ShopRequest {
  readonly method: 'GET' | 'POST';
  /** Path and query. */
  readonly target: string;
  /** JSON; empty for GET. */
  readonly body: string;
}

/** An answer before it is written; what is planted changes it. */
export interface Draft {
  status: number;
  readonly headers: Record<string, string>;
  /** Text is sent as it is, everything else as JSON. */
  body: unknown;
}

/** JSON objects of this shop, to be changed in place. */
export type Fields = Record<string, unknown>;

export const PRODUCTS = 400;
export const USERS = 150;
/** Requests have passed so many windows of so long when a token is made anew. */
const TOKEN_WINDOW_MS = 30_000;

/**
 * A shop's API as one instance of it answers. What it sells is the same in every instance; what differs by nature does so as in real services:
 * ids and times of requests, durations, random order, counters and caches of the instance, tokens that rotate, rates that move.
 */
export class Shop {
  readonly #instance: string;
  readonly #now: () => number;
  readonly #random: Random;
  readonly #cache = new Set<string>();
  readonly #views = new Map<number, number>();
  #orders: number;
  readonly #startedMs: number;

  /** @param seed of what this instance does by chance @param now Unix time in milliseconds */
  constructor(instance: string, seed: number, now: () => number) {
    this.#instance = instance;
    this.#now = now;
    this.#random = seededRandom(seed);
    this.#orders = 100_000 + Math.floor(this.#random() * 50_000);
    this.#startedMs = now() - Math.floor(this.#random() * 86_400_000);
  }

  answer({ method, target, body }: ShopRequest): Draft {
    const { pathname, searchParams } = new URL(target, 'http://shop');
    const [first = '', second = '', third = ''] = pathname.slice(1).split('/');
    if (method === 'POST') return first === 'orders' ? this.#order(JSON.parse(body) as Fields) : this.#search(JSON.parse(body) as Fields);
    switch (first) {
      case 'products':
        if (second === '') return this.#page(Number(searchParams.get('page')));
        return third === 'reviews' ? this.#reviews(Number(second)) : this.#product(Number(second));
      case 'users':
        return this.#user(second);
      case 'cart':
        return this.#cart(second);
      case 'rates':
        return this.#rates();
      default:
        return this.#draft(200, 'ok\n', { 'content-type': 'text/plain; charset=utf-8' });
    }
  }

  #product(id: number): Draft {
    const views = (this.#views.get(id) ?? Math.floor(this.#random() * 1_000)) + 1;
    this.#views.set(id, views);
    const draft = this.#draft(200, {
      ...productOf(id),
      related: this.#shuffled([id + 1, id + 2, id + 3, id + 5, id + 8]),
      views,
      meta: { requestId: this.#uuid(), generatedAt: this.#time(), tookMs: this.#between(1, 30), cached: this.#isCached(`product ${id}`) },
    });
    draft.headers['x-cache'] = (draft.body as { meta: { cached: boolean } }).meta.cached ? 'HIT' : 'MISS';
    return draft;
  }

  /** Without noise in its content, so its entity tag tells whether anything differs. */
  #page(page: number): Draft {
    const items = Array.from({ length: 20 }, (_, i) => productOf(page * 20 + i));
    return this.#draft(200, { page, pages: PRODUCTS / 20, items }, { 'cache-control': 'public, max-age=60' });
  }

  #reviews(id: number): Draft {
    const reviews = Array.from({ length: 3 + (id % 4) }, (_, i) => ({ author: `reader${(id * 7 + i) % 90}`, stars: 1 + ((id + i) % 5), text: `Review ${i} of ${id}` }));
    return this.#draft(200, { product: id, average: 1 + (id % 40) / 10, reviews, fetchedAt: Math.floor(this.#now() / 1_000) });
  }

  #user(id: string): Draft {
    const digest = createHash('sha256').update(id).digest('hex');
    return this.#draft(200, {
      id,
      name: `User ${digest.slice(0, 4)}`,
      email: `${digest.slice(0, 8)}@example.org`,
      address: { street: `${Number.parseInt(digest.slice(0, 2), 16)} Main Street`, city: 'Springfield', geo: [Number.parseInt(digest.slice(2, 4), 16), 9] },
      lastSeen: this.#time(),
      sessionToken: this.#token(32),
      roles: this.#shuffled(['buyer', 'reviewer', 'tester']),
    });
  }

  #cart(session: string): Draft {
    const size = session.charCodeAt(1) % 4;
    const items = Array.from({ length: size }, (_, i) => ({ sku: (session.charCodeAt(2) + i * 13) % PRODUCTS, quantity: 1 + i }));
    const window = Math.floor(this.#now() / TOKEN_WINDOW_MS);
    const csrf = createHash('sha256').update(`${this.#instance} ${session} ${window}`).digest('base64url');
    return this.#draft(200, { session, items, csrf, expiresAt: (window + 2) * TOKEN_WINDOW_MS }, { 'cache-control': 'no-store' });
  }

  #order(order: Fields): Draft {
    const items = order['items'] as { sku: number; quantity: number }[];
    const total = items.reduce((sum, { sku, quantity }) => sum + productOf(sku).price * quantity, 0);
    const id = this.#uuid();
    const body = { id, number: `SO-${++this.#orders}`, status: 'accepted', items, discount: 0, total: Number(total.toFixed(3)), createdAt: this.#time() };
    return this.#draft(201, body, { location: `/orders/${id}` });
  }

  #search({ query }: Fields): Draft {
    const digest = createHash('sha256').update(String(query)).digest();
    const results = Array.from({ length: 8 }, (_, i) => ({ id: digest[i]! + i * 100, score: Number((1 - i / 9).toFixed(3)) }));
    const facets = this.#shuffled(['colour', 'size', 'brand', 'price']).map((name) => ({ name, count: digest[name.length]! }));
    return this.#draft(200, { query, total: digest.readUInt16BE(0), results, facets, took: this.#between(2, 90) });
  }

  #rates(): Draft {
    const near = (rate: number) => Number((rate * (1 + (this.#random() - 0.5) / 1_000)).toFixed(6));
    return this.#draft(200, { base: 'EUR', at: this.#time(), rates: { USD: near(1.08), GBP: near(0.85), JPY: near(161.2) }, source: this.#instance });
  }

  #draft(status: number, body: unknown, headers: Record<string, string> = {}): Draft {
    return {
      status,
      headers: {
        'content-type': 'application/json',
        ...headers,
        'x-request-id': this.#uuid(),
        'x-served-by': this.#instance,
        'x-uptime': String(Math.floor((this.#now() - this.#startedMs) / 1_000)),
        'set-cookie': `sid=${this.#token(24)}; Path=/; HttpOnly`,
      },
      body,
    };
  }

  #isCached(key: string): boolean {
    if (this.#cache.has(key) && this.#random() < 0.9) return true;
    this.#cache.add(key);
    return false;
  }

  #time(): string {
    return new Date(this.#now()).toISOString();
  }

  #between(low: number, high: number): number {
    return low + Math.floor(this.#random() * (high - low + 1));
  }

  #shuffled<T>(values: T[]): T[] {
    for (let i = values.length - 1; i > 0; i--) {
      const other = Math.floor(this.#random() * (i + 1));
      [values[i], values[other]] = [values[other]!, values[i]!];
    }
    return values;
  }

  #token(bytes: number): string {
    return Buffer.from(Array.from({ length: bytes }, () => this.#random() * 256)).toString('base64url');
  }

  #uuid(): string {
    const hex = Buffer.from(Array.from({ length: 16 }, () => this.#random() * 256)).toString('hex');
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
  }
}

function productOf(id: number): { id: number; name: string; price: number; stock: number; tags: string[]; weight: number } {
  return { id, name: `Product ${id}`, price: 5 + (id % 97) + 0.99, stock: id % 23, tags: ['new', 'sale', 'eco'].slice(id % 3), weight: 0.125 + (id % 50) / 8 };
}
