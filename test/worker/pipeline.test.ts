import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ByteBudget } from '../../src/flow/budget.ts';
import { Exchange, HttpRequest } from '../../src/http/exchange.ts';
import { AccountBook } from '../../src/ledger/book.ts';
import { Emitter } from '../../src/mirror/emitter.ts';
import { buildSnapshot } from '../../src/policy/build-snapshot.ts';
import type { MirrorPolicy } from '../../src/policy/schema.ts';
import { validatePolicy } from '../../src/policy/validate.ts';
import { Pipeline } from '../../src/worker/pipeline.ts';
import { compileSnapshot, policyEntry, type CompiledSnapshot } from '../../src/worker/targets.ts';

const FLOW = { id: 1, endpoint: 1, clientAddress: '10.0.0.1', clientPort: 40_000, serverAddress: '10.0.0.2', serverPort: 8080 };
const MARKER = 'shadowtap-mirrored';

interface Received {
  readonly method: string;
  readonly url: string;
  readonly rawHeaders: readonly string[];
  readonly body: string;
}

let origin = '';
let received: Received[] = [];
let status = 200;
const server = createServer((request: IncomingMessage, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const body = Buffer.concat(chunks).toString('latin1');
    received.push({ method: request.method!, url: request.url!, rawHeaders: request.rawHeaders, body });
    response.writeHead(status).end();
  });
});

