/**
 * How soon after joining a connection in its middle which share of its requests can be read, for real clients; run it with
 * the pinned Node: `node test/bench/h2-joining.ts`. Needs nghttp2's tools and curl. Each connection is recorded by a relay on
 * loopback and decoded from its second request on.
 */
import { once } from 'node:events';
import { connect } from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, makeGenericClientConstructor, Metadata, credentials } from '@grpc/grpc-js';
import type { Collected } from '../http/h2/collector.ts';
import { replay } from '../http/h2/collector.ts';
import { startEcho } from '../http/h2/grpc.ts';
import { RecordingServer, startNghttpd, startNghttpx } from '../http/h2/servers.ts';
import { Relay } from '../support/relay.ts';
import { Running, succeeded } from '../support/process.ts';

const REQUESTS = 400;

type Drive = (port: number) => Promise<void>;

/** One request after the other. @param headers of the i-th */
const node = (headers: (i: number) => Record<string, string>): Drive => async (port) => {
  const session = connect(`http://127.0.0.1:${port}`);
  for (let i = 0; i < REQUESTS; i++) {
    const stream = session.request({ ':path': `/items/${i}`, ...headers(i) });
    stream.resume();
    await once(stream, 'close');
  }
  session.close();
  await once(session, 'close');
};

const command = (...argv: string[]): Drive => async (port) => {
  const url = `http://127.0.0.1:${port}`;
  await succeeded(argv[0]!, new Running(argv.map((text) => text.replaceAll('URL', url)) as [string, ...string[]]).finished);
};

const grpc = (options: (i: number) => { deadlineMs?: number; metadata?: Record<string, string> }): Drive => async (port) => {
  const Echo = makeGenericClientConstructor({}, 'Echo');
  const client: Client = new Echo(`127.0.0.1:${port}`, credentials.createInsecure());
  for (let i = 0; i < REQUESTS; i++) {
    const { deadlineMs, metadata = {} } = options(i);
    const fields = new Metadata();
    for (const [name, value] of Object.entries(metadata)) fields.set(name, value);
    await new Promise<void>((resolve, reject) => {
      const done = (error: Error | null): void => (error === null ? resolve() : reject(error));
      const call = deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs };
      client.makeUnaryRequest('/shop.Cart/Get', (text: Buffer) => text, (bytes: Buffer) => bytes, Buffer.from(`item ${i}`), fields, call, done);
    });
  }
  client.close();
};

const trace = (i: number): string => `00-${String(i).padStart(32, 'a')}-${String(i).padStart(16, 'b')}-01`;

const CASES: readonly (readonly [string, () => Promise<AsyncDisposable & { readonly port: number }>, Drive])[] = [
  ['grpc-js: the same metadata in each call', startEcho, grpc(() => ({}))],
  ['grpc-js: a deadline in each call', startEcho, grpc((i) => ({ deadlineMs: 5000 + i }))],
  ['grpc-js: a trace in each call', startEcho, grpc((i) => ({ metadata: { traceparent: trace(i) } }))],
  ['grpc-js: a token that is renewed every 20 calls', startEcho, grpc((i) => ({ metadata: { authorization: `Bearer ${`${Math.floor(i / 20)}`.padStart(900, 'x')}` } }))],
  ['Node: the same headers', RecordingServer.start, node(() => ({ 'user-agent': 'test', accept: '*/*' }))],
  ['Node: other values of standard headers', RecordingServer.start, node((i) => ({ 'user-agent': `test ${i}`, referer: `http://shop/${i}` }))],
  ['Node: a trace in each request', RecordingServer.start, node((i) => ({ traceparent: trace(i) }))],
  ['h2load: the same headers', startNghttpd, command('h2load', '-n', `${REQUESTS}`, '-c', '1', '-m', '1', 'URL/items')],
  ['h2load: a header table of 128 bytes', startNghttpd, command('h2load', '-n', `${REQUESTS}`, '-c', '1', '-m', '1', '--encoder-header-table-size=128', 'URL/items')],
  ['nghttp: a list of paths', startNghttpd, command('nghttp', '-n', ...Array.from({ length: REQUESTS }, (_, i) => `URL/items/${i}`))],
  ['curl: a list of paths', startNghttpx, command('curl', '-s', '-o', '/dev/null', '--http2', `URL/items/[1-${REQUESTS}]`)],
];

function shareOf(exchanges: readonly Collected[]): { of: number; whole: number; first: number; last: number } {
  const known = exchanges.map(({ outcome }) => outcome === 'whole');
  const tail = known.slice(-100);
  return { of: known.length, whole: known.filter(Boolean).length, first: known.indexOf(true), last: tail.filter(Boolean).length };
}

const rows: Record<string, Record<string, string | number>> = {};
for (const [name, start, drive] of CASES) {
  await using server = await start();
  await using relay = await Relay.start(server.port);
  await drive(relay.port);
  await sleep(50);
  const transcript = relay.transcripts[0]!;
  // Past the first request of HTTP/2 and its answer.
  const from = transcript.findIndex((_, i) => replay(transcript.slice(0, i)).exchanges.some(({ outcome, protocol }) => outcome === 'whole' && protocol === 'h2')) + 2;
  const { of, whole, first, last } = shareOf(replay(transcript, from).exchanges);
  rows[name] = { 'requests': of, 'readable, %': Math.round((whole / of) * 100), 'first after': first < 0 ? 'never' : first, 'of the last 100': last };
}
console.table(rows);
process.exit(0);
