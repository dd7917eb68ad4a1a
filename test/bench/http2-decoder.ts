/**
 * What it costs to decode a request of HTTP/2 with its response: CPU time of this process, microseconds; the median of
 * several rounds. Run it with the pinned Node: `node test/bench/http2-decoder.ts`.
 */
import { HttpConnection } from '../../src/http/connection.ts';
import { newHttpCounters } from '../../src/http/counters.ts';
import type { ExchangeHandler } from '../../src/http/exchange.ts';
import { defaultHttpOptions } from '../../src/http/message-reader.ts';
import { TO_CLIENT, TO_SERVER } from '../../src/tap/segment.ts';
import { data, END_HEADERS, END_STREAM, headers, hpack, PREFACE, responseBlock, settings } from '../http/h2/frames.ts';

const LAST = END_HEADERS | END_STREAM;
const FIELDS = ['user-agent', 'Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0', 'accept', 'text/html,application/xhtml+xml;q=0.9,*/*;q=0.8', 'accept-language', 'en-US,en;q=0.5',
  'cookie', 'session=0123456789abcdef0123456789abcdef; theme=dark', 'x-request-id', '6f1c2f3e-7f0b-4a57-9f7f-0d6e1f1b2c3d', 'x-forwarded-for', '203.0.113.7', 'cache-control', 'max-age=0'];
const PSEUDO = [':method', 'GET', ':scheme', 'http', ':authority', 'shop.example.com', ':path', '/api/v1/items?page=2&sort=price'];

/** Once inserted, then referred to. */
function inserted(fields: readonly string[]): { first: Buffer; later: Buffer } {
  const count = fields.length / 2;
  const first = Buffer.concat(Array.from({ length: count }, (_, i) => hpack.inserted(fields[i * 2]!, fields[i * 2 + 1]!)));
  return { first, later: Buffer.concat(Array.from({ length: count }, (_, i) => hpack.indexed(61 + count - i))) };
}

interface Load {
  /** The first head of a connection, and those after it. */
  readonly first: Buffer;
  readonly later: Buffer;
  readonly body: Buffer | null;
}

const repeated = inserted([...PSEUDO, ...FIELDS]);
const LOADS: Readonly<Record<string, Load>> = {
  'GET, 10 headers, all in the table': { ...repeated, body: null },
  'GET, 10 headers, none in the table': { first: hpack.block(...PSEUDO, ...FIELDS), later: hpack.block(...PSEUDO, ...FIELDS), body: null },
  'gRPC, 512 bytes, all in the table': { ...repeated, body: Buffer.alloc(512) },
};

const CONNECTIONS = 64;
const REQUESTS = 100_000;
const ROUNDS = 7;

let whole = 0;
const COUNTING: ExchangeHandler = {
  onRequestHead() {},
  onRequest() {
    whole++;
  },
  onRequestLost() {},
  onResponseHead() {},
  onResponse() {},
  onExchangeEnd() {},
};

const RESPONSE = responseBlock(200, 'content-type', 'text/html', 'date', 'Sat, 22 Nov 2025 08:00:00 GMT', 'content-length', '100');

function run({ first, later, body }: Load): number {
  const info = { id: 1, endpoint: 1, clientAddress: '', clientPort: 1, serverAddress: '', serverPort: 80 };
  const options = defaultHttpOptions();
  const question = (block: Buffer): Buffer => (body === null ? headers(1, block, LAST) : Buffer.concat([headers(1, block), data(1, body, END_STREAM)]));
  const asked = question(later);
  const answered = Buffer.concat([headers(1, RESPONSE), data(1, Buffer.alloc(100), END_STREAM)]);
  const connections = Array.from({ length: CONNECTIONS }, () => {
    const connection = new HttpConnection(info, { mute() {} }, COUNTING, options, newHttpCounters());
    const begin = Buffer.concat([PREFACE, settings(), question(first)]);
    connection.onData(TO_SERVER, begin, 0, begin.length, 0);
    connection.onData(TO_CLIENT, Buffer.concat([settings(), answered]), 0, 9 + answered.length, 0);
    return connection;
  });
  const dataAt = body === null ? -1 : 9 + later.length;
  const responseDataAt = 9 + RESPONSE.length;
  for (let i = 0; i < REQUESTS; i++) {
    const stream = 3 + 2 * Math.floor(i / CONNECTIONS);
    asked.writeUInt32BE(stream, 5);
    if (dataAt >= 0) asked.writeUInt32BE(stream, dataAt + 5);
    answered.writeUInt32BE(stream, 5);
    answered.writeUInt32BE(stream, responseDataAt + 5);
    const connection = connections[i % CONNECTIONS]!;
    connection.onData(TO_SERVER, asked, 0, asked.length, i);
    connection.onData(TO_CLIENT, answered, 0, answered.length, i);
  }
  return REQUESTS;
}

const table: Record<string, { 'µs a request': string }> = {};
for (const [name, load] of Object.entries(LOADS)) {
  const rounds: number[] = [];
  for (let i = 0; i <= ROUNDS; i++) {
    whole = 0;
    const before = process.cpuUsage();
    const requests = run(load);
    const { user, system } = process.cpuUsage(before);
    if (whole !== requests + CONNECTIONS) throw new Error(`${whole} whole requests of ${requests}`);
    if (i > 0) rounds.push((user + system) / requests);
  }
  table[name] = { 'µs a request': rounds.sort((a, b) => a - b)[ROUNDS >> 1]!.toFixed(2) };
}
console.table(table);
console.log(`Node ${process.version}; a request and its response (4 headers, 100 bytes) each`);
