import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { ANSWERING, H2Mirror, textOf, type Behaviour } from '../mirror/h2-mirror.ts';
import { data, END_STREAM, get, reset } from '../http/h2/frames.ts';
import { answer, answerEnd, answerHead, call, GrpcRig, halfClose, message, until } from './grpc-rig.ts';

/** Answers each piece at once, and ends when the client does. */
const ECHO: Behaviour = ({ stream }) => {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  stream.on('data', (piece: Buffer) => stream.write(piece));
  stream.on('end', () => stream.end());
};
const SILENT: Behaviour = () => {};

const to = ({ origin }: H2Mirror, rest: object = {}) => ({ targets: [{ url: origin }], ...rest });

describe('a call of gRPC', () => {
  it('is mirrored as it happens, message by message, and is open meanwhile', async () => {
    await using mirror = await H2Mirror.start(ECHO);
    await using rig = new GrpcRig(to(mirror));
    rig.client(call(1, 'grpc-timeout', '1H', 'x-meta-bin', 'AAE='), data(1, message('one')));
    await until(() => mirror.heard[0]?.pieces.length === 1);
    expect(mirror.heard[0]!.headers).toEqual([
      ':method', 'POST', ':scheme', 'http', ':authority', 'shop', ':path', '/shop.Cart/Chat',
      'content-type', 'application/grpc', 'te', 'trailers', 'grpc-timeout', '1H', 'x-meta-bin', 'AAE=', 'marker', 'default/p',
    ]);
    rig.server(answerHead(1), data(1, message('ONE')));
    rig.client(data(1, message('two')));
    await until(() => mirror.heard[0]!.pieces.length === 2);
    expect([rig.open, mirror.heard[0]!.ended]).toEqual([1, false]);
    rig.client(halfClose(1));
    rig.server(answerEnd(1));
    expect(await rig.settled()).toEqual({ 'mirrored 2xx': 1 });
    expect(Buffer.concat(mirror.heard[0]!.pieces)).toEqual(Buffer.concat([message('one'), message('two')]));
    expect(mirror.heard[0]).toMatchObject({ ended: true, reset: null });
  });

  it('is forwarded in whole messages, however its bytes are cut', async () => {
    await using mirror = await H2Mirror.start(ECHO);
    await using rig = new GrpcRig(to(mirror));
    const bytes = Buffer.concat([message('first'), message(''), message('x'.repeat(40_000)), message('last', 1)]);
    rig.client(call(1));
    for (let at = 0; at < bytes.length; at += 7) rig.client(data(1, bytes.subarray(at, at + 7)));
    rig.client(halfClose(1));
    rig.server(answerHead(1), answerEnd(1));
    expect(await rig.settled()).toEqual({ 'mirrored 2xx': 1 });
    expect(Buffer.concat(mirror.heard[0]!.pieces)).toEqual(bytes);
  });

  it('may have no message at all, or be one of many at a time', async () => {
    await using mirror = await H2Mirror.start(ECHO);
    await using rig = new GrpcRig(to(mirror));
    for (let stream = 1; stream < 200; stream += 2) rig.client(Buffer.concat([call(stream), data(stream, message(`${stream}`))]));
    for (let stream = 199; stream > 0; stream -= 2) rig.client(Buffer.concat([data(stream, message('again')), halfClose(stream)]));
    rig.client(call(201), halfClose(201));
    for (let stream = 1; stream <= 201; stream += 2) rig.server(answerHead(stream), answerEnd(stream));
    expect(await rig.settled()).toEqual({ 'mirrored 2xx': 101 });
    expect(mirror.heard.map(textOf).sort()).toEqual(['', ...Array.from({ length: 100 }, (_, i) => Buffer.concat([message(`${2 * i + 1}`), message('again')]).latin1Slice())].sort());
    expect(mirror.sessions).toHaveLength(2);
  });

  it('is reset in the mirror where bytes are missing, and no part of a message is sent', async () => {
    await using mirror = await H2Mirror.start(ECHO);
    await using rig = new GrpcRig(to(mirror));
    rig.client(call(1), data(1, message('whole')), data(1, message('lost in part')).subarray(0, 15));
    await until(() => mirror.heard[0]?.pieces.length === 1);
    rig.gap(4);
    expect(await rig.settled()).toEqual({ 'incomplete gap': 1 });
    await until(() => mirror.heard[0]!.reset !== null);
    expect([textOf(mirror.heard[0]!), mirror.heard[0]!.ended, mirror.heard[0]!.reset]).toEqual([message('whole').latin1Slice(), false, 8]);
  });

  it('that its client cancels is cancelled in the mirror, and counts as mirrored if that had answered', async () => {
    await using mirror = await H2Mirror.start((heard) => (heard.headers.includes('mute') ? undefined : ECHO(heard, mirror)));
    await using rig = new GrpcRig(to(mirror));
    let heardOf = 0;
    for (const [stream, ...fields] of [[1], [3, 'x-is', 'mute'], [5], [7, 'x-is', 'mute']] as const) {
      rig.client(call(stream, ...fields), data(stream, message('m'), stream > 4 ? END_STREAM : 0));
      await until(() => mirror.heard.length > heardOf);
      heardOf += 1;
    }
    await until(() => mirror.heard.every(({ pieces }) => pieces.length === 1));
    rig.server(answerHead(1), answerHead(3), answerHead(5), answerHead(7));
    await sleep(50);
    rig.client(reset(1, 8), reset(3, 8), reset(5, 8), reset(7, 8));
    expect(await rig.settled()).toEqual({ 'mirrored 2xx': 2, 'incomplete reset': 2 });
    await until(() => mirror.heard.every(({ reset: code, headers }) => code !== null || !headers.includes('mute')));
    expect(mirror.heard.slice(0, 2).map(({ ended, reset: code }) => [ended, code])).toEqual([[false, 8], [false, 8]]);
  });

  it('ends with the answer, though its client would go on', async () => {
    await using mirror = await H2Mirror.start(({ stream }) => stream.respond({ ':status': 200, 'grpc-status': '12' }, { endStream: true }));
    await using rig = new GrpcRig(to(mirror));
    rig.client(call(1), data(1, message('one')));
    await until(() => rig.emitter.pending === 0);
    expect(await rig.settled()).toEqual({ 'mirrored 2xx': 1 });
    rig.client(data(1, message('two')), halfClose(1));
    rig.server(answerHead(1), answerEnd(1));
    expect(await rig.settled()).toEqual({ 'mirrored 2xx': 1 });
  });

  it.each([
    ['is too large', 'too-large', data(1, message('x'.repeat(101)))],
    ['is cut by its end', 'malformed chunk', data(1, message('abc').subarray(0, 6), END_STREAM)],
    ['is announced and too large', 'too-large', data(1, Buffer.from([0, 0xff, 0xff, 0xff, 0xff]))],
  ])('with a message that %s is given up', async (_what, outcome, frame) => {
    await using mirror = await H2Mirror.start(SILENT);
    await using rig = new GrpcRig(to(mirror, { limits: { maxBodyBytes: 100 } }));
    rig.client(call(1), data(1, message('x'.repeat(100))));
    await until(() => mirror.heard[0]?.pieces.length === 1);
    rig.client(frame);
    expect(await rig.settled()).toEqual({ [outcome]: 1 });
    await until(() => mirror.heard[0]!.reset === 8);
    expect(mirror.heard[0]!.ended).toBe(false);
  });

  it('is not sent where a message may hold what is secret', async () => {
    await using mirror = await H2Mirror.start(ECHO);
    await using rig = new GrpcRig(to(mirror, { redact: { jsonFields: ['/pin'] } }));
    const json = (stream: number, text: string, compressed = 0): void => {
      rig.client(call(stream).length > 0 ? call(stream, 'content-type', 'application/grpc+json') : call(stream), data(stream, message(text, compressed), END_STREAM));
      rig.server(answerHead(stream), answerEnd(stream));
    };
    json(1, '{"a":1}');
    json(3, '{"pin":1}');
    json(5, 'zzzz', 1);
    expect(await rig.settled()).toEqual({ 'mirrored 2xx': 1, 'failed redaction': 2 });
    expect(mirror.heard.filter(({ ended }) => ended)).toHaveLength(1);
  });

  it('leaves other content of HTTP/2 as it is: sent when it is whole', async () => {
    await using mirror = await H2Mirror.start();
    await using rig = new GrpcRig(to(mirror));
    rig.client(get(1, '/x'));
    rig.server(answer(1));
    expect(await rig.settled()).toEqual({ 'mirrored 2xx': 1 });
  });
});

