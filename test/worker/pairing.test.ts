import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LiveFeed } from '../../src/worker/live-feed.ts';
import type { WatchedExchanges } from '../../src/worker/messages.ts';
import { END_STREAM, PREFACE, data, get, hpack, headers, requestBlock, reset, responseBlock, settings } from '../http/h2/frames.ts';
import { call, message } from './grpc-rig.ts';
import { Mirror, PairingRig, request, response, startGrpcMirror, type Sums } from './pairing-rig.ts';

let mirror: Mirror;
beforeEach(async () => {
  mirror = await Mirror.start();
});
afterEach(() => mirror[Symbol.asyncDispose]());

const spec = (more: object = {}): object => ({ targets: [{ url: mirror.url, protocol: 'HTTP/1.1' }], compare: {}, ...more });

/** One exchange of HTTP/1.1 over a connection of its own. */
async function exchange(captured: string, answered: string | null, more: object = {}): Promise<Sums> {
  await using rig = new PairingRig(spec(more));
  const connection = rig.connect().client(captured);
  if (answered !== null) connection.server(answered);
  return await rig.sums();
}

const one = (why: string): object => ({ offered: 1, compared: 0, different: 0, notCompared: { [why]: 1 } });
const EQUAL = { offered: 1, compared: 1, different: 0, notCompared: {} };

const head = (stream: number): Buffer => headers(stream, responseBlock(200, 'content-type', 'text/plain'));

