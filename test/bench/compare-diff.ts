/**
 * What it costs to compare two answers. Run it with the pinned Node: `node test/bench/compare-diff.ts`.
 * CPU time of this process, microseconds for a pair; the median of several rounds.
 */
import { gzipSync } from 'node:zlib';
import type { Answer } from '../../src/compare/answer.ts';
import { Differ } from '../../src/compare/differ/differ.ts';
import { compareRules } from '../../src/compare/differ/rules.ts';

const ROUNDS = 9;
const ROUND_US = 60_000;
const QUESTION = { method: 'GET', target: '/orders/1', template: '/orders/{id}', key: '', grpc: false };

type Json = Record<string, unknown>;

/** An order with as many lines as make about this many bytes. */
function order(bytes: number): Json {
  const lines: Json[] = [];
  const made = (): Json => ({
    id: '6f1c2f3e-7f0b-4a57-9f7f-0d6e1f1b2c3d', placedAt: '2025-11-22T08:00:00.123Z', state: 'SHIPPED', currency: 'EUR', total: 1249.9,
    customer: { id: 48213, name: 'Erika Mustermann', email: 'erika@example.com', address: { street: 'Heidestraße 17', city: 'Köln' } },
    lines,
  });
  while (JSON.stringify(made()).length < bytes) {
    const n = lines.length;
    const name = `Coffee beans, roast number ${n}`;
    lines.push({ sku: `SKU-${1000 + n}`, name, quantity: (n % 5) + 1, price: 12.5 + n, tags: ['food', 'fair'], inStock: n % 3 !== 0 });
  }
  return made();
}

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).reverse().map(([name, inner]) => [name, reversed(inner)]));
}

function answer(content: unknown, date: string, encoding?: 'gzip'): Answer {
  const json = Buffer.from(JSON.stringify(content));
  return {
    status: 200,
    headers: [
      'Server', 'nginx/1.22.1', 'Date', date, 'Content-Type', 'application/json; charset=utf-8', 'Content-Length', String(json.length),
      'Connection', 'keep-alive', 'Cache-Control', 'no-store', 'Vary', 'Origin', 'X-Request-Id', date, 'X-Frame-Options', 'DENY',
      'X-Content-Type-Options', 'nosniff',
      ...(encoding === undefined ? [] : ['Content-Encoding', encoding]),
    ],
    trailers: [],
    body: encoding === undefined ? json : gzipSync(json),
    firstByteUs: 1000,
    completeUs: 1200,
  };
}

const NOW = 'Sat, 22 Nov 2025 08:00:00 GMT';
const LATER = 'Sat, 22 Nov 2025 08:00:01 GMT';

function changed(content: Json): Json {
  const copy = structuredClone(content);
  copy['total'] = 1250.1;
  (copy['lines'] as Json[])[3]!['quantity'] = 9;
  return copy;
}

/** Of an id, a time and each line's price: what an answer has anew each time. */
function renewed(content: Json): Json {
  const copy = structuredClone(content);
  copy['id'] = '00000000-7f0b-4a57-9f7f-0d6e1f1b2c3d';
  copy['placedAt'] = '2025-11-23T08:00:00.123Z';
  for (const line of copy['lines'] as Json[]) line['price'] = 99;
  return copy;
}

const small = order(2048);
const large = order(65_536);
const rotated = { ...small, lines: [...(small['lines'] as Json[]).slice(1), (small['lines'] as Json[])[0]] };

const PAIRS: readonly (readonly [name: string, production: Answer, mirror: Answer])[] = [
  ['2 KiB, equal', answer(small, NOW), answer(small, LATER)],
  ['2 KiB, two values differ', answer(small, NOW), answer(changed(small), LATER)],
  ['2 KiB, id, time and all prices differ', answer(small, NOW), answer(renewed(small), LATER)],
  ['2 KiB, members in another order', answer(small, NOW), answer(reversed(small), LATER)],
  ['2 KiB, a list in another order', answer(small, NOW), answer(rotated, LATER)],
  ['2 KiB, gzip on one side', answer(small, NOW, 'gzip'), answer(small, LATER)],
  ['2 KiB, gzip, two values differ', answer(small, NOW, 'gzip'), answer(changed(small), LATER, 'gzip')],
  ['64 KiB, equal', answer(large, NOW), answer(large, LATER)],
  ['64 KiB, two values differ', answer(large, NOW), answer(changed(large), LATER)],
  ['64 KiB, members in another order', answer(large, NOW), answer(reversed(large), LATER)],
];

const differ = new Differ(
  compareRules({ maxBodyBytes: 262_144, headers: 'All', ignore: [{ pattern: 'header x-trace.*' }], tolerance: [], keyed: [], examples: 'Masked' }),
);

function cpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** @returns microseconds for a pair */
function round(production: Answer, mirror: Answer, writesOut: boolean): number {
  const start = cpuUs();
  let pairs = 0;
  let spent = 0;
  let characters = 0;
  while (spent < ROUND_US) {
    for (let i = 0; i < 50; i++, pairs++) {
      const found = differ.differences(QUESTION, production, mirror);
      if (found === 'encoding') throw new Error('cannot be decoded');
      if (writesOut) for (const difference of found) characters += difference.production.length + difference.mirror.length;
    }
    spent = cpuUs() - start;
  }
  if (characters < 0) throw new Error('cannot be');
  return spent / pairs;
}

function median(values: number[]): string {
  return values.sort((a, b) => a - b)[values.length >> 1]!.toFixed(1).padStart(8);
}

console.log(`${'answers'.padEnd(42)}${'differ'.padStart(8)}${'µs'.padStart(8)}${'µs, with examples'.padStart(20)}`);
for (const [, production, mirror] of PAIRS) round(production, mirror, true);
for (const [name, production, mirror] of PAIRS) {
  const found = differ.differences(QUESTION, production, mirror);
  const rounds = (writesOut: boolean): string => median(Array.from({ length: ROUNDS }, () => round(production, mirror, writesOut)));
  console.log(`${name.padEnd(42)}${String(found.length).padStart(8)}${rounds(false)}${rounds(true).padStart(20)}`);
}
