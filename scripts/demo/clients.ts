/**
 * The demo's clients: a steady mix of GETs, searches, JSON POSTs and chunked uploads over keep-alive connections, sent at a fixed
 * rate whatever the answers' speed (an open loop: a slow server cannot hide by slowing the clients down).
 *
 *   node clients.ts <host> <port> <requests per second>
 *
 * Sends from `resume` to `pause`, both messages of its parent, and reports to it each second and when it has paused.
 */
import { Agent, request } from 'node:http';
import { randomUUID } from 'node:crypto';
import { whenParentIsGone } from './lifetime.ts';

/** What happened since the last report. */
export interface TrafficReport {
  /** Milliseconds from sending to the end of the answer. */
  readonly latencies: number[];
  readonly errors: number;
  readonly sent: { readonly get: number; readonly post: number; readonly upload: number };
  /** Paused, and nothing is under way any more. */
  readonly drained: boolean;
}

const [host = '127.0.0.1', port = '8080', rate = '500'] = process.argv.slice(2);
const TERMS = ['teapot', 'cup', 'kettle', 'saucer', 'spoon'];
const TICK_MS = 10;
const UPLOAD_CHUNK = Buffer.alloc(16 * 1024, 'shadowtap ');
const TIMEOUT_MS = 5000;
/** Beyond this many requests under way the machine is overloaded, and more would only take longer to drain. */
const MOST_UNDER_WAY = 500;

const agent = new Agent({ keepAlive: true, maxSockets: 32 });
let latencies: number[] = [];
let errors = 0;
let sent = { get: 0, post: 0, upload: 0 };
let underWay = 0;
let paused = true;

type Kind = keyof typeof sent;

function send(kind: Kind, number: number): void {
  sent[kind] += 1;
  underWay += 1;
  const startedMs = performance.now();
  const outgoing = request({
    agent,
    host,
    port: Number(port),
    method: kind === 'get' ? 'GET' : 'POST',
    path: kind === 'get' ? pathOf(number) : kind === 'post' ? '/api/orders' : '/api/pictures',
    headers: headersOf(kind),
  });
  let answered = false;
  outgoing.setTimeout(TIMEOUT_MS, () => outgoing.destroy());
  outgoing.on('response', (response) => {
    response.resume();
    response.on('end', () => {
      answered = true;
      latencies.push(performance.now() - startedMs);
    });
  });
  outgoing.on('error', () => {}); // Counted when it closes.
  outgoing.on('close', () => {
    underWay -= 1;
    if (!answered) errors += 1;
    if (paused && underWay === 0) report();
  });
  if (kind === 'post') outgoing.write(orderOf(number));
  if (kind === 'upload') for (let i = 0; i <= number % 4; i++) outgoing.write(UPLOAD_CHUNK);
  outgoing.end();
}

/** Of seven GETs one is a search. The same things are asked for again and again, as by real clients. */
function pathOf(number: number): string {
  return number % 7 === 0 ? `/api/search?q=${TERMS[number % TERMS.length]}` : `/api/items/${number % 100}?view=full`;
}

/** One in twenty is empty: the edge that nobody thought of. */
function orderOf(number: number): string {
  return JSON.stringify({ item: number % 10, quantity: number % 100 === 4 ? 0 : 1 + (number % 3), note: 'ü'.repeat(number % 5) });
}

function headersOf(kind: Kind): Record<string, string> {
  const common = {
    'User-Agent': 'demo-client/1.0',
    Accept: 'application/json',
    'Accept-Language': 'en',
    'X-Request-Id': randomUUID(),
    'X-Tenant': 'acme',
    Cookie: 'session=4f1c; theme=dark',
  };
  if (kind === 'get') return common;
  return { ...common, 'Content-Type': kind === 'post' ? 'application/json' : 'application/octet-stream' };
}

let number = 0;
let owed = 0;
let lastTickMs = 0;
setInterval(() => {
  const nowMs = performance.now();
  owed += (Number(rate) * (nowMs - lastTickMs)) / 1000;
  lastTickMs = nowMs;
  if (paused) owed = 0;
  for (; owed >= 1; owed -= 1) {
    if (underWay >= MOST_UNDER_WAY) continue;
    number += 1;
    // Of twenty requests, fourteen are GETs, five are orders and one is an upload.
    send(number % 20 === 0 ? 'upload' : number % 4 === 0 ? 'post' : 'get', number);
  }
}, TICK_MS);

function report(): void {
  process.send?.({ latencies, errors, sent, drained: paused && underWay === 0 } satisfies TrafficReport);
  latencies = [];
  errors = 0;
  sent = { get: 0, post: 0, upload: 0 };
}

setInterval(report, 1000);
process.on('message', (message) => {
  paused = message === 'pause';
  if (paused && underWay === 0) report();
});
whenParentIsGone(() => process.exit());