describe('a pair of answers', () => {
  it('is compared once, whichever of the two comes first', async () => {
    expect(await exchange(request('/ok'), response())).toEqual(EQUAL);
    expect(await exchange(request('/ok/slow'), response())).toEqual(EQUAL);
    await using rig = new PairingRig(spec());
    const connection = rig.connect().client(request('/ok'));
    await expect.poll(() => rig.book.sums().open).toBe(0);
    expect(rig.pairing.pending).toBe(1);
    connection.server(response());
    expect(await rig.sums()).toEqual(EQUAL);
  });

  it('counts methods that hardly anybody uses as one, so that clients cannot fill the table with them', async () => {
    await using rig = new PairingRig(spec());
    for (const method of ['GET', 'M1', 'M2', 'get']) rig.connect().client(request('/ok', method)).server(response());
    await rig.sums();
    const endpoints = rig.comparator.data().policies.flatMap(({ endpoints }) => endpoints);
    expect(endpoints.map(({ method, compared, notCompared }) => [method, compared + Object.values(notCompared).reduce((sum, count) => sum + count, 0)])).toEqual([['(other)', 3], ['GET', 1]]);
  });

  it('tells a difference', async () => {
    expect(await exchange(request('/other'), response())).toEqual({ ...EQUAL, different: 1 });
    expect(await exchange(request('/ok'), response('ok', '404 Not Found'))).toEqual({ ...EQUAL, different: 1 });
  });

  it('has no content where there can be none: HEAD, 304', async () => {
    expect(await exchange(request('/ok', 'HEAD'), 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n')).toEqual(EQUAL);
    expect(await exchange(request('/empty'), 'HTTP/1.1 304 Not Modified\r\nContent-Length: 9000000\r\n\r\n')).toEqual(EQUAL);
  });

  it('is whole in chunks, and where the connection ends it', async () => {
    expect(await exchange(request('/ok'), 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n')).toEqual(EQUAL);
    await using rig = new PairingRig(spec());
    const connection = rig.connect().client(request('/ok')).server('HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n', 'ok');
    connection.finish();
    expect(await rig.sums()).toEqual(EQUAL);
  });

  it('is of one exchange among many of a connection', async () => {
    await using rig = new PairingRig(spec());
    const connection = rig.connect();
    for (let i = 0; i < 20; i++) connection.client(request(i % 2 === 0 ? '/ok' : '/other', 'POST', `n=${i}`)).server(response());
    connection.client(request('/ok') + request('/other')).server(response() + response());
    expect(await rig.sums()).toEqual({ offered: 22, compared: 22, different: 11, notCompared: {} });
  });

  it('is made of HTTP/2 as well', async () => {
    await using rig = new PairingRig(spec());
    rig
      .connect()
      .client(PREFACE, settings(), get(1, '/ok'), get(3, '/other'), get(5, '/ok'))
      .server(settings(), head(3), data(3, 'ok', END_STREAM), head(1), data(1, 'o'), data(1, 'k', END_STREAM), head(5), reset(5, 2));
    expect(await rig.sums()).toEqual({ offered: 3, compared: 2, different: 1, notCompared: { incomplete: 1 } });
  });

  it('is there for each target, and for none that is not compared', async () => {
    const targets = [{ url: mirror.url }, { url: `${mirror.url}/other`, role: 'Baseline', hostname: 'Target' }];
    await using rig = new PairingRig({ targets, compare: {} });
    rig.connect().client(request('/ok')).server(response());
    expect(await rig.sums()).toMatchObject({ offered: 2, compared: 2 });
    await using plain = new PairingRig({ targets: [{ url: mirror.url }] });
    plain.connect().client(request('/ok')).server(response());
    expect(await plain.sums()).toEqual({ offered: 1, compared: 0, different: 0, notCompared: {} });
  });
});

describe('whoever watches pairs', () => {
  it('is shown each with its own differences, however many are compared before they are sent, and those that are not compared', async () => {
    const batches: WatchedExchanges[] = [];
    const feed = new LiveFeed({ bodies: false, workers: 1, send: (sent) => batches.push(...structuredClone(sent)) });
    const filter = { policy: '', template: '', method: '', statusClass: 0, onlyDifferent: false, text: '' };
    feed.watch([{ id: 1, filter }], []);
    await using rig = new PairingRig(spec());
    rig.pairing.watcher = feed;
    const connection = rig.connect();
    connection.client(request('/other')).server(response()).client(request('/ok')).server(response('ok', '404 Not Found'));
    connection.client(request('/ok')).server(response()).client(request('/reset')).server(response());
    await rig.sums();
    await expect.poll(() => batches.flatMap(({ batch }) => batch.items).length).toBe(4);
    feed.watch([], []);
    const told = batches.flatMap(({ batch }) => batch.items).map(({ path, verdict, outcome, differences }) => [path, verdict, outcome, differences.map(({ where }) => where).join()]);
    expect(told.sort()).toEqual([
      ['/ok', 'different', 'mirrored 2xx', 'status'],
      ['/ok', 'equal', 'mirrored 2xx', ''],
      ['/other', 'different', 'mirrored 2xx', 'body'],
      ['/reset', 'failed', 'failed reset', ''],
    ]);
  });
});

describe('a copy that is not compared says why', () => {
  it('incomplete: an answer of production with a hole, or cut short', async () => {
    expect(await exchange(request('/ok'), 'HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nok')).toEqual(one('incomplete'));
    await using rig = new PairingRig(spec());
    rig.connect().client(request('/ok')).server('HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nok').gap(8).server('0123456789');
    expect(await rig.sums()).toEqual(one('incomplete'));
  });

  it('no-answer: production never answered, or not in time', async () => {
    expect(await exchange(request('/ok'), null)).toEqual(one('no-answer'));
    await using rig = new PairingRig(spec());
    const connection = rig.connect().client(request('/ok'));
    await expect.poll(() => rig.book.sums().open).toBe(0);
    rig.tick();
    expect(rig.pairing.pending).toBe(1);
    rig.aheadMs = 60_000;
    rig.tick();
    expect([rig.pairing.pending, rig.budget.used]).toEqual([0, 0]);
    connection.server(response());
    expect(await rig.sums()).toEqual(one('no-answer'));
  });

  it('too-large: content beyond the bound, of either side, announced or not', async () => {
    const more = { compare: { maxBodyBytes: 4096 } };
    expect(await exchange(request('/ok'), response('x'.repeat(4097)), more)).toEqual(one('too-large'));
    const chunk = `1000\r\n${'x'.repeat(4096)}\r\n`;
    expect(await exchange(request('/ok'), `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}${chunk}0\r\n\r\n`, more)).toEqual(one('too-large'));
    expect(await exchange(request('/big'), response(), more)).toEqual(one('too-large'));
    expect(await exchange(request('/big'), response('x'.repeat(8192)))).toEqual(EQUAL);
  });

  it('failed: the mirror gave no answer, or half of one, or none in time', async () => {
    expect(await exchange(request('/reset'), response())).toEqual(one('failed'));
    expect(await exchange(request('/half'), response())).toEqual(one('failed'));
    expect(await exchange(request('/silent'), response(), { limits: { timeout: '100ms' } })).toEqual(one('failed'));
    expect(await exchange(request('/ok'), response(), { targets: [{ url: 'http://127.0.0.1:1' }] })).toEqual(one('failed'));
  });

  it('not-sent: the mirror was never asked', async () => {
    await using rig = new PairingRig(spec({ limits: { maxInFlight: 1, maxQueued: 1 } }));
    for (let i = 0; i < 5; i++) rig.connect().client(request('/slow')).server(response());
    expect(await rig.sums()).toEqual({ offered: 5, compared: 2, different: 0, notCompared: { 'not-sent': 3 } });
  });

  it('memory: there is no room for answers long before there is none for requests', async () => {
    await using rig = new PairingRig(spec(), { memory: 256 * 1024 });
    const connections = Array.from({ length: 40 }, () => rig.connect().client(request('/slow')));
    for (const connection of connections) connection.server(response('x'.repeat(8000)));
    const { offered, compared, notCompared } = await rig.sums();
    expect(offered).toBe(40);
    expect(compared).toBeGreaterThan(3);
    expect(notCompared).toEqual({ memory: 40 - compared });
    expect(rig.book.sums().requests).toMatchObject([{ outcome: 'mirrored', count: 40 }]);
  });

  it('memory, pressure: more wait for production, or to be compared, than there may be', { timeout: 60_000 }, async () => {
    await using rig = new PairingRig(spec({ compare: { maxPerSecond: 0 }, limits: { maxQueued: 5_000, timeout: '60s' } }), { memory: 256 << 20 });
    const connections = Array.from({ length: 4_100 }, () => rig.connect().client(request('/ok')));
    await expect.poll(() => rig.book.sums().open, { timeout: 30_000 }).toBe(0);
    // All at once: none of them can be compared meanwhile.
    for (const connection of connections.slice(0, 1_100)) connection.server(response());
    expect(await rig.sums()).toEqual({ offered: 4_100, compared: 1_024, different: 0, notCompared: { memory: 4, pressure: 76, 'no-answer': 2_996 } });
  });

  it('no pressure while there is time, however many come and however small they are', async () => {
    await using rig = new PairingRig(spec({ compare: { maxPerSecond: 0 }, limits: { maxQueued: 5_000 } }), { memory: 256 << 20 });
    const connections = Array.from({ length: 1_600 }, () => rig.connect().client(request('/ok')));
    await expect.poll(() => rig.book.sums().open, { timeout: 5_000 }).toBe(0);
    for (let i = 0; i < connections.length; i += 400) {
      for (const connection of connections.slice(i, i + 400)) connection.server(response('ok'));
      await sleep(30);
    }
    expect(await rig.sums()).toEqual({ offered: 1_600, compared: 1_600, different: 0, notCompared: {} });
  });

  it('sampled-out: for all targets of the policy alike', async () => {
    let draws = 0;
    const targets = [{ url: mirror.url }, { url: `${mirror.url}/v0`, role: 'Baseline' }];
    await using rig = new PairingRig({ targets, compare: { percent: 25 } }, { random: () => (draws++ % 4) / 4 });
    const connection = rig.connect();
    for (let i = 0; i < 8; i++) connection.client(request('/ok')).server(response());
    expect(await rig.sums()).toMatchObject({ offered: 16, compared: 4, notCompared: { 'sampled-out': 12 } });
    expect(draws).toBe(8);
  });

  it('sampled-out: more come in a second than maxPerSecond, of which so many are drawn, also when policies change meanwhile', async () => {
    const bounded = spec({ compare: { maxPerSecond: 20 } });
    // Nothing is drawn but what is sure to be.
    await using rig = new PairingRig(bounded, { random: () => 0.999 });
    const connection = rig.connect();
    const thirty = (): void => {
      for (let i = 0; i < 30; i++) connection.wait(15_000).client(request('/ok')).server(response());
    };
    thirty();
    rig.apply(bounded);
    thirty();
    expect(await rig.sums()).toMatchObject({ offered: 60, compared: 20, notCompared: { 'sampled-out': 40 } });
  });

  it('policy: the target is no longer what it was, or the worker stops', async () => {
    await using rig = new PairingRig(spec());
    rig.connect().client(request('/late')).server(response());
    await sleep(20);
    await rig.stop();
    expect(await rig.sums()).toEqual(one('policy'));
  });

  it('incomplete: production answered before the request was known', async () => {
    await using rig = new PairingRig(spec());
    rig
      .connect()
      .client(PREFACE, settings(), headers(1, requestBlock('/ok', 'POST'), 0))
      .server(settings(), headers(1, responseBlock(200)), data(1, 'ok', END_STREAM));
    const { offered, compared, notCompared } = await rig.sums();
    expect([offered, compared + (notCompared.incomplete ?? 0)]).toEqual([offered, offered]);
  });

  it('is not counted at all where no copy was offered: upgrades, and requests that were cut', async () => {
    const none = { offered: 0, compared: 0, different: 0, notCompared: {} };
    const upgrade = 'GET /ok HTTP/1.1\r\nHost: shop\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
    expect(await exchange(upgrade, 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')).toEqual(none);
    expect(await exchange('POST /ok HTTP/1.1\r\nHost: shop\r\nContent-Length: 9\r\n\r\nhalf', response())).toEqual(none);
  });
});

describe('a change of policy', () => {
  it('leaves what is under way its answers, and forgets what is no longer compared', async () => {
    await using rig = new PairingRig(spec());
    const connection = rig.connect().client(request('/slow'));
    rig.apply(spec({ matches: [{ path: { value: '/' } }] }));
    connection.server(response());
    const { offered, compared, notCompared } = await rig.sums();
    expect(compared + Object.values(notCompared).reduce((sum, count) => sum + count, 0)).toBe(offered);
    expect(offered).toBe(1);
    const another = rig.connect().client(request('/slow'));
    rig.apply({ targets: [{ url: mirror.url }] });
    another.server(response());
    expect(await rig.sums()).toMatchObject({ compared: 0, notCompared: {} });
  });

  it('keeps the counts while mirroring is switched off', async () => {
    await using rig = new PairingRig(spec());
    rig.connect().client(request('/ok')).server(response());
    expect(await rig.sums()).toEqual(EQUAL);
    rig.apply(spec(), true);
    rig.connect().client(request('/ok')).server(response());
    expect(await rig.sums()).toEqual(EQUAL);
  });
});

describe('a call of gRPC', () => {
  const unary = (stream: number): Buffer[] => [call(stream), data(stream, message('a'), END_STREAM)];
  const answered = (stream: number, ...messages: readonly string[]): Buffer[] => [
    headers(stream, responseBlock(200, 'content-type', 'application/grpc')),
    ...messages.map((text) => data(stream, message(text))),
    headers(stream, hpack.block('grpc-status', '0'), 4 | END_STREAM),
  ];

  it('is compared where either side says one message', async () => {
    await using grpc = await startGrpcMirror(1);
    await using rig = new PairingRig({ targets: [{ url: grpc.url }], compare: {} });
    rig.connect().client(PREFACE, settings(), ...unary(1), ...unary(3)).server(settings(), ...answered(1, 'hi'), ...answered(3, 'ho'));
    expect(await rig.sums()).toEqual({ offered: 2, compared: 2, different: 1, notCompared: {} });
  });

  it('is streaming where production or the client says more, and then nothing is kept of it', async () => {
    await using grpc = await startGrpcMirror(1);
    await using rig = new PairingRig({ targets: [{ url: grpc.url }], compare: {}, grpc: { streaming: 'Mirror' } });
    const connection = rig
      .connect()
      .client(PREFACE, settings(), ...unary(1), call(3), data(3, message('a')), data(3, message('b'), END_STREAM))
      .server(settings(), ...answered(1, 'hi', 'hi'), ...answered(3, 'hi'));
    expect(connection).toBeDefined();
    expect(await rig.sums()).toEqual({ offered: 2, compared: 0, different: 0, notCompared: { streaming: 2 } });
  });

  it('takes no place from others while it goes on, however many do', async () => {
    await using grpc = await startGrpcMirror(1);
    await using rig = new PairingRig({ targets: [{ url: grpc.url }], compare: { maxPerSecond: 0 }, grpc: { streaming: 'Mirror' }, limits: { maxInFlight: 10, maxQueued: 10 } }, { memory: 256 << 20 });
    const connections = Array.from({ length: 45 }, () => rig.connect().client(PREFACE, settings()).server(settings()));
    for (const connection of connections) {
      for (let stream = 1; stream < 200; stream += 2) connection.client(call(stream), data(stream, message('a')), data(stream, message('b')));
    }
    expect(rig.pairing.pending).toBe(0);
    const { offered, compared, notCompared } = await rig.sums();
    expect([offered, compared]).toEqual([4_500, 0]);
    expect(Object.keys(notCompared).sort()).toEqual(['not-sent', 'streaming']);
  });

  it('is incomplete where the client takes it back', async () => {
    await using grpc = await startGrpcMirror(1);
    await using rig = new PairingRig({ targets: [{ url: grpc.url }], compare: {}, grpc: { streaming: 'Mirror' } });
    rig.connect().client(PREFACE, settings(), call(1), data(1, message('a'))).server(settings()).client(reset(1, 8));
    expect(await rig.sums()).toMatchObject({ offered: 1, compared: 0, notCompared: { incomplete: 1 } });
  });
});


/** One exchange of a random run: what is asked, how production answers, and whether that comes before or after the mirror. */
interface Step {
  readonly path: string;
  readonly method: string;
  readonly production: string | null;
  readonly late: boolean;
  readonly change: 'none' | 'same' | 'limits' | 'off';
}

const STEP = fc.record<Step>({
  path: fc.constantFrom('/ok', '/other', '/big', '/slow', '/reset', '/half', '/empty', '/silent'),
  method: fc.constantFrom('GET', 'POST', 'HEAD'),
  production: fc.constantFrom(null, response(), response('x'.repeat(5000)), 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf', 'HTTP/1.1 304 Not Modified\r\n\r\n', 'HTTP/1.1 200 OK\r\n\r\nuntil the end', 'nonsense\r\n\r\n'),
  late: fc.boolean(),
  change: fc.constantFrom('none', 'none', 'none', 'same', 'limits', 'off'),
});

/** How production says the path that it was asked for, and what it says before. */
type Saying = 'length' | 'chunks' | 'interim' | 'not-modified' | 'head';

function saying(path: string, how: Saying): string {
  const whole = response(path);
  if (how === 'chunks') return `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n/\r\n${(path.length - 1).toString(16)}\r\n${path.slice(1)}\r\n0\r\n\r\n`;
  if (how === 'interim') return `HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n${whole}`;
  if (how === 'not-modified') return 'HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n';
  return how === 'head' ? whole.slice(0, -path.length) : whole;
}

describe('whatever happens', () => {
  it('an answer is held against that to the same request, however requests are pipelined and answers come late', async () => {
    const asked = fc.array(fc.constantFrom<Saying>('length', 'chunks', 'interim', 'not-modified', 'head'), { minLength: 1, maxLength: 8 });
    const run = fc.asyncProperty(fc.array(asked, { minLength: 1, maxLength: 4 }), fc.constantFrom(1, 7, 4096), async (clients, size) => {
      await using rig = new PairingRig(spec());
      for (const [client, sayings] of clients.entries()) {
        const paths = sayings.map((how, i) => (how === 'not-modified' ? `/empty/${i}` : `/echo/${i % 2 === 0 ? 'slow/' : ''}${client}/${i}`));
        const requests = sayings.map((how, i) => request(paths[i]!, how === 'head' ? 'HEAD' : 'GET')).join('');
        const answers = sayings.map((how, i) => saying(paths[i]!, how)).join('');
        const connection = rig.connect();
        for (let at = 0; at < requests.length; at += size) connection.client(requests.slice(at, at + size));
        for (let at = 0; at < answers.length; at += size) connection.server(answers.slice(at, at + size));
      }
      const offered = clients.flat().length;
      expect(await rig.sums()).toEqual({ offered, compared: offered, different: 0, notCompared: {} });
    });
    await fc.assert(run, { numRuns: 20, interruptAfterTimeLimit: 5_000, markInterruptAsFailure: false });
  });

  it('each copy that was offered is compared, or counted with a reason, and everything is given back', async () => {
    const run = fc.asyncProperty(fc.array(STEP, { minLength: 1, maxLength: 12 }), fc.constantFrom(64 * 1024, 8 << 20), fc.constantFrom(50, 100), fc.boolean(), async (steps, memory, percent, stops) => {
      const compare = { maxBodyBytes: 4096, percent };
      const limits = { timeout: '50ms', maxInFlight: 4, maxQueued: 2 };
      await using rig = new PairingRig(spec({ compare, limits }), { memory });
      for (const [index, { path, method, production, late, change }] of steps.entries()) {
        const connection = rig.connect().client(request(path, method, method === 'POST' ? `n=${index}` : ''));
        if (late) await sleep(2);
        if (production !== null) connection.server(production);
        if (change === 'same') rig.apply(spec({ compare, limits }));
        if (change === 'limits') rig.apply(spec({ compare, limits: { ...limits, maxQueued: 3 + index } }));
        if (change !== 'off') continue;
        rig.apply(spec({ compare, limits }), true);
        rig.apply(spec({ compare, limits }));
      }
      if (stops) await rig.stop();
      const { offered, compared, notCompared } = await rig.sums();
      expect(compared + Object.values(notCompared).reduce((sum, count) => sum + count, 0)).toBe(offered);
    });
    await fc.assert(run, { numRuns: 60, interruptAfterTimeLimit: 8_000, markInterruptAsFailure: false });
  });
});