describe('the mirror of a call', () => {
  it('that takes nothing costs what the target may have, and then the copy is shed', async () => {
    await using mirror = await H2Mirror.start(({ stream }) => void stream.pause(), { settings: { initialWindowSize: 0 } });
    await using rig = new GrpcRig(to(mirror, { limits: { maxQueueBytes: 100_000 } }));
    rig.client(call(1), data(1, message('x'.repeat(10_000))));
    await until(() => mirror.heard.length === 1);
    for (let i = 0; i < 8; i++) rig.client(data(1, message('x'.repeat(10_000))));
    await sleep(30);
    expect([rig.open, rig.emitter.bytes > 90_000]).toEqual([1, true]);
    rig.client(data(1, message('x'.repeat(10_000))));
    expect(await rig.settled()).toEqual({ 'shed bytes': 1 });
    expect(rig.emitter.bytes).toBe(0);
    await until(() => mirror.heard[0]!.reset === 8);
    rig.client(data(1, message('more')), halfClose(1));
  });

  it('that takes nothing for too long fails, while the original goes on', async () => {
    await using mirror = await H2Mirror.start(SILENT, { settings: { initialWindowSize: 0 } });
    await using rig = new GrpcRig(to(mirror, { limits: { timeout: '100ms' } }));
    rig.client(call(1), data(1, message('x')));
    expect(await rig.settled()).toEqual({ 'failed timeout': 1 });
  });

  it('may be silent as long as the original is', async () => {
    await using mirror = await H2Mirror.start(SILENT);
    await using rig = new GrpcRig(to(mirror, { limits: { timeout: '100ms' } }));
    rig.client(call(1), data(1, message('x'), END_STREAM));
    await sleep(300);
    expect(rig.open).toBe(1);
    rig.server(answerHead(1), answerEnd(1));
    expect(await rig.settled()).toEqual({ 'failed timeout': 1 });
    await until(() => mirror.heard[0]!.reset === 8);
  });

  it("has the client's own deadline", async () => {
    await using mirror = await H2Mirror.start(SILENT);
    await using rig = new GrpcRig(to(mirror));
    rig.client(call(1, 'grpc-timeout', '100m'), data(1, message('x')));
    expect(await rig.settled()).toEqual({ 'failed timeout': 1 });
  });

  it('that never ends its answer is left alone once it has had as long as the original', async () => {
    await using mirror = await H2Mirror.start(({ stream }) => {
      stream.respond({ ':status': 200 });
      const timer = setInterval(() => stream.write('x'), 10);
      stream.on('close', () => clearInterval(timer));
    });
    await using rig = new GrpcRig(to(mirror, { limits: { timeout: '100ms' } }));
    rig.client(call(1), data(1, message('x'), END_STREAM));
    await until(() => mirror.heard.length === 1);
    rig.server(answerHead(1), answerEnd(1));
    expect(await rig.settled()).toEqual({ 'failed timeout': 1 });
  });

  it.each<[string, Behaviour, string]>([
    ['resets it', ({ stream }) => stream.close(2), 'failed reset'],
    ['refuses it', ({ stream }) => stream.close(7), 'failed reset'],
    ['breaks the rules', ({ stream }) => stream.close(1), 'failed protocol'],
    ['dies', (_heard, mirror) => mirror.sockets[0]!.destroy(), 'failed reset'],
  ])('that %s fails it', async (_what, behaviour, outcome) => {
    await using mirror = await H2Mirror.start(behaviour);
    await using rig = new GrpcRig(to(mirror));
    rig.client(call(1), data(1, message('x')));
    expect(await rig.settled()).toEqual({ [outcome]: 1 });
    rig.client(data(1, message('y')), halfClose(1));
  });

  it('that takes leave goes on with the calls it has', async () => {
    await using mirror = await H2Mirror.start((heard, self) => {
      ECHO(heard, self);
      if (self.heard.length === 1) self.sessions[0]!.goaway(0, 2 ** 31 - 1);
    });
    await using rig = new GrpcRig(to(mirror));
    rig.client(call(1), data(1, message('one')));
    await until(() => mirror.heard[0]?.pieces.length === 1);
    // Until the other end, in this process too, has heard of it.
    await sleep(100);
    rig.client(call(3), data(3, message('other'), END_STREAM), data(1, message('two'), END_STREAM));
    rig.server(answerHead(1), answerEnd(1), answerHead(3), answerEnd(3));
    expect(await rig.settled()).toEqual({ 'mirrored 2xx': 2 });
    expect([mirror.sessions.length, textOf(mirror.heard[0]!)]).toEqual([2, Buffer.concat([message('one'), message('two')]).latin1Slice()]);
  });

  it('may be one of several, each of which gets all of it or its own end', async () => {
    await using mirror = await H2Mirror.start(ECHO);
    await using deaf = await H2Mirror.start(({ stream }) => stream.close(2));
    await using rig = new GrpcRig({ targets: [{ url: deaf.origin }, { url: mirror.origin }, { url: mirror.origin, protocol: 'HTTP/1.1' }] });
    rig.client(call(1), data(1, message('one')));
    await until(() => mirror.heard[0]?.pieces.length === 1);
    rig.client(data(1, message('two'), END_STREAM));
    rig.server(answerHead(1), answerEnd(1));
    expect(await rig.settled()).toEqual({ 'mirrored 2xx': 1 });
    expect(textOf(mirror.heard[0]!)).toBe(Buffer.concat([message('one'), message('two')]).latin1Slice());
    expect(rig.book.sums().copies.map(({ outcome, reason }) => `${outcome} ${reason}`).sort()).toEqual(['failed rejected', 'failed reset', 'mirrored 2xx']);
  });
});

