import { Agent } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { SYN, TO_CLIENT, TO_SERVER } from '../../../src/tap/segment.ts';
import { requireKernel } from '../../support/kernel.ts';
import { Pod } from '../../support/netns.ts';
import { Recorder, endpointAt, streamsOf } from './recorder.ts';
import { connected, echo, get, serve } from './traffic.ts';

const MIB = 1024 * 1024;

/** A pod with a server on 8080, tapped by tcx; all of it goes when the test ends. */
async function tappedPod(kind: 'http' | 'echo', ringBytes = MIB): Promise<{ pod: Pod; recorder: Recorder }> {
  const pod = new Pod();
  onTestFinished(pod.delete);
  await serve(kind, pod, 8080);
  const recorder = await Recorder.start({ mode: 'tcx', rings: 1, ringBytes });
  onTestFinished(() => recorder.stop());
  await recorder.tap.attach(endpointAt({ netns: pod.netns }));
  return { pod, recorder };
}

const texts = (recorder: Recorder, direction: number): string[] =>
  recorder.records.filter((r) => r.direction === direction && r.payload.length > 0).map((r) => r.payload.toString('latin1'));

describe.skipIf(!requireKernel())('the cut-off of flows that are not HTTP', () => {
  it.each([
    ['TLS', Buffer.from('160301020001000001fc0303', 'hex')],
    ['a length-prefixed protocol', Buffer.from('0000002c00030000', 'hex')],
    ['lower-case text', Buffer.from('ping pong')],
    ['an upper-case letter followed by binary', Buffer.from('50000100', 'hex')],
  ])('copies nothing of %s, and counts it', async (_name, first) => {
    const { pod, recorder } = await tappedPod('echo');
    const socket = await connected(pod.address, 8080);
    await echo(socket, first);
    for (let i = 0; i < 10; i++) await echo(socket, `later ${i}`);
    socket.destroy();
    await recorder.settle(() => true);
    expect(recorder.records.filter((r) => r.payload.length > 0)).toEqual([]);
    expect(recorder.tap.counters()).toMatchObject({ muted_flows: 1, shed: 0 });
    expect(recorder.tap.stats().notHttp).toBeGreaterThanOrEqual(22);
  });

  it.each(['GET / HTTP/1.1\r\n\r\n', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', '\r\nPOST / HTTP/1.1\r\n\r\n', 'M-SEARCH * HTTP/1.1\r\n\r\n', 'G'])(
    'goes on copying what begins with %j',
    async (first) => {
      const { pod, recorder } = await tappedPod('echo');
      const socket = await connected(pod.address, 8080);
      await echo(socket, first);
      await echo(socket, '\x00\x01binary\xff');
      socket.destroy();
      await recorder.settle(() => texts(recorder, TO_CLIENT).length === 2);
      expect(texts(recorder, TO_SERVER)[0]).toBe(first);
      expect(texts(recorder, TO_SERVER)).toHaveLength(2);
      expect(recorder.tap.counters().muted_flows).toBe(0);
    },
  );

  it('looks again when the same ports make a new connection', async () => {
    const { pod, recorder } = await tappedPod('echo');
    const localPort = 40001;
    for (const first of ['\x16\x03\x01', 'GET / HTTP/1.1\r\n\r\n']) {
      const socket = await connected(pod.address, 8080, localPort);
      await echo(socket, first);
      // A reset leaves no TIME_WAIT behind, so that the ports are free at once.
      socket.resetAndDestroy();
      await sleep(20);
    }
    await recorder.settle(() => texts(recorder, TO_CLIENT).length === 1);
    expect(texts(recorder, TO_SERVER)).toEqual(['GET / HTTP/1.1\r\n\r\n']);
  });
});

describe.skipIf(!requireKernel())('mute', () => {
  async function mutedAtFirstData(forever: boolean): Promise<string[]> {
    const { pod, recorder } = await tappedPod('echo');
    const socket = await connected(pod.address, 8080);
    await echo(socket, 'GET /1 HTTP/1.1\r\n\r\n');
    recorder.drain((segment, source) => {
      if (segment.direction === TO_SERVER && segment.end > segment.start) source.mute(segment, forever);
    });
    await echo(socket, 'websocket frames');
    await echo(socket, 'GET of a kind');
    await echo(socket, 'GET /2 HTTP/1.1\r\n\r\n');
    await echo(socket, 'the rest of it');
    socket.destroy();
    await recorder.settle(() => true);
    expect(recorder.tap.counters().shed).toBe(0);
    const resyncs = recorder.records.filter((r) => r.resync);
    expect(resyncs.map((r) => r.payload.toString())).toEqual(forever ? [] : ['GET /2 HTTP/1.1\r\n\r\n']);
    expect(recorder.tap.stats().notHttp).toBeGreaterThan(0);
    return texts(recorder, TO_SERVER);
  }

  it('copies nothing until the client begins a request', async () => {
    expect(await mutedAtFirstData(false)).toEqual(['GET /1 HTTP/1.1\r\n\r\n', 'GET /2 HTTP/1.1\r\n\r\n', 'the rest of it']);
  });

  it('copies nothing more of the connection if it is for ever', async () => {
    expect(await mutedAtFirstData(true)).toEqual(['GET /1 HTTP/1.1\r\n\r\n']);
  });
});

describe.skipIf(!requireKernel())('a ring that is full', () => {
  it('sheds whole flows and takes them up again at a request, so that no stream has a hole', async () => {
    const { pod, recorder } = await tappedPod('http', 256 * 1024);
    const agents = Array.from({ length: 8 }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
    onTestFinished(() => agents.forEach((agent) => agent.destroy()));
    const body = Buffer.alloc(2_000, 'x');
    let sent = 0;
    // The reader stands still for three bursts, then keeps up for three.
    for (let burst = 0; burst < 6; burst++) {
      for (let i = 0; i < 10; i++) {
        await Promise.all(agents.map((agent) => get(pod.address, 8080, `/bytes/1000?${sent++}`, { agent, body })));
        if (burst >= 3) recorder.drain();
      }
      if (burst === 2) recorder.drain();
    }
    await recorder.settle(() => true);
    const counters = recorder.tap.counters();
    expect(counters.shed_flows).toBeGreaterThanOrEqual(8);
    expect(counters.resyncs).toBeGreaterThanOrEqual(8);
    expect(counters.seen).toBe(counters.copied + counters.acks + counters.shed);
    expect(counters.copied).toBe(recorder.records.length);

    const streams = streamsOf(recorder.records);
    expect([...streams.values()].reduce((sum, stream) => sum + stream.holes, 0)).toBe(0);
    expect(recorder.records.filter((r) => r.resync).every((r) => /^POST \/bytes/.test(r.payload.toString('latin1')))).toBe(true);
    // Everything from the last bursts is there, on connections that had all been shed before.
    const seen = new Set(recorder.records.flatMap((r) => r.payload.toString('latin1').match(/^POST \/bytes\/1000\?(\d+)/)?.slice(1) ?? []));
    for (let n = 320; n < sent; n++) expect(seen).toContain(String(n));
  });

  it('lets flows come back only when it is half empty', async () => {
    const { pod, recorder } = await tappedPod('http', 256 * 1024);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    onTestFinished(() => agent.destroy());
    while (recorder.tap.counters().shed === 0) await get(pod.address, 8080, '/bytes/20000', { agent });
    for (let i = 0; i < 20; i++) await get(pod.address, 8080, '/while-full', { agent });
    expect(recorder.tap.counters().resyncs).toBe(0);
    recorder.drain();
    await get(pod.address, 8080, '/when-empty', { agent });
    await recorder.settle(() => true);
    expect(recorder.records.filter((r) => r.resync).map((r) => /^GET (\S+)/.exec(r.payload.toString())?.[1])).toEqual(['/when-empty']);
  });

  it('takes up a connection whose handshake it could not copy', async () => {
    const { pod, recorder } = await tappedPod('http', 256 * 1024);
    // Until not even the smallest record fits.
    let copied: number;
    do {
      copied = recorder.tap.counters().copied;
      await get(pod.address, 8080, '/bytes/300');
    } while (recorder.tap.counters().copied > copied);
    const late = await connected(pod.address, 8080);
    await sleep(20);
    recorder.drain();
    recorder.records.length = 0;
    late.write('GET /late HTTP/1.1\r\nhost: a\r\n\r\n');
    await recorder.settle(() => recorder.records.length >= 2);
    late.destroy();
    expect(recorder.records.some((r) => r.flags & SYN)).toBe(false);
    expect(recorder.records[0]).toMatchObject({ resync: true, direction: TO_SERVER });
    expect(recorder.records[1]!.payload.toString()).toMatch(/^HTTP\/1\.1 200/);
  });

  it('wakes the reader once when it is a quarter full', async () => {
    const { pod, recorder } = await tappedPod('http', MIB);
    const wake = new Int32Array(recorder.tap.sources[0]!.wake);
    await get(pod.address, 8080, '/bytes/100000');
    await sleep(50);
    expect(Atomics.load(wake, 0)).toBeLessThanOrEqual(1); // epoll tells once what was there when it began.
    const before = Atomics.load(wake, 0);
    for (let i = 0; i < 4; i++) await get(pod.address, 8080, '/bytes/100000');
    await sleep(50);
    expect(Atomics.load(wake, 0)).toBe(before + 1);
    recorder.drain();
    for (let i = 0; i < 5; i++) await get(pod.address, 8080, '/bytes/100000');
    await sleep(50);
    expect(Atomics.load(wake, 0)).toBe(before + 2);
  });
});
