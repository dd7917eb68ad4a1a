import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ByteBudget } from '../../src/flow/budget.ts';
import { HttpConnection } from '../../src/http/connection.ts';
import { newHttpCounters } from '../../src/http/counters.ts';
import { AccountBook } from '../../src/ledger/book.ts';
import { Emitter } from '../../src/mirror/emitter.ts';
import { buildSnapshot } from '../../src/policy/build-snapshot.ts';
import { validatePolicy } from '../../src/policy/validate.ts';
import { TO_CLIENT, TO_SERVER } from '../../src/tap/segment.ts';
import { Pipeline } from '../../src/worker/pipeline.ts';
import { compileSnapshot, policyEntry } from '../../src/worker/targets.ts';
import { H2Mirror, textOf } from '../mirror/h2-mirror.ts';
import { answer, data, END_HEADERS, END_STREAM, get, headers, hpack, PREFACE, requestBlock, reset, settings } from '../http/h2/frames.ts';

const FLOW = { id: 1, endpoint: 1, clientAddress: '10.0.0.1', clientPort: 40_000, serverAddress: '10.0.0.2', serverPort: 8080 };

interface Received {
  readonly line: string;
  readonly headers: readonly string[];
  readonly body: string;
}

let received: Received[] = [];
const server = createServer((request, response) => {
  let body = '';
  request.setEncoding('latin1').on('data', (chunk: string) => (body += chunk));
  request.on('end', () => {
    received.push({ line: `${request.method} ${request.url}`, headers: request.rawHeaders, body });
    response.end();
  });
});

