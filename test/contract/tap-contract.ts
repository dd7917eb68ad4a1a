import type { ChildProcess } from 'node:child_process';
import { Agent } from 'node:http';
import type { Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { FIN, RST, SYN, TO_CLIENT, TO_SERVER } from '../../src/tap/segment.ts';
import type { EndpointLocation, Tap } from '../../src/tap/tap.ts';
import { clientPort, endpointAt, onlyConnection, streamsOf, type Recorded } from '../tap/ebpf/recorder.ts';
import { connected, echo, end, get, serve } from '../tap/ebpf/traffic.ts';
import { data, get as get2, ping, PREFACE, settings } from '../http/h2/frames.ts';
import { requireKernel } from '../support/kernel.ts';
import { Cgroup, Pod } from '../support/netns.ts';
import { FRAMES, NO_FRAMES } from './frame-cases.ts';
import { TapRecorder } from './recorder.ts';

const MIB = 1 << 20;
const HTTP_PORT = 8080;
const ECHO_PORT = 9090;

export interface TapUnderTest {
  readonly make: (options: { readonly rings: number; readonly ringBytes: number }) => Tap;
  /** How this tap finds a pod whose servers run in `cgroup`. */
  readonly locate: (pod: Pod, cgroup: Cgroup) => EndpointLocation;
  /** A place that does not exist. */
  readonly nowhere: EndpointLocation;
}

/** What every live tap promises, on a real namespace with real servers. */
export function describeTapContract(name: string, { make, locate, nowhere }: TapUnderTest): void {
  describe.skipIf(!requireKernel())(`the tap ${name}`, () => {
    let pod: Pod;
    let cgroup: Cgroup;
    const servers: ChildProcess[] = [];
    let location: EndpointLocation;
    let recorder: TapRecorder;

    beforeAll(async () => {
      pod = new Pod();
      cgroup = new Cgroup();
      servers.push(await serve('http', pod, HTTP_PORT, cgroup), await serve('echo', pod, ECHO_PORT, cgroup));
      location = locate(pod, cgroup);
    });
    afterEach(async () => {
      await recorder?.stop();
    });
    afterAll(async () => {
      for (const server of servers) await end(server);
      pod.delete();
      cgroup.delete();
    });

    async function started(options: { rings?: number; ringBytes?: number } = {}): Promise<TapRecorder> {
      recorder = await TapRecorder.start(make({ rings: 1, ringBytes: 16 * MIB, ...options }));
      return recorder;
    }

    async function tapping(ports: readonly number[] = [HTTP_PORT], options: { rings?: number; ringBytes?: number } = {}): Promise<TapRecorder> {
      await started(options);
      await recorder.tap.attach(endpointAt(location, ports));
      return recorder;
    }

    /**
     * Whoever closes first does so when all data has passed. A cgroup's programs do not see the other side's FIN if the
     * socket is in TIME-WAIT by then.
     */
    const finished = (connections = 1) => (): boolean =>
      new Set(begun(recorder.records).filter(({ flags }) => flags & FIN).map(clientPort)).size >= connections;

    it('has a name and one source for each ring', async () => {
      await started({ rings: 3 });
      expect(recorder.tap.name).toBe(name);
      expect(recorder.tap.sources).toHaveLength(3);
    });

    it.each([
      ['IPv4', () => pod.address],
      ['IPv6', () => pod.address6],
    ])('delivers a request and its response whole over %s, each in its direction', async (_family, address) => {
      const { records } = await tapping();
      await get(address(), HTTP_PORT, '/a?b=c');
      await recorder.until(finished());
      const { requests, responses } = onlyConnection(begun(records));
      expect(requests.bytes.toString()).toMatch(/^GET \/a\?b=c HTTP\/1\.1\r\n[^]*\r\n\r\n$/);
      expect(responses.bytes.toString()).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*hello$/);
      expect(requests.holes + responses.holes).toBe(0);
      for (const { direction, dport, sport } of records) expect(direction === TO_SERVER ? dport : sport).toBe(HTTP_PORT);
    });

    it('marks segments with their endpoint and connection, handshake and end included, and copies no pure ACKs', async () => {
      const { records } = await tapping();
      await get(pod.address, HTTP_PORT);
      await recorder.until(finished());
      expect(new Set(records.map(({ endpoint }) => endpoint))).toEqual(new Set([7]));
      expect(new Set(begun(records).map(({ hash }) => hash)).size).toBe(1);
      expect(records.filter(({ flags }) => flags & SYN).map(({ direction }) => direction)).toEqual([TO_SERVER, TO_CLIENT]);
      expect(records.filter(({ payload, flags }) => payload.length === 0 && (flags & (SYN | FIN | RST)) === 0)).toEqual([]);
    });

    it('delivers 1 MiB each way byte for byte', async () => {
      const { records } = await tapping();
      const upload = Buffer.from(Array.from({ length: MIB }, (_, i) => (i * 2654435761) >>> 24));
      const download = await get(pod.address, HTTP_PORT, `/bytes/${MIB}`, { body: upload });
      await recorder.until(finished());
      const { requests, responses } = onlyConnection(begun(records));
      expect(contentOf(requests.bytes).equals(upload)).toBe(true);
      expect(contentOf(responses.bytes).equals(download)).toBe(true);
      expect(recorder.badRecords).toBe(0);
    });

    it('stamps segments with the monotonic clock, rising along each connection', async () => {
      const { records } = await tapping();
      const before = monotonicUs();
      await get(pod.address, HTTP_PORT, `/bytes/${MIB}`);
      await recorder.until(finished());
      const after = monotonicUs();
      // A millisecond of grace: the two directions may be stamped on two processors, and libpcap's clock is converted.
      begun(records).forEach(({ timeUs }, i, all) => expect(timeUs).toBeGreaterThan((all[i - 1]?.timeUs ?? 0) - 1000));
      expect(records[0]!.timeUs).toBeGreaterThan(before - 5000);
      expect(records.at(-1)!.timeUs).toBeLessThan(after + 5000);
    });

    it('sees a client within the pod once', async () => {
      const { records } = await tapping();
      pod.run('curl', '-sf', `http://127.0.0.1:${HTTP_PORT}/inside`);
      await recorder.until(finished());
      await recorder.quiet();
      const { requests } = onlyConnection(begun(records));
      expect(requests.bytes.toString()).toMatch(/^GET \/inside /);
      expect(records.filter(({ direction, payload }) => direction === TO_SERVER && payload.length > 0)).toHaveLength(1);
    });

    it('picks up a connection that is older than itself', async () => {
      const socket = await connected(pod.address, ECHO_PORT);
      await echo(socket, 'GET /before HTTP/1.1\r\n\r\n');
      const { records } = await tapping([ECHO_PORT]);
      await echo(socket, 'GET /after HTTP/1.1\r\n\r\n');
      socket.destroy();
      await recorder.until(() => records.some(({ direction, payload }) => direction === TO_CLIENT && payload.length > 0));
      expect(onlyConnection(records).requests.bytes.toString()).toBe('GET /after HTTP/1.1\r\n\r\n');
    });

    it('keeps both directions of a connection in one ring, and uses all rings', async () => {
      const { records } = await tapping([HTTP_PORT], { rings: 2 });
      for (let i = 0; i < 40; i++) await get(pod.address, HTTP_PORT);
      await recorder.until(finished(40));
      const rings = new Map<number, Set<number>>();
      for (const record of begun(records)) rings.set(clientPort(record), (rings.get(clientPort(record)) ?? new Set()).add(record.ring));
      expect(rings.size).toBe(40);
      expect([...rings.values()].every(({ size }) => size === 1)).toBe(true);
      expect(new Set(records.map(({ ring }) => ring))).toEqual(new Set([0, 1]));
    });

    it('sees only the ports that it was given', async () => {
      const { records } = await tapping([ECHO_PORT]);
      await get(pod.address, HTTP_PORT);
      await recorder.quiet();
      expect(begun(records)).toEqual([]);
    });

    it('delivers once though attached twice, and takes new ports for a known endpoint', async () => {
      const { records, tap } = await tapping();
      await tap.attach(endpointAt(location, [HTTP_PORT]));
      await get(pod.address, HTTP_PORT);
      await recorder.until(finished());
      expect(records.filter(({ flags }) => flags & SYN)).toHaveLength(2);
      await tap.attach(endpointAt(location, [ECHO_PORT]));
      records.length = 0;
      await get(pod.address, HTTP_PORT);
      await recorder.quiet();
      expect(begun(records)).toEqual([]);
      const socket = await connected(pod.address, ECHO_PORT);
      await echo(socket, 'GET / HTTP/1.1\r\n\r\n');
      socket.destroy();
      await recorder.until(() => records.some(({ payload }) => payload.length > 0));
    });

    it('delivers nothing more once detached, and attaches again', async () => {
      const { records, tap } = await tapping();
      await tap.detach(7);
      await get(pod.address, HTTP_PORT);
      await recorder.quiet();
      expect(begun(records)).toEqual([]);
      await tap.attach(endpointAt(location, [HTTP_PORT]));
      await get(pod.address, HTTP_PORT);
      await recorder.until(finished());
    });

    it('ignores endpoints that it does not know, and a second stop', async () => {
      const { tap } = await tapping();
      await tap.detach(4711);
      await tap.detach(7);
      await tap.detach(7);
      await recorder.stop();
      await recorder.stop();
    });

    it('refuses a place that does not exist and goes on with others', async () => {
      const { records, tap } = await started();
      await expect(tap.attach({ ...endpointAt(nowhere), id: 8 })).rejects.toMatchObject({ name: 'ShadowtapError', code: 'ENDPOINT' });
      await tap.attach(endpointAt(location));
      await get(pod.address, HTTP_PORT);
      await recorder.until(finished());
      expect(records.every(({ endpoint }) => endpoint === 7)).toBe(true);
    });

    it('counts what it does', async () => {
      const { records, tap } = await tapping();
      await get(pod.address, HTTP_PORT, '/bytes/100000');
      await recorder.until(finished());
      // The other side's end is under way still.
      await recorder.until(() => tap.stats().copied === records.length);
      const { seen, copied, bytes, shed, shedFlows, notHttp, lost } = tap.stats();
      expect(copied).toBe(records.length);
      expect(bytes).toBe(records.reduce((sum, { payload }) => sum + payload.length, 0));
      expect(seen).toBeGreaterThan(copied); // pure ACKs
      expect({ shed, shedFlows, notHttp, lost }).toEqual({ shed: 0, shedFlows: 0, notHttp: 0, lost: 0 });
    });

    it('copies nothing of a connection that does not begin as HTTP does', async () => {
      const { records, tap } = await tapping([ECHO_PORT]);
      const socket = await connected(pod.address, ECHO_PORT);
      await echo(socket, Buffer.from('16030100', 'hex'));
      await echo(socket, 'GET /not-a-request HTTP/1.1\r\n\r\n');
      await recorder.quiet();
      socket.destroy();
      expect(records.filter(({ payload }) => payload.length > 0)).toEqual([]);
      expect(tap.stats().notHttp).toBeGreaterThanOrEqual(4);
      expect(tap.stats().notHttpFlows).toBe(1);
    });

    it('copies no more of a connection that a worker has muted', async () => {
      const { records } = await tapping([ECHO_PORT]);
      const socket = await connected(pod.address, ECHO_PORT);
      await echo(socket, 'GET /first HTTP/1.1\r\n\r\n');
      await recorder.until(() => lastOf(records) !== undefined);
      await echo(socket, 'GET /second HTTP/1.1\r\n\r\n');
      await drainMuting(recorder, true);
      await echo(socket, 'GET /third HTTP/1.1\r\n\r\n');
      await recorder.quiet();
      socket.destroy();
      expect(requestsIn(records)).toEqual(['GET /first', 'GET /second']);
    });

    it('lets a connection that a worker has muted for now come back with its next request', async () => {
      const { records } = await tapping([ECHO_PORT]);
      const socket = await connected(pod.address, ECHO_PORT);
      await echo(socket, 'POST /upload HTTP/1.1\r\n\r\n');
      await drainMuting(recorder, false);
      await echo(socket, 'the rest of a body');
      await echo(socket, 'GET /next HTTP/1.1\r\n\r\n');
      await recorder.until(() => requestsIn(records).length === 2);
      socket.destroy();
      expect(requestsIn(records)).toEqual(['POST /upload', 'GET /next']);
      expect(records.filter(({ resync }) => resync).map(({ payload }) => payload.toString('latin1', 0, 9))).toEqual(['GET /next']);
    });

    it('lets a connection of HTTP/2 come back where a packet of the client begins with a frame, and nowhere else', async () => {
      const { records } = await tapping([ECHO_PORT]);
      const socket = await connected(pod.address, ECHO_PORT);
      await echo(socket, Buffer.concat([PREFACE, settings()]));
      await drainMuting(recorder, false);
      for (const bytes of NO_FRAMES) await echo(socket, bytes);
      const next = get2(3, '/next');
      await echo(socket, next);
      await echo(socket, 'the rest of it');
      await recorder.until(() => lastOf(records)?.payload.toString() === 'the rest of it');
      socket.destroy();
      const sent = records.filter(({ direction, payload }) => direction === TO_SERVER && payload.length > 0);
      expect(sent.map(({ payload, resync }) => [payload.toString('latin1'), resync])).toEqual([
        [Buffer.concat([PREFACE, settings()]).toString('latin1'), false],
        [next.toString('latin1'), true],
        ['the rest of it', false],
      ]);
    });

    it.each(FRAMES.map((bytes) => [bytes.toString('hex'), bytes]))('takes %s for the beginning of a frame', async (_hex, bytes) => {
      const { records } = await tapping([ECHO_PORT]);
      const socket = await connected(pod.address, ECHO_PORT);
      await echo(socket, PREFACE);
      await drainMuting(recorder, false);
      await echo(socket, bytes);
      await recorder.until(() => records.some(({ resync }) => resync));
      socket.destroy();
    });

    it('sheds whole flows while its reader stalls, without holes, and comes back', async () => {
      const { records, tap } = await tapping([HTTP_PORT], { ringBytes: MIB / 2 });
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      try {
        for (let i = 0; i < 30; i++) await get(pod.address, HTTP_PORT, '/bytes/50000', { agent });
        // What was captured last is still on its way through libpcap's buffer.
        await new Promise((resolve) => setTimeout(resolve, 100));
        expect(tap.stats().shed).toBeGreaterThan(0);
        expect(tap.stats().shedFlows).toBeGreaterThan(0);
        recorder.drain();
        await get(pod.address, HTTP_PORT, '/bytes/50000', { agent });
        await recorder.until(() => records.some(({ resync }) => resync));
        await get(pod.address, HTTP_PORT, '/last', { agent });
        await recorder.until(() => requestsIn(records).includes('GET /last'));
      } finally {
        agent.destroy();
      }
      for (const { holes } of streamsOf(records).values()) expect(holes).toBe(0);
      expect(records.filter(({ resync }) => resync).every(({ payload }) => payload.toString('latin1', 0, 4) === 'GET ')).toBe(true);
    });

    it('sheds HTTP/1.x while its reader stalls, and keeps room for HTTP/2', async () => {
      const { records, tap } = await tapping([HTTP_PORT, ECHO_PORT], { ringBytes: MIB / 4 });
      const http2 = await connected(pod.address, ECHO_PORT);
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      const sent: Buffer[] = [Buffer.concat([PREFACE, settings()])];
      const of = ({ localPort }: Socket): Recorded[] => records.filter((record) => clientPort(record) === localPort);
      try {
        await echo(http2, sent[0]!);
        await recorder.quiet();
        // Small packets, so that nothing else would have room either.
        while (tap.stats().shedFlows === 0) await get(pod.address, HTTP_PORT, '/bytes/300', { agent });
        for (let i = 0; i < 30; i++) {
          sent.push(data(1, `message ${i} `.repeat(30)));
          await echo(http2, sent.at(-1)!);
        }
        // A connection that begins when there is no room for others.
        const late = await connected(pod.address, ECHO_PORT);
        await echo(late, sent[0]!);
        await echo(late, ping());
        await new Promise((resolve) => setTimeout(resolve, 100));
        expect(tap.stats().shedFlows).toBe(1);
        recorder.drain();
        expect(onlyConnection(of(late)).requests.bytes.equals(Buffer.concat([sent[0]!, ping()]))).toBe(true);
        late.destroy();
      } finally {
        agent.destroy();
      }
      const { requests, responses } = onlyConnection(of(http2));
      for (const { bytes, holes } of [requests, responses]) expect([bytes.equals(Buffer.concat(sent)), holes]).toEqual([true, 0]);
      expect(of(http2).some(({ resync }) => resync)).toBe(false);
      http2.destroy();
      for (const { holes } of streamsOf(records).values()) expect(holes).toBe(0);
    });

    it('sheds HTTP/2 where there is nothing else to shed, and takes it up at a frame', async () => {
      const { records, tap } = await tapping([ECHO_PORT], { ringBytes: MIB / 2 });
      const socket = await connected(pod.address, ECHO_PORT);
      await echo(socket, Buffer.concat([PREFACE, settings()]));
      for (let i = 0; i < 60; i++) await echo(socket, data(1, 'x'.repeat(8000)));
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect(tap.stats().shedFlows).toBe(1);
      recorder.drain();
      await echo(socket, get2(3, '/again'));
      await recorder.until(() => records.some(({ resync }) => resync));
      socket.destroy();
      for (const { holes } of streamsOf(records).values()) expect(holes).toBe(0);
    });
  });
}

