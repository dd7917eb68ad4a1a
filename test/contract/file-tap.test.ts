import { spawnSync, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FileTap } from '../../src/tap/file-tap.ts';
import { FIN, SYN, TO_CLIENT, TO_SERVER } from '../../src/tap/segment.ts';
import { clientPort, onlyConnection, type Recorded } from '../tap/ebpf/recorder.ts';
import { end, get, serve } from '../tap/ebpf/traffic.ts';
import { Folder } from '../tap/capture/captures.ts';
import { requireKernel } from '../support/kernel.ts';
import { Pod } from '../support/netns.ts';
import { Running } from '../support/process.ts';
import { Tcpdump } from '../support/tcpdump.ts';
import { recordOf } from './recorder.ts';

const MIB = 1 << 20;

function requireTcpdump(): boolean {
  if (spawnSync('tcpdump', ['--version']).status === 0) return true;
  if (process.env['CI'] === 'true') throw new Error('the file tap must be tested with CI=true, but tcpdump is not installed');
  console.error('file tap not tested against tcpdump: it is not installed');
  return false;
}

/** The part of the taps' contract that a capture can keep: what tcpdump wrote of real traffic comes out whole. */
describe.skipIf(!requireKernel() || !requireTcpdump())('the file tap on what tcpdump captured', () => {
  const folder = new Folder();
  let pod: Pod;
  let server: ChildProcess;
  let captures = 0;

  beforeAll(async () => {
    pod = new Pod();
    server = await serve('http', pod, 8080);
  });
  afterAll(async () => {
    await end(server);
    pod.delete();
    folder.remove();
  });

  async function captured(device: string, traffic: () => Promise<unknown>): Promise<Recorded[]> {
    const path = join(folder.path, `${captures++}.pcap`);
    const run = (command: string, args: readonly string[]): Running => new Running(['nsenter', `--net=${pod.netns}`, command, ...args]);
    await using tcpdump = await Tcpdump.start(run, path, device, 'tcp port 8080');
    await traffic();
    await tcpdump.stop();
    const records: Recorded[] = [];
    const tap = new FileTap(path, { ports: [8080] });
    await tap.run({ onSegment: (segment) => records.push(recordOf(segment)) });
    expect(tap.stats()).toMatchObject({ warning: null, segments: records.length, otherPorts: 0 });
    return records;
  }

  it.each([
    ['IPv4', () => pod.address],
    ['IPv6', () => pod.address6],
  ])('delivers a request and its response whole over %s', async (_family, address) => {
    const records = await captured('eth0', () => get(address(), 8080, '/a?b=c'));
    const { requests, responses } = onlyConnection(records);
    expect(requests.bytes.toString()).toMatch(/^GET \/a\?b=c HTTP\/1\.1\r\n[^]*\r\n\r\n$/);
    expect(responses.bytes.toString()).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*hello$/);
    expect(records.filter(({ flags }) => flags & SYN).map(({ direction }) => direction)).toEqual([TO_SERVER, TO_CLIENT]);
    expect(records.filter(({ flags }) => flags & FIN)).toHaveLength(2);
    expect(new Set(records.map(({ hash }) => hash)).size).toBe(1);
    records.forEach(({ timeUs }, i) => expect(timeUs).toBeGreaterThanOrEqual(records[i - 1]?.timeUs ?? 0));
    expect(Math.abs(records[0]!.timeUs / 1000 - Date.now())).toBeLessThan(60_000);
  });

  it.each(['eth0', 'any'])('delivers 1 MiB each way byte for byte, captured on %s', async (device) => {
    const upload = Buffer.from(Array.from({ length: MIB }, (_, i) => (i * 2654435761) >>> 24));
    let download: Buffer = Buffer.alloc(0);
    const records = await captured(device, async () => {
      download = await get(pod.address, 8080, `/bytes/${MIB}`, { body: upload });
    });
    const { requests, responses } = onlyConnection(records);
    expect(requests.bytes.subarray(-MIB).equals(upload)).toBe(true);
    expect(responses.bytes.subarray(-MIB).equals(download)).toBe(true);
    expect(requests.holes + responses.holes).toBe(0);
  });

  it('delivers a client within the pod once, captured on lo', async () => {
    const records = await captured('lo', async () => pod.run('curl', '-sf', 'http://[::1]:8080/inside'));
    expect(new Set(records.map(clientPort)).size).toBe(1);
    expect(records.filter(({ direction, payload }) => direction === TO_SERVER && payload.length > 0)).toHaveLength(1);
  });
});
