import { createHash } from 'node:crypto';
import type { AnswerDiffer } from '../../src/compare/comparator.ts';
import { judge } from '../../src/compare/judge/judge.ts';
import type { PolicyReport } from '../../src/compare/report.ts';
import { seededRandom, type Random } from '../../src/sketch/random.ts';
import { answer, Bench, RULES, target } from './bench.ts';
import { question } from './differ-support.ts';

/** What goes wrong in the second version of the shop, as shares of its answers. */
export interface Defects {
  /** `total` of an order is off. */
  readonly wrongTotal?: number;
  /** `left` of a product is none. */
  readonly emptyStock?: number;
  /** `POST /orders` answers 500. */
  readonly failing?: number;
}

export interface Traffic {
  readonly seed: number;
  readonly exchanges: number;
  readonly defects?: Defects;
  /** A target with the first version beside it. */
  readonly baseline?: boolean;
  readonly differ?: AnswerDiffer;
  readonly learnNoise?: boolean;
}

/**
 * A shop whose answers differ by nature: ids, tokens and times of each answer, lists in any order, a field that is there at times,
 * a stock that others change and that a mirror knows a little later. A quarter of its requests are never repeated.
 */
export function shopReport({ seed, exchanges, defects = {}, baseline = false, differ, learnNoise = true }: Traffic): PolicyReport[] {
  const random = seededRandom(seed);
  const common = { learnNoise, ...(differ !== undefined && { differ }) };
  const bench = new Bench([target(common), ...(baseline ? [target({ ...common, key: 'v1', target: 'http://v1', role: 'Baseline' })] : [])], { random });
  for (let i = 0; i < exchanges; i++) {
    const { template, method, path, make } = request(random);
    const asked = question({ method, template, target: path, key: method === 'GET' ? path : `${path} ${i}` });
    const lagMs = 5 + random() * 40;
    const us = 800 + random() * 4_000;
    const production = answer(make(bench.nowMs, random, {}), { completeUs: us });
    const ask = (key: string, wrong: Defects): void => {
      const made = make(bench.nowMs + lagMs, random, wrong);
      const isFailing = method === 'POST' && random() < (wrong.failing ?? 0);
      const mirror = answer(isFailing ? { error: 'internal' } : made, { status: isFailing ? 500 : 200, completeUs: us * (0.97 + random() * 0.06) + 300 });
      bench.comparator.compare(key, asked, production, mirror);
      bench.comparator.connected(key, 280 + random() * 40);
    };
    bench.nowMs += 20 + random() * 60;
    ask('v2', defects);
    if (baseline) ask('v1', {});
  }
  return [...judge(bench.comparator.data(), () => ({ ...RULES, learnNoise })).policies].sort((a, b) => b.target.localeCompare(a.target));
}

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly template: string;
  readonly make: (nowMs: number, random: Random, defects: Defects) => object;
}

function request(random: Random): Asked {
  const draw = random();
  // A few are asked for often, as in every shop.
  const id = Math.floor(40 * random() ** 3);
  if (draw < 0.45) return { method: 'GET', path: `/orders/${id}`, template: '/orders/{id}', make: (nowMs, die, defects) => order(id, nowMs, die, defects) };
  if (draw < 0.75) return { method: 'GET', path: `/stock/${id}`, template: '/stock/{id}', make: (nowMs, die, defects) => stock(id, nowMs, die, defects) };
  return { method: 'POST', path: '/orders', template: '/orders', make: placed };
}

function order(id: number, nowMs: number, random: Random, { wrongTotal = 0 }: Defects): object {
  const total = 10 + (id * 37) % 90;
  return {
    id: `order-${id}`,
    total: random() < wrongTotal ? total + 1 : total,
    currency: 'EUR',
    requestId: uuid(random),
    generatedAt: new Date(nowMs).toISOString(),
    servedBy: `shop-${Math.floor(random() * 3)}`,
    tags: shuffled(['gift', 'fragile', 'express'], random).join(),
    ...(random() < 0.02 && { notice: 'maintenance tonight' }),
  };
}

/** Each product changes every 40 seconds. */
function stock(id: number, nowMs: number, random: Random, { emptyStock = 0 }: Defects): object {
  const version = Math.floor((nowMs + id * 1_234) / 40_000);
  return { sku: `sku-${id}`, left: random() < emptyStock ? -1 : createHash('sha1').update(`${id} ${version}`).digest()[0], checkedAt: Math.floor(nowMs / 1_000) };
}

function placed(nowMs: number, random: Random): object {
  return { orderId: uuid(random), createdAt: new Date(nowMs).toISOString(), state: 'accepted', token: createHash('sha256').update(uuid(random)).digest('hex') };
}

function uuid(random: Random): string {
  const hex = Array.from({ length: 32 }, () => Math.floor(random() * 16).toString(16)).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

function shuffled<T>(list: readonly T[], random: Random): T[] {
  return list.map((value) => ({ value, key: random() })).sort((a, b) => a.key - b.key).map(({ value }) => value);
}
