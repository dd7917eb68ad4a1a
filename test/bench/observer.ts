/**
 * What it costs to look on: `node test/bench/observer.ts`. Prints a table; CPU time of this process, microseconds a request with its
 * answer, the median of several rounds; and how long it takes to read everything out.
 */
import { HttpConnection } from '../../src/http/connection.ts';
import { newHttpCounters } from '../../src/http/counters.ts';
import type { ExchangeHandler } from '../../src/http/exchange.ts';
import { defaultHttpOptions } from '../../src/http/message-reader.ts';
import { Observer } from '../../src/observe/observer.ts';
import { Sighting } from '../../src/observe/sighting.ts';
import { PathTemplates } from '../../src/sketch/path-templates.ts';
import { TO_CLIENT, TO_SERVER } from '../../src/tap/segment.ts';

const REQUESTS = 100_000;
const ROUNDS = 7;
const CONNECTIONS = 64;

const FIELDS = [
  'Host: shop.example', 'User-Agent: Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0', 'Accept: application/json', 'Accept-Language: en-US,en;q=0.5',
  'X-Request-ID: 6f1c2f3e-7f0b-4a57-9f7f-0d6e1f1b2c3d', 'Cookie: session=0123456789abcdef0123456789abcdef; theme=dark', 'Connection: keep-alive',
].join('\r\n');
const ANSWER = Buffer.from('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}');

/** Targets of a load, one after the other. */
const LOADS: Readonly<Record<string, readonly string[]>> = {
  'one path': ['/api/v1/items?page=2'],
  'words': Array.from({ length: 40 }, (_, i) => `/api/v1/${'abcdefghijklmnopqrst'[i % 20]}items/${i < 20 ? 'list' : 'search'}?page=${i}`),
  'two values in each': Array.from({ length: 5_000 }, (_, i) => `/api/v1/users/${i * 7}/orders/018f6b1e-7e1a-7c3e-9d2b-${String(i).padStart(12, '0')}?full=1`),
};

const PASSING: ExchangeHandler = {
  onRequestHead: ({ request }) => request!.dropHead(),
  onRequest() {},
  onRequestLost() {},
  onResponseHead: ({ response }) => response!.dropHead(),
  onResponse() {},
  onExchangeEnd() {},
};

function looking(): { handler: ExchangeHandler; observer: Observer } {
  const templates = new PathTemplates();
  const observer = new Observer(templates, { now: () => REQUESTS, toWallMs: (timeUs) => timeUs / 1000 });
  observer.configure([{ id: 1, name: 'shop/web-1' }]);
  const handler: ExchangeHandler = {
    onRequestHead(exchange) {
      exchange.sighting = new Sighting(exchange, templates);
      observer.onRequestHead(exchange);
      exchange.request!.dropHead();
    },
    onRequest() {},
    onRequestLost: (exchange, outcome, reason: string) => observer.onRequestLost(exchange, outcome, reason),
    onResponseHead(exchange) {
      observer.onResponseHead(exchange);
      exchange.response!.dropHead();
    },
    onResponse: (exchange) => observer.onResponse(exchange),
    onExchangeEnd: (exchange) => observer.onExchangeEnd(exchange),
  };
  return { handler, observer };
}

function microseconds(handler: ExchangeHandler, targets: readonly string[]): number {
  const options = defaultHttpOptions();
  const requests = targets.map((target) => Buffer.from(`GET ${target} HTTP/1.1\r\n${FIELDS}\r\n\r\n`));
  const connections = Array.from({ length: CONNECTIONS }, (_, i) => {
    const info = { id: i, endpoint: 1, clientAddress: `10.0.0.${i}`, clientPort: 1, serverAddress: '', serverPort: 80 };
    return new HttpConnection(info, { mute() {} }, handler, options, newHttpCounters());
  });
  const before = process.cpuUsage();
  for (let i = 0; i < REQUESTS; i++) {
    const connection = connections[i % CONNECTIONS]!;
    const request = requests[i % requests.length]!;
    connection.onData(TO_SERVER, request, 0, request.length, i * 100);
    connection.onData(TO_CLIENT, ANSWER, 0, ANSWER.length, i * 100 + 50);
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / REQUESTS;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

const rows = Object.entries(LOADS).map(([name, targets]) => {
  const { handler } = looking();
  const alone: number[] = [];
  const observed: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    alone.push(microseconds(PASSING, targets));
    observed.push(microseconds(handler, targets));
  }
  return { load: name, 'decoding alone': median(alone).toFixed(2), 'with an observer': median(observed).toFixed(2), difference: (median(observed) - median(alone)).toFixed(2) };
});
console.table(rows);

const { handler, observer } = looking();
microseconds(handler, Array.from({ length: 2_000 }, (_, i) => `/${'abcdefghijklmnopqrst'[i % 20]}/${'abcdefghijklmnopqrst'[((i / 20) | 0) % 20]}/`));
const startMs = performance.now();
const { endpoints } = observer.data();
console.log(`Reading out ${endpoints.length} endpoints: ${(performance.now() - startMs).toFixed(1)} ms, ${Math.round(JSON.stringify(endpoints).length / 1024)} KiB as JSON.`);
