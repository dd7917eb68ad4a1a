import type { ChildProcess } from 'node:child_process';
import { Agent } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { FIN, SYN } from '../../../src/tap/segment.ts';
import type { AttachMode } from '../../../src/tap/ebpf/ebpf-tap.ts';
import type { EndpointLocation } from '../../../src/tap/tap.ts';
import { requireKernel } from '../../support/kernel.ts';
import { Cgroup, Pod, type PodOptions } from '../../support/netns.ts';
import { Recorder, clientPort, endpointAt, onlyConnection, streamsOf } from './recorder.ts';
import { end, get, serve } from './traffic.ts';

const MIB = 1024 * 1024;
const RINGS = { rings: 1, ringBytes: 16 * MIB };

const bodyOf = (response: Buffer): Buffer => response.subarray(response.indexOf('\r\n\r\n') + 4);

describe.skipIf(!requireKernel()).each<AttachMode>(['tcx', 'cgroup', 'clsact'])('the eBPF tap attached by %s', (mode) => {
  let pod: Pod;
  let cgroup: Cgroup;
  let server: ChildProcess;
  let other: ChildProcess;
  let location: EndpointLocation;
  let recorder: Recorder;

  beforeAll(async () => {
    pod = new Pod();
    cgroup = new Cgroup();
    server = await serve('http', pod, 8080, cgroup);
    other = await serve('http', pod, 9090, cgroup);
    location = mode === 'cgroup' ? { cgroup: cgroup.path } : { netns: pod.netns };
  });

  afterEach(async () => {
    await recorder.stop();
  });

  afterAll(async () => {
    await end(server);
    await end(other);
    pod.delete();
    cgroup.delete();
  });

  async function tapped(ports = [8080]): Promise<Recorder> {
    recorder = await Recorder.start({ mode, ...RINGS });
    await recorder.tap.attach(endpointAt(location, ports));
    return recorder;
  }

  it.each([
    ['IPv4', () => pod.address],
    ['IPv6', () => pod.address6],
  ])('delivers a request and its response whole over %s', async (_family, address) => {
    const { records } = await tapped();
    await get(address(), 8080, '/path?q=1');
    await recorder.settle(() => records.filter((r) => r.flags & FIN).length === 2);
    expect(records.filter((r) => r.flags & SYN)).toHaveLength(2);
    expect(records.filter((r) => r.flags & FIN)).toHaveLength(2);
    expect(new Set(records.map((r) => r.endpoint))).toEqual(new Set([7]));
    expect(new Set(records.map((r) => r.hash)).size).toBe(1);
    const { requests, responses } = onlyConnection(records);
    expect(requests.bytes.toString()).toMatch(/^GET \/path\?q=1 HTTP\/1\.1\r\n[^]*\r\n\r\n$/);
    expect(responses.bytes.toString()).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*hello$/);
    expect(records.every((r, i) => i === 0 || r.timeUs >= records[i - 1]!.timeUs)).toBe(true);
  });

  it('delivers 1 MiB each way byte for byte, from packets larger than the MTU', async () => {
    const { records } = await tapped();
    const upload = Buffer.alloc(MIB, 'request body ');
    const download = await get(pod.address, 8080, `/bytes/${MIB}`, { body: upload });
    await recorder.settle(() => records.filter((r) => r.flags & FIN).length === 2);
    const { requests, responses } = onlyConnection(records);
    expect(bodyOf(requests.bytes).equals(upload)).toBe(true);
    expect(bodyOf(responses.bytes).equals(download)).toBe(true);
    expect(requests.holes + responses.holes).toBe(0);
    expect(Math.max(...records.map((r) => r.payload.length))).toBeGreaterThan(1500);
    expect(recorder.badRecords).toBe(0);
  });

  it('sees a client in the same pod once', async () => {
    const { records } = await tapped();
    const script = "require('http').get('http://127.0.0.1:8080/local', r => r.resume())";
    const join = `require('fs').writeFileSync('${cgroup.path}/cgroup.procs', String(process.pid));`;
    pod.run(process.execPath, '-e', join + script);
    await recorder.settle(() => records.some((r) => r.flags & FIN));
    expect(records.filter((r) => r.payload.length > 0)).toHaveLength(2);
    expect(records.filter((r) => r.flags & SYN)).toHaveLength(2);
    expect(onlyConnection(records).requests.bytes.toString()).toMatch(/^GET \/local /);
  });

  it('picks up a connection that is older than itself', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    await get(pod.address, 8080, '/before', { agent });
    const { records } = await tapped();
    await get(pod.address, 8080, '/after', { agent });
    agent.destroy();
    await recorder.settle(() => records.length >= 2);
    expect(records.some((r) => r.flags & SYN)).toBe(false);
    const { requests, responses } = onlyConnection(records);
    expect(requests.bytes.toString()).toMatch(/^GET \/after /);
    expect(responses.bytes.toString()).toMatch(/^HTTP\/1\.1 200 OK/);
  });

  it('copies the ports that it was told, and others when it is told others', async () => {
    const { records } = await tapped([8080]);
    await get(pod.address, 9090, '/untapped');
    await get(pod.address, 8080, '/first');
    await recorder.settle(() => records.length >= 6);
    await recorder.tap.attach(endpointAt(location, [9090]));
    await get(pod.address, 8080, '/no-more');
    await get(pod.address, 9090, '/second');
    await recorder.settle(() => records.length >= 12);
    const requests = records.map((r) => /^GET (\S+)/.exec(r.payload.toString())?.[1]).filter((path) => path !== undefined);
    expect(requests).toEqual(['/first', '/second']);
  });

  it('copies nothing after detach', async () => {
    const { records } = await tapped();
    await recorder.tap.detach(7);
    await recorder.tap.detach(7);
    await get(pod.address, 8080);
    await recorder.settle(() => true);
    expect(records).toEqual([]);
  });

  it('does not take the pod’s own requests to elsewhere for requests to the pod', async () => {
    const { records } = await tapped([8080]);
    const elsewhere = await serve('http', pod, 18080);
    pod.run(process.execPath, '-e', "require('http').get('http://127.0.0.1:18080/', r => r.resume())");
    await end(elsewhere);
    await recorder.settle(() => true);
    expect(records).toEqual([]);
  });

  it('counts what it sees and copies', async () => {
    const { records, tap } = await tapped();
    await get(pod.address, 8080);
    await recorder.settle(() => records.filter((r) => r.flags & FIN).length === 2);
    const counters = tap.counters();
    expect(counters.copied).toBe(records.length);
    expect(counters.bytes).toBe(records.reduce((sum, r) => sum + r.payload.length, 0));
    expect(counters.acks).toBeGreaterThan(0);
    expect(counters.seen).toBe(counters.copied + counters.acks);
    expect(tap.stats()).toMatchObject({ seen: counters.seen, copied: counters.copied, shed: 0, notHttp: 0, lost: 0 });
  });
});