beforeEach(async () => {
  received = [];
  status = 200;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => new Promise<void>((resolve) => {
  server.close(() => resolve());
  server.closeAllConnections();
}));

function policy(spec: object, name = 'p'): MirrorPolicy {
  const { value, problems } = validatePolicy({
    apiVersion: 'shadowtap.dev/v1alpha1',
    kind: 'MirrorPolicy',
    metadata: { name },
    spec: { selector: {}, targets: [{ url: origin }], ...spec },
  });
  if (value === null) throw new Error(JSON.stringify(problems));
  return value;
}

class Rig {
  readonly book = new AccountBook(1);
  readonly emitter: Emitter;
  readonly budget: ByteBudget;
  readonly pipeline: Pipeline;
  #version = 0;

  constructor(policies: readonly MirrorPolicy[], memory = 1 << 20) {
    this.budget = new ByteBudget(memory);
    this.emitter = new Emitter(this.budget);
    this.pipeline = new Pipeline(this.book.workers[0]!, this.emitter, this.budget, this.compile(policies), MARKER);
  }

  compile(policies: readonly MirrorPolicy[], off = false): CompiledSnapshot {
    const snapshot = buildSnapshot(++this.#version, policies, [{ id: 1, name: 'e', labels: {}, ports: [8080] }]);
    const accounts = policies.map((each) => this.book.policy(policyEntry(each))[0]!.buffer);
    return compileSnapshot({ kind: 'policies', snapshot, accounts, off }, MARKER);
  }

  head(method: string, target: string, headers: string[] = [], length = -1): Exchange {
    const exchange = new Exchange(FLOW, 0);
    exchange.request = Object.assign(new HttpRequest(), {
      method, target, headers: ['Host', 'shop', ...headers], version: 'HTTP/1.1',
      framing: length < 0 ? 'none' : 'length', declaredLength: length,
    });
    this.pipeline.onRequestHead(exchange);
    return exchange;
  }

  body(exchange: Exchange, text: string): Exchange {
    const data = Buffer.from(text, 'latin1');
    exchange.request!.sink?.write(data, 0, data.length);
    exchange.request!.bodyLength += data.length;
    return exchange;
  }

  async settled(): Promise<Record<string, number>> {
    const deadline = Date.now() + 3000;
    while (this.book.sums().open > 0 && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 5));
    const { open, seen, requests } = this.book.sums();
    expect(open).toBe(0);
    expect(requests.reduce((sum, { count }) => sum + count, 0)).toBe(seen);
    expect(this.budget.used).toBe(0);
    await this.emitter.close();
    const sums: Record<string, number> = {};
    for (const { outcome, reason, count } of requests) {
      const name = `${outcome}:${reason}`;
      sums[name] = (sums[name] ?? 0) + count;
    }
    return sums;
  }
}

describe('the pipeline', () => {
  it('says that content is empty where the original said so, and nothing where it did not', async () => {
    const rig = new Rig([policy({})]);
    for (const declaredLength of [0, -1]) {
      const exchange = new Exchange(FLOW, 0);
      exchange.request = Object.assign(new HttpRequest(), { method: 'POST', target: '/', headers: ['Host', 'shop'], framing: 'none', declaredLength });
      rig.pipeline.onRequestHead(exchange);
      rig.pipeline.onRequest(exchange);
    }
    expect(await rig.settled()).toEqual({ 'mirrored:2xx': 2 });
    expect(received.filter(({ rawHeaders }) => rawHeaders.includes('Content-Length'))).toHaveLength(1);
    expect(received.find(({ rawHeaders }) => rawHeaders.includes('Content-Length'))!.rawHeaders.slice(-2)).toEqual(['Content-Length', '0']);
  });

  it('mirrors a whole request with its content and marks the copy', async () => {
    const rig = new Rig([policy({})]);
    const exchange = rig.body(rig.body(rig.head('POST', '/a', ['X-A', '1'], 6), 'abc'), 'def');
    rig.pipeline.onRequest(exchange);
    expect(await rig.settled()).toEqual({ 'mirrored:2xx': 1 });
    const { rawHeaders } = received[0]!;
    expect(received).toMatchObject([{ method: 'POST', url: '/a', body: 'abcdef' }]);
    expect(rawHeaders).toEqual(expect.arrayContaining(['X-A', '1', MARKER, 'default/p']));
  });

  it('settles a request that no policy wants at its head, and keeps none of its content', async () => {
    const rig = new Rig([policy({ matches: [{ path: { type: 'Exact', value: '/only' } }] })]);
    const exchange = rig.head('POST', '/other', [], 5);
    expect(exchange.request!.sink).toBeNull();
    rig.pipeline.onRequest(exchange);
    rig.pipeline.onRequestLost(rig.head('GET', '/other'), 'incomplete', 'gap');
    expect(await rig.settled()).toEqual({ 'unmatched:': 2 });
    expect(received).toEqual([]);
  });

  it('never mirrors a copy again', async () => {
    const rig = new Rig([policy({})]);
    rig.pipeline.onRequest(rig.head('GET', '/', ['Shadowtap-Mirrored', 'x']));
    expect(await rig.settled()).toEqual({ 'loop:': 1 });
  });

  it('sends nothing of a request above maxBodyBytes, announced or not', async () => {
    const rig = new Rig([policy({ limits: { maxBodyBytes: 4 } })]);
    rig.pipeline.onRequest(rig.head('POST', '/announced', [], 5));
    const chunked = rig.head('POST', '/chunked', [], 0);
    rig.pipeline.onRequest(rig.body(rig.body(chunked, 'abc'), 'de'));
    rig.pipeline.onRequest(rig.body(rig.head('POST', '/fits', [], 4), 'abcd'));
    expect(await rig.settled()).toEqual({ 'too-large:': 2, 'mirrored:2xx': 1 });
    expect(received.map(({ url }) => url)).toEqual(['/fits']);
  });

  it('sends nothing of a request that was lost, and gives its memory back', async () => {
    const rig = new Rig([policy({})]);
    rig.pipeline.onRequestLost(rig.body(rig.head('POST', '/', [], 9), 'abc'), 'incomplete', 'gap');
    rig.pipeline.onRequestLost(new Exchange(FLOW, 1), 'malformed', 'request-line');
    expect(await rig.settled()).toEqual({ 'incomplete:gap': 1, 'malformed:request-line': 1 });
    expect(received).toEqual([]);
  });

  it('sheds by memory when the budget is spent', async () => {
    const rig = new Rig([policy({})], 6000);
    const first = rig.body(rig.head('POST', '/1', [], 3000), 'x'.repeat(3000));
    const second = rig.body(rig.head('POST', '/2', [], 3000), 'x'.repeat(3000));
    rig.pipeline.onRequest(first);
    rig.pipeline.onRequest(second);
    expect(await rig.settled()).toEqual({ 'mirrored:2xx': 1, 'shed:memory': 1 });
  });

  it('gives every target of every policy its own copy; answered by one is mirrored', async () => {
    const dead = 'http://127.0.0.1:1';
    const rig = new Rig([policy({ targets: [{ url: dead }, { url: origin }] }, 'a'), policy({}, 'b')]);
    rig.pipeline.onRequest(rig.body(rig.head('PUT', '/x', [], 2), 'hi'));
    expect(await rig.settled()).toEqual({ 'mirrored:2xx': 1 });
    expect(received.map(({ body }) => body)).toEqual(['hi', 'hi']);
    expect(rig.book.sums().copies.map(({ policy: name, target, outcome }) => [name, target === dead, outcome])).toEqual([
      ['default/a', true, 'failed'],
      ['default/a', false, 'mirrored'],
      ['default/b', false, 'mirrored'],
    ]);
  });

  it('sends nothing while the kill switch is on, and goes on when it is off again', async () => {
    const all = [policy({})];
    const rig = new Rig(all);
    const early = rig.body(rig.head('POST', '/early', [], 2), 'hi');
    rig.pipeline.apply(rig.compile(all, true));
    rig.pipeline.onRequest(early);
    rig.pipeline.onRequest(rig.head('GET', '/off'));
    rig.pipeline.apply(rig.compile(all));
    rig.pipeline.onRequest(rig.head('GET', '/on'));
    expect(await rig.settled()).toEqual({ 'off:kill-switch': 2, 'mirrored:2xx': 1 });
    expect(received.map(({ url }) => url)).toEqual(['/on']);
  });

  it('holds each policy to its own bound when several want a request', async () => {
    const rig = new Rig([policy({ limits: { maxBodyBytes: 2 } }, 'small'), policy({ limits: { maxBodyBytes: 9 } }, 'large')]);
    rig.pipeline.onRequest(rig.body(rig.head('PUT', '/x', [], 5), 'hello'));
    expect(await rig.settled()).toEqual({ 'mirrored:2xx': 1 });
    expect(received.map(({ rawHeaders }) => rawHeaders[rawHeaders.indexOf(MARKER) + 1])).toEqual(['default/large']);
    expect(rig.book.sums().copies).toMatchObject([{ policy: 'default/small', outcome: 'too-large' }, { policy: 'default/large', outcome: 'mirrored' }]);
  });

  it('keeps a request to the policies of its head, but not beyond their removal', async () => {
    const kept = policy({}, 'kept');
    const rig = new Rig([policy({}, 'removed'), kept]);
    const both = rig.head('GET', '/both');
    rig.pipeline.apply(rig.compile([kept]));
    rig.pipeline.onRequest(both);
    const gone = rig.head('GET', '/gone');
    rig.pipeline.apply(rig.compile([]));
    rig.pipeline.onRequest(gone);
    rig.pipeline.onRequest(rig.head('GET', '/late'));
    expect(await rig.settled()).toEqual({ 'mirrored:2xx': 1, 'unmatched:': 2 });
    expect(received.map(({ url, rawHeaders }) => [url, rawHeaders.at(-1)])).toEqual([['/both', 'default/kept']]);
  });
});