beforeEach(async () => {
  received = [];
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(() => new Promise<void>((resolve) => {
  server.close(() => resolve());
  server.closeAllConnections();
}));

/** Runs a connection through decoder, policies and emitter. @returns the ledger's outcomes */
async function mirror(spec: object, client: readonly Buffer[], answers: readonly Buffer[] = [], joined = false): Promise<Record<string, number>> {
  const { value: policy } = validatePolicy({
    apiVersion: 'shadowtap.dev/v1alpha1',
    kind: 'MirrorPolicy',
    metadata: { name: 'p' },
    spec: { selector: {}, targets: [{ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, protocol: 'HTTP/1.1' }], ...spec },
  });
  const book = new AccountBook(1);
  const budget = new ByteBudget(1 << 20);
  const emitter = new Emitter(budget);
  const snapshot = buildSnapshot(1, [policy!], [{ id: 1, name: 'e', labels: {}, ports: [8080] }]);
  const accounts = [book.policy(policyEntry(policy!))[0]!.buffer];
  const pipeline = new Pipeline(book.workers[0]!, emitter, budget, compileSnapshot({ kind: 'policies', snapshot, accounts, off: false }, 'marker'), 'marker');
  const connection = new HttpConnection(FLOW, { mute() {} }, pipeline, { maxHeadBytes: 128 * 1024, budget }, newHttpCounters());
  const sent = Buffer.concat(joined ? client : [PREFACE, settings(), ...client]);
  if (sent.length > 0) connection.onData(TO_SERVER, sent, 0, sent.length, 1);
  const replied = Buffer.concat(joined ? answers : [settings(), ...answers]);
  if (replied.length > 0) connection.onData(TO_CLIENT, replied, 0, replied.length, 2);
  connection.onEnd('fin', 3);
  const deadline = Date.now() + 3000;
  while (book.sums().open > 0 && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 5));
  await emitter.close();
  const { open, seen, requests } = book.sums();
  expect({ open, used: budget.used, counted: requests.reduce((sum, { count }) => sum + count, 0) }).toEqual({ open: 0, used: 0, counted: seen });
  const sums: Record<string, number> = {};
  for (const { outcome, reason, count } of requests) sums[`${outcome}:${reason}`] = (sums[`${outcome}:${reason}`] ?? 0) + count;
  return sums;
}

const POST = headers(1, hpack.block(':method', 'POST', ':path', '/a?b', ':scheme', 'http', ':authority', 'shop:80', 'cookie', 'a=1', 'te', 'trailers', 'x-one', '1', 'cookie', 'b=2', 'cookie', 'c=3', 'x-two', '2'));

describe('a request of HTTP/2', () => {
  it('goes to a target of HTTP/1.1 as what it means there', async () => {
    expect(await mirror({}, [POST, data(1, 'abc'), data(1, 'def', END_STREAM)], [answer(1)])).toEqual({ 'mirrored:2xx': 1 });
    expect(received).toEqual([
      {
        line: 'POST /a?b',
        headers: ['host', 'shop:80', 'cookie', 'a=1; b=2; c=3', 'x-one', '1', 'x-two', '2', 'marker', 'default/p', 'Content-Length', '6'],
        body: 'abcdef',
      },
    ]);
  });

  it('is not sent to a target of HTTP/1.1 where something of it would be lost', async () => {
    const trailers = headers(1, hpack.block('x-trailer', '1'), END_HEADERS | END_STREAM);
    const call = headers(3, requestBlock('/shop.Cart/Get', 'POST', 'content-type', 'application/grpc+proto', 'te', 'trailers'));
    expect(await mirror({}, [POST, data(1, 'abc'), trailers, call, data(3, '', END_STREAM)])).toEqual({ 'failed:rejected': 2 });
    expect(received).toEqual([]);
  });

  it('goes to other targets as it came', async () => {
    await using h2 = await H2Mirror.start();
    const trailers = headers(1, hpack.block('x-trailer', '1'), END_HEADERS | END_STREAM);
    expect(await mirror({ targets: [{ url: `${h2.origin}/base` }] }, [POST, data(1, 'abc'), data(1, 'def'), trailers])).toEqual({ 'mirrored:2xx': 1 });
    expect(h2.heard[0]).toMatchObject({
      headers: [
        ':method', 'POST', ':path', '/base/a?b', ':scheme', 'http', ':authority', 'shop:80',
        'cookie', 'a=1', 'te', 'trailers', 'x-one', '1', 'cookie', 'b=2', 'cookie', 'c=3', 'x-two', '2', 'marker', 'default/p',
      ],
      trailers: ['x-trailer', '1'],
      ended: true,
    });
    expect(textOf(h2.heard[0]!)).toBe('abcdef');
  });

  it('is named by its authority, whatever its Host says, and without a password', async () => {
    const block = hpack.block(':method', 'GET', ':scheme', 'http', ':authority', 'user:secret@shop', ':path', '/', 'host', 'other');
    expect(await mirror({}, [headers(1, block, END_HEADERS | END_STREAM)])).toEqual({ 'mirrored:2xx': 1 });
    expect(received[0]!.headers).toEqual(['host', 'shop', 'marker', 'default/p']);
  });

  it.each([
    [{ headers: [{ name: 'Host', value: 'shop' }] }, 'mirrored:2xx'],
    [{ headers: [{ name: 'Host', value: 'other' }] }, 'unmatched:'],
    [{ path: { type: 'PathPrefix', value: '/api' }, method: 'GET' }, 'mirrored:2xx'],
  ])('is matched like any other: %j', async (match, outcome) => {
    expect(await mirror({ matches: [match] }, [get(1, '/api/x')], [answer(1)])).toEqual({ [outcome]: 1 });
  });

  it('is left out where it is too large, reset, or bears the marker', async () => {
    const spec = { limits: { maxBodyBytes: 10 } };
    const client = [
      headers(1, requestBlock('/announced', 'POST', 'content-length', '11')),
      headers(3, requestBlock('/large', 'POST')), data(3, 'x'.repeat(11), END_STREAM),
      headers(5, requestBlock('/reset', 'POST')), data(5, 'x'), reset(5, 8),
      headers(7, requestBlock('/copy', 'GET', 'marker', 'p'), END_HEADERS | END_STREAM),
      headers(9, requestBlock('/unfinished', 'POST')),
    ];
    expect(await mirror(spec, client)).toEqual({ 'too-large:': 2, 'incomplete:reset': 1, 'loop:': 1, 'incomplete:closed': 1 });
    expect(received).toEqual([]);
  });

  it('of a connection that was joined in its middle is sent once the server has answered it, or never', async () => {
    const client = [get(101, '/1'), headers(103, requestBlock('/3', 'POST')), data(103, 'abc', END_STREAM)];
    expect(await mirror({}, client, [answer(101), answer(103)], true)).toEqual({ 'mirrored:2xx': 2 });
    expect(received.map(({ line }) => line).sort()).toEqual(['GET /1', 'POST /3']);
    received = [];
    expect(await mirror({}, client, [], true)).toEqual({ 'h2-midstream:': 2 });
    expect(await mirror({}, [...client, headers(105, hpack.indexed(62), END_HEADERS | END_STREAM)], [answer(5)], true)).toEqual({ 'h2-midstream:': 3 });
    expect(received).toEqual([]);
  });
});