/** Only connections whose handshake was seen: the last packets of an earlier test's connection may still come. */
function begun(records: readonly Recorded[]): Recorded[] {
  const ports = new Set(records.filter(({ flags }) => flags & SYN).map(clientPort));
  return records.filter((record) => ports.has(clientPort(record)));
}

function contentOf(message: Buffer): Buffer {
  return message.subarray(message.indexOf('\r\n\r\n') + 4);
}

function monotonicUs(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

function lastOf(records: readonly Recorded[]): Recorded | undefined {
  return records.findLast(({ payload }) => payload.length > 0);
}

/** The first two words of each client payload. */
function requestsIn(records: readonly Recorded[]): string[] {
  return records.flatMap(({ direction, payload }) =>
    direction === TO_SERVER && payload.length > 0 ? [payload.toString('latin1').split(' ').slice(0, 2).join(' ')] : [],
  );
}

/** Mutes the connection of the next client payload, in the handler as workers do, and leaves the tap time to notice. */
async function drainMuting(recorder: TapRecorder, forever: boolean): Promise<void> {
  let muted = false;
  const deadline = performance.now() + 5000;
  while (!muted && performance.now() < deadline) {
    recorder.drain((segment, source) => {
      if (muted || segment.direction !== TO_SERVER || segment.end === segment.start) return;
      source.mute(segment, forever);
      muted = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await recorder.quiet();
}
