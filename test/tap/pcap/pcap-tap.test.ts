import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ShadowtapError } from '../../../src/errors.ts';
import { PcapTap, type PcapTapOptions } from '../../../src/tap/pcap/pcap-tap.ts';
import { FIN } from '../../../src/tap/segment.ts';
import { TapRecorder } from '../../contract/recorder.ts';
import { requireKernel } from '../../support/kernel.ts';
import { Pod } from '../../support/netns.ts';
import { endpointAt, onlyConnection } from '../ebpf/recorder.ts';
import { end, get, serve } from '../ebpf/traffic.ts';

const MIB = 1 << 20;
const AGENT = fileURLToPath(new URL('./agent-process.ts', import.meta.url));

function isAlive(pid: number): boolean {
  return existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
}

async function gone(pid: number): Promise<boolean> {
  const deadline = performance.now() + 5000;
  while (isAlive(pid) && performance.now() < deadline) await sleep(20);
  return !isAlive(pid);
}

/** Ticks of processor time, 100 to a second. */
function cpuTicks(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

function sockets(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).filter((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`).startsWith('socket:');
    } catch {
      return false; // closed meanwhile
    }
  }).length;
}

describe.skipIf(!requireKernel())('PcapTap', () => {
  let pod: Pod;
  let server: ChildProcess;
  let recorder: TapRecorder;
  let tap: PcapTap;

  beforeAll(async () => {
    pod = new Pod();
    server = await serve('http', pod, 8080);
  });
  afterEach(async () => {
    await recorder?.stop();
  });
  afterAll(async () => {
    await end(server);
    pod.delete();
  });

  async function started(options: Partial<PcapTapOptions> = {}): Promise<void> {
    tap = new PcapTap({ rings: 1, ...options });
    recorder = await TapRecorder.start(tap);
  }

  const finished = (): boolean => recorder.records.some(({ flags }) => flags & FIN);

  it('reports the death of its process, and taps the same endpoints when it is started again', async () => {
    const failures: ShadowtapError[] = [];
    await started({ onFailure: (error) => failures.push(error) });
    await tap.attach(endpointAt({ netns: pod.netns }));
    process.kill(tap.pid, 'SIGKILL');
    while (failures.length === 0) await sleep(5);
    expect(failures[0]).toMatchObject({ code: 'TAP_UNAVAILABLE', message: "the pcap tap's process ended by SIGKILL; start the tap again" });
    expect(tap.pid).toBe(-1);
    await expect(tap.attach(endpointAt({ netns: pod.netns }))).rejects.toMatchObject({ code: 'TAP_ATTACH' });
    await tap.start();
    await get(pod.address, 8080, '/again');
    await recorder.until(finished);
    expect(onlyConnection(recorder.records).requests.bytes.toString()).toMatch(/^GET \/again /);
    expect(failures).toHaveLength(1);
  });

  it('fails what was being asked when its process dies', async () => {
    await started();
    const attaching = tap.attach(endpointAt({ netns: pod.netns }));
    process.kill(tap.pid, 'SIGKILL');
    await expect(attaching).rejects.toMatchObject({ code: 'TAP_UNAVAILABLE' });
  });

  it('takes its process with it when it stops', async () => {
    await started();
    const { pid } = tap;
    expect(isAlive(pid)).toBe(true);
    await recorder.stop();
    expect(await gone(pid)).toBe(true);
    expect(tap.sources).toEqual([]);
  });

  it('has a process that ends with the agent, even when that is killed', async () => {
    const agent = spawn(process.execPath, [AGENT], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(agent.stdout, 'data')) as [Buffer];
    const pid = Number(line.toString());
    expect(isAlive(pid)).toBe(true);
    agent.kill('SIGKILL');
    expect(await gone(pid)).toBe(true);
  });

  it('leaves the end to the agent when a terminal interrupts both', async () => {
    await started();
    process.kill(tap.pid, 'SIGINT');
    process.kill(tap.pid, 'SIGTERM');
    await sleep(100);
    await tap.attach(endpointAt({ netns: pod.netns }));
  });

  it('closes its sockets when it detaches', async () => {
    await started();
    const before = sockets(tap.pid);
    for (let i = 0; i < 3; i++) {
      await tap.attach(endpointAt({ netns: pod.netns }));
      expect(sockets(tap.pid)).toBeGreaterThan(before);
      await tap.detach(7);
      expect(sockets(tap.pid)).toBe(before);
    }
  });

  it('stays calm when a namespace and its interfaces vanish, and goes on with others', async () => {
    await started();
    const other = new Pod();
    await tap.attach(endpointAt({ netns: other.netns }, [8080], 8));
    await tap.attach(endpointAt({ netns: pod.netns }));
    other.delete();
    await sleep(300);
    const before = cpuTicks(tap.pid);
    await sleep(1000);
    expect(cpuTicks(tap.pid) - before).toBeLessThan(20);
    await get(pod.address, 8080);
    await recorder.until(finished);
    await tap.detach(8);
    await expect(tap.attach(endpointAt({ netns: other.netns }, [8080], 8))).rejects.toMatchObject({ code: 'ENDPOINT' });
  });

  it('says which interface is missing', async () => {
    await started();
    const missing = endpointAt({ netns: pod.netns, interfaces: ['eth7'] });
    await expect(tap.attach(missing)).rejects.toMatchObject({ code: 'ENDPOINT', message: expect.stringContaining('eth7') as string });
    await expect(tap.attach(endpointAt({}))).rejects.toMatchObject({ code: 'ENDPOINT' });
  });

  it('does not take the pod’s own requests to elsewhere for requests to the pod', async () => {
    await started();
    await tap.attach(endpointAt({ netns: pod.netns }));
    const elsewhere = spawn(process.execPath, [fileURLToPath(new URL('../ebpf/server.mjs', import.meta.url)), 'http', '8080'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(elsewhere.stdout, 'data');
    pod.run('curl', '-sf', `http://${pod.hostAddress}:8080/elsewhere`);
    await end(elsewhere);
    await recorder.quiet();
    expect(recorder.records).toEqual([]);
  });

  it('taps a pod from the host’s end of its cable, by address', async () => {
    await started();
    const interfaces = [pod.hostInterface];
    await tap.attach(endpointAt({ interfaces, addresses: [pod.address6] }));
    await get(pod.address, 8080, '/four');
    await get(pod.address6, 8080, '/six');
    await recorder.until(finished);
    expect(onlyConnection(recorder.records).requests.bytes.toString()).toMatch(/^GET \/six /);
  });

  it('carries packets of more than 64 KiB whole (BIG TCP)', async () => {
    await started({ ringBytes: 64 * MIB, bufferBytes: 64 * MIB }); // A block of libpcap's buffer holds one such packet only.
    const big = new Pod();
    big.allowBigTcp(185_000);
    const bigServer = await serve('http', big, 8080);
    await tap.attach(endpointAt({ netns: big.netns }));
    const body = await get(big.address6, 8080, `/bytes/${8 * MIB}`);
    await recorder.until(finished);
    const { responses } = onlyConnection(recorder.records);
    expect(responses.bytes.subarray(-body.length).equals(body)).toBe(true);
    expect(Math.max(...recorder.records.map(({ payload }) => payload.length))).toBeGreaterThan(65536);
    await end(bigServer);
    await tap.detach(7);
    big.delete();
  });

  it('wakes the reader through the word of its ring', async () => {
    await started({ ringBytes: 256 * 1024 });
    await tap.attach(endpointAt({ netns: pod.netns }));
    const word = new Int32Array(tap.sources[0]!.wake);
    await get(pod.address, 8080, '/bytes/200000');
    const deadline = performance.now() + 5000;
    while (Atomics.load(word, 0) === 0 && performance.now() < deadline) await sleep(10);
    expect(Atomics.load(word, 0)).toBe(1);
  });

  it('refuses a ring whose size is not a power of two', () => {
    expect(() => new PcapTap({ rings: 1, ringBytes: 100_000 })).toThrow(RangeError);
  });
});
