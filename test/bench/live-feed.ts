/**
 * What a worker pays for people who watch exchanges as they happen, at 10,000 a second with 2 KiB of JSON on either side:
 * `node test/bench/live-feed.ts`. The first row is the loop by itself.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer, Question } from '../../src/compare/answer.ts';
import { outcomeSlot } from '../../src/ledger/outcomes.ts';
import { Redactor } from '../../src/mirror/redact.ts';
import { LiveFeed } from '../../src/worker/live-feed.ts';

const RATE = 10_000;
const SECONDS = 3;
const STEP_MS = 10;

const items = Array.from({ length: 46 }, (_, id) => ({ id, name: `item number ${id}`, pin: 1234 }));
const body = Buffer.from(JSON.stringify({ items }));
const headers = ['content-type', 'application/json', 'date', 'Mon, 02 Mar 2026 10:00:00 GMT', 'x-user', 'ann', 'set-cookie', 'sid=abc; Path=/', 'content-length', `${body.length}`];
const answer: Answer = { status: 200, headers, trailers: [], body, firstByteUs: 900, completeUs: 1_000 };
const question: Question = { method: 'GET', target: '/orders/42?email=ann@example.org', template: '/orders/{id}', key: '', grpc: false };
const redactor = new Redactor({ headers: ['x-user'], cookies: ['sid'], queryParams: ['email'], jsonFields: ['/items/*/pin'], mode: 'Remove' }, '');
const target = { policy: 'shop/next', target: 'http://next', examples: true, redactor };
const slot = outcomeSlot('mirrored', '2xx');
// What leaves a worker is copied to the main thread.
const feed = new LiveFeed({ bodies: true, workers: 1, send: (batches) => void structuredClone(batches) });

async function measure(watchers: number, text: string): Promise<number> {
  const filter = { policy: '', template: '', method: '', statusClass: 0, onlyDifferent: false, text };
  feed.watch(Array.from({ length: watchers }, (_, id) => ({ id, filter })), []);
  const before = process.cpuUsage();
  const startMs = performance.now();
  for (let step = 1; step <= (SECONDS * 1000) / STEP_MS; step++) {
    for (let i = 0; i < (RATE * STEP_MS) / 1000; i++) feed.saw(target, question, { production: answer, mirror: answer }, [], slot);
    await sleep(Math.max(0, startMs + step * STEP_MS - performance.now()));
  }
  const { user, system } = process.cpuUsage(before);
  feed.watch([], []);
  return (user + system) / (SECONDS * 1e6);
}

await measure(1, '');
for (const [what, watchers, text] of [['nobody watches', 0, ''], ['one watches all', 1, ''], ['sixteen watch all', 16, ''], ['sixteen look for what is not there', 16, 'nowhere']] as const) {
  process.stdout.write(`${what.padEnd(36)} ${((await measure(watchers, text)) * 100).toFixed(1).padStart(5)} % of a core\n`);
}