describe('calls and policies', () => {
  it('with Skip, only those of one message are sent, once that is certain', async () => {
    await using mirror = await H2Mirror.start(ECHO);
    await using rig = new GrpcRig(to(mirror, { grpc: { streaming: 'Skip' } }));
    rig.client(call(1), data(1, message('one')), call(3), data(3, message('a')), data(3, message('b')).subarray(0, 14));
    await sleep(50);
    expect(mirror.heard).toHaveLength(0);
    rig.client(data(3, message('b')).subarray(14), halfClose(1), halfClose(3));
    rig.server(answerHead(1), answerEnd(1), answerHead(3), answerEnd(3));
    expect(await rig.settled()).toEqual({ 'mirrored 2xx': 1, 'method streaming': 1 });
    expect(mirror.heard.map(textOf)).toEqual([message('one').latin1Slice()]);
  });

  it('of a connection that was joined in its middle are held back until it is confirmed', async () => {
    await using mirror = await H2Mirror.start(ECHO);
    await using rig = new GrpcRig(to(mirror), { joined: true });
    rig.client(call(101), data(101, message('one')), data(101, message('two')));
    await sleep(50);
    expect(mirror.heard).toHaveLength(0);
    rig.server(answerHead(101));
    await until(() => mirror.heard.length === 1 && textOf(mirror.heard[0]!).includes('two'));
    rig.client(data(101, message('three'), END_STREAM));
    rig.server(answerEnd(101));
    expect(await rig.settled()).toEqual({ 'mirrored 2xx': 1 });
    expect(textOf(mirror.heard[0]!)).toBe(Buffer.concat(['one', 'two', 'three'].map((text) => message(text))).latin1Slice());
  });

  it('of such a connection that turns out to be none are never sent', async () => {
    await using mirror = await H2Mirror.start(ECHO);
    await using rig = new GrpcRig(to(mirror), { joined: true });
    rig.client(call(101), data(101, message('one')));
    rig.close();
    expect(await rig.settled()).toEqual({ 'incomplete closed': 1 });
    expect(mirror.heard).toHaveLength(0);
  });

  it.each([['a policy that goes', [], false], ['the kill switch', [], true]] as const)('end with %s', async (_what, specs, off) => {
    await using mirror = await H2Mirror.start(ECHO);
    await using rig = new GrpcRig(to(mirror));
    rig.client(call(1), data(1, message('one')));
    await until(() => mirror.heard[0]?.pieces.length === 1);
    rig.apply(specs, off);
    expect(await rig.settled()).toEqual({ 'incomplete shutdown': 1 });
    await until(() => mirror.heard[0]!.stream.closed);
    expect(mirror.heard[0]!.ended).toBe(false);
    rig.client(data(1, message('two')), halfClose(1));
  });

  it('wait their turn where too many are under way, and keep what they hear meanwhile', async () => {
    await using mirror = await H2Mirror.start(ECHO);
    await using rig = new GrpcRig(to(mirror, { limits: { maxInFlight: 1, maxQueued: 1 } }));
    rig.client(call(1), data(1, message('one')), call(3), data(3, message('two')), call(5), data(5, message('three'), END_STREAM));
    rig.client(data(3, message('two'), END_STREAM));
    await until(() => mirror.heard.length === 1);
    rig.client(halfClose(1));
    for (const stream of [1, 3, 5]) rig.server(answerHead(stream), answerEnd(stream));
    expect(await rig.settled()).toEqual({ 'mirrored 2xx': 2, 'shed queue': 1 });
    expect(mirror.heard.map(textOf)).toEqual([message('one').latin1Slice(), Buffer.concat([message('two'), message('two')]).latin1Slice()]);
  });

  it('that go on wait for the capture, so that replay need not wait for them', async () => {
    await using mirror = await H2Mirror.start(ECHO);
    await using rig = new GrpcRig(to(mirror, { limits: { maxInFlight: 2 } }));
    for (let stream = 1; stream <= 7; stream += 2) rig.client(call(stream), data(stream, message('one')));
    await until(() => mirror.heard.length === 2 && mirror.heard.every(({ pieces }) => pieces.length === 1));
    await until(() => rig.emitter.awaiting === 4);
    expect(rig.emitter.pending).toBe(4);
    for (let stream = 1; stream <= 7; stream += 2) {
      rig.client(halfClose(stream));
      rig.server(answerHead(stream), answerEnd(stream));
    }
    expect(await rig.settled()).toEqual({ 'mirrored 2xx': 4 });
    expect(rig.emitter.awaiting).toBe(0);
  });

  it('that are cancelled while they wait take nobody else with them', async () => {
    await using mirror = await H2Mirror.start(ECHO);
    await using rig = new GrpcRig(to(mirror, { limits: { maxInFlight: 1 } }));
    rig.client(call(1), data(1, message('one')), call(3), data(3, message('two')), call(5), data(5, message('three'), END_STREAM));
    rig.client(reset(3, 8), halfClose(1));
    for (const stream of [1, 5]) rig.server(answerHead(stream), answerEnd(stream));
    expect(await rig.settled()).toEqual({ 'mirrored 2xx': 2, 'incomplete reset': 1 });
    expect(mirror.heard.map(textOf)).toEqual([message('one').latin1Slice(), message('three').latin1Slice()]);
  });

  it('are shed where memory is short', async () => {
    await using mirror = await H2Mirror.start(SILENT, { settings: { initialWindowSize: 0 } });
    await using rig = new GrpcRig(to(mirror), { memory: 200_000 });
    rig.client(call(1));
    for (let i = 0; i < 40; i++) rig.client(data(1, message('x'.repeat(10_000))));
    expect(await rig.settled()).toEqual({ 'shed memory': 1 });
  });

  it('are recorded to files when they are over, beside the mirror that gets them at once', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'grpc-'));
    try {
      await using mirror = await H2Mirror.start(ECHO);
      {
        await using rig = new GrpcRig({ targets: [{ url: mirror.origin }, { file: { path: join(folder, 'calls.ndjson') } }] });
        rig.client(call(1), data(1, message('one')));
        await until(() => mirror.heard[0]?.pieces.length === 1);
        rig.client(data(1, message('two'), END_STREAM));
        rig.server(answerHead(1), data(1, message('reply')), answerEnd(1));
        rig.client(call(3), data(3, message('x')), reset(3, 8));
        expect(await rig.settled()).toMatchObject({ 'mirrored 2xx': 1 });
        expect(rig.book.sums().copies.find(({ outcome }) => outcome === 'recorded')?.count).toBe(1);
      }
      const { readdir } = await import('node:fs/promises');
      const [name] = await readdir(folder);
      const record = JSON.parse((await readFile(join(folder, name!), 'utf8')).split('\n')[0]!) as object;
      expect(JSON.stringify(record)).toContain('grpc-status');
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});

describe('an ordinary server', () => {
  it('hears unary calls as they were', async () => {
    await using mirror = await H2Mirror.start(ANSWERING);
    await using rig = new GrpcRig(to(mirror));
    rig.client(Buffer.concat([call(1), data(1, message('one'), END_STREAM)]));
    rig.server(Buffer.concat([answerHead(1), data(1, message('ok')), answerEnd(1)]));
    expect(await rig.settled()).toEqual({ 'mirrored 2xx': 1 });
    expect(textOf(mirror.heard[0]!)).toBe(message('one').latin1Slice());
  });
});