describe.skipIf(!requireKernel())('the eBPF tap', () => {
  it.each<[string, boolean]>([['with', true], ['without', false]])('carries 4 MiB %s segmentation offloads', async (_word, offloads) => {
    const { pod, recorder } = await tappedPod({ offloads });
    const body = await get(pod.address, 8080, `/bytes/${4 * MIB}`);
    await recorder.settle(() => recorder.records.filter((r) => r.flags & FIN).length === 2);
    const { responses } = onlyConnection(recorder.records);
    expect(bodyOf(responses.bytes).equals(body)).toBe(true);
    const largest = Math.max(...recorder.records.map((r) => r.payload.length));
    if (offloads) expect(largest).toBeGreaterThan(1460);
    else expect(largest).toBeLessThanOrEqual(1460);
  });

  it('takes BIG TCP packets of more than 64 KiB whole', async () => {
    const { pod, recorder } = await tappedPod();
    pod.allowBigTcp(185_000);
    const body = await get(pod.address6, 8080, `/bytes/${8 * MIB}`);
    await recorder.settle(() => recorder.records.filter((r) => r.flags & FIN).length === 2);
    const { responses } = onlyConnection(recorder.records);
    expect(bodyOf(responses.bytes).equals(body)).toBe(true);
    expect(Math.max(...recorder.records.map((r) => r.payload.length))).toBeGreaterThan(65536);
  });

  it('taps a pod from the host’s end of its cable, by address', async () => {
    const { pod, recorder } = await tappedPod();
    const interfaces = [pod.hostInterface];
    await recorder.tap.detach(7);
    await recorder.tap.attach(endpointAt({ interfaces, addresses: [pod.address, pod.address6] }, [8080], 1));
    await recorder.tap.attach(endpointAt({ interfaces, addresses: [pod.hostAddress] }, [8080], 2));
    await get(pod.address, 8080, '/four');
    await get(pod.address6, 8080, '/six');
    await recorder.settle(() => recorder.records.filter((r) => r.flags & FIN).length === 4);
    expect(new Set(recorder.records.map((r) => r.endpoint))).toEqual(new Set([1]));
    expect([...streamsOf(recorder.records).values()].map(({ bytes }) => bytes.toString().slice(0, 9))).toEqual([
      'GET /four', 'HTTP/1.1 ', 'GET /six ', 'HTTP/1.1 ',
    ]);
  });

  it('gives a connection to one ring and spreads connections over all', async () => {
    const { pod, recorder } = await tappedPod({}, { rings: 3, ringBytes: MIB });
    for (let i = 0; i < 20; i++) await Promise.all(Array.from({ length: 5 }, () => get(pod.address, 8080)));
    await recorder.settle(() => recorder.records.filter((r) => r.flags & FIN).length === 200);
    const rings = new Map<number, Set<number>>();
    for (const r of recorder.records) {
      rings.set(clientPort(r), (rings.get(clientPort(r)) ?? new Set()).add(r.ring));
    }
    expect(rings.size).toBe(100);
    expect([...rings.values()].every((used) => used.size === 1)).toBe(true);
    const share = [0, 1, 2].map((ring) => [...rings.values()].filter((used) => used.has(ring)).length);
    expect(Math.min(...share)).toBeGreaterThan(15);
  });
});

/** A pod with an HTTP server, tapped by tcx as endpoint 7; all of it goes when the test ends. */
async function tappedPod(options: PodOptions = {}, rings = RINGS): Promise<{ pod: Pod; recorder: Recorder }> {
  const pod = new Pod(options);
  onTestFinished(pod.delete);
  await serve('http', pod, 8080);
  const recorder = await Recorder.start({ mode: 'tcx', ...rings });
  onTestFinished(() => recorder.stop());
  await recorder.tap.attach(endpointAt({ netns: pod.netns }));
  return { pod, recorder };
}
