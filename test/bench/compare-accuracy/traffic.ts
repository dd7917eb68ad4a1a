import { createHash } from 'node:crypto';
import { seededRandom } from '../../../src/sketch/random.ts';
import { PRODUCTS, USERS, type ShopRequest } from './shop.ts';

const WORDS = ['shoes', 'red shoes', 'lamp', 'desk lamp', 'chair', 'tea', 'green tea', 'mug', 'book', 'map', 'rope', 'tent'];

/** Requests of a shop's day: few products are popular (Zipf), users come back, some orders are like others. Endless, and the same for each seed. */
export function* traffic(seed: number): Generator<ShopRequest, never> {
  const random = seededRandom(seed);
  const below = (limit: number) => Math.floor(random() * limit);
  const popular = (limit: number) => Math.min(limit - 1, Math.floor(Math.exp(random() * Math.log(limit + 1)) - 1));
  const get = (target: string): ShopRequest => ({ method: 'GET', target, body: '' });
  const post = (target: string, body: unknown): ShopRequest => ({ method: 'POST', target, body: JSON.stringify(body) });
  for (;;) {
    const kind = random();
    if (kind < 0.25) yield get(`/products/${popular(PRODUCTS)}`);
    else if (kind < 0.35) yield get(`/products?page=${popular(PRODUCTS / 20)}`);
    else if (kind < 0.45) yield get(`/products/${popular(PRODUCTS)}/reviews`);
    else if (kind < 0.57) yield get(`/users/${userId(popular(USERS))}`);
    else if (kind < 0.67) yield get(`/cart/${sessionId(popular(300))}`);
    else if (kind < 0.77) yield post('/orders', { items: [{ sku: popular(PRODUCTS), quantity: 1 }] });
    else if (kind < 0.82) yield post('/orders', { customer: userId(below(USERS)), items: [{ sku: below(PRODUCTS), quantity: 1 + below(4) }, { sku: below(PRODUCTS), quantity: 1 }] });
    else if (kind < 0.92) yield post('/search', { query: random() < 0.8 ? WORDS[popular(WORDS.length)]! : `rare ${below(1e6)}` });
    else if (kind < 0.96) yield get('/rates');
    else yield get('/health');
  }
}

function sessionId(number: number): string {
  return createHash('sha256').update(`session ${number}`).digest('hex').slice(0, 20);
}

function userId(number: number): string {
  const hex = createHash('sha256').update(`user ${number}`).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
