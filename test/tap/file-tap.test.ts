import { afterAll, describe, expect, it } from 'vitest';
import { FileTap, type FileTapOptions } from '../../src/tap/file-tap.ts';
import { TO_CLIENT, TO_SERVER, UNKNOWN_DIRECTION } from '../../src/tap/segment.ts';
import { Folder, LITTLE } from './capture/captures.ts';
import { bytes, ethernet, GET, ipv4, tcp, udp } from './frame/frames.ts';

const folder = new Folder();
afterAll(() => folder.remove());

const REQUEST = ethernet(0x0800, ipv4(tcp(GET, { sport: 50000, dport: 80 })));
const RESPONSE = ethernet(0x0800, ipv4(tcp('HTTP/1.1 204 No Content\r\n\r\n', { sport: 80, dport: 50000 })));
const OTHER = ethernet(0x0800, ipv4(tcp('SSH-2.0', { sport: 50001, dport: 22 })));
const DNS = ethernet(0x0800, ipv4(udp(53, Buffer.alloc(30)), { protocol: 17 }));

interface Seen {
  readonly direction: number;
  readonly payload: string;
  readonly timeUs: number;
  readonly atMs: number;
}

async function run(frames: readonly Buffer[], options: FileTapOptions = {}, secondsApart = 0): Promise<{ tap: FileTap; seen: Seen[] }> {
  const records = frames.map((frame, i) => LITTLE.pcapRecord(frame, 1000, Math.round(i * secondsApart * 1e6)));
  const tap = new FileTap(folder.write(bytes(LITTLE.pcapHeader(1), ...records)), options);
  const seen: Seen[] = [];
  await tap.run({
    onSegment: ({ direction, data, start, end, timeUs, endpoint }) => {
      expect(endpoint).toBe(0);
      seen.push({ direction, payload: data.toString('latin1', start, end), timeUs, atMs: performance.now() });
    },
  });
  return { tap, seen };
}

describe('FileTap', () => {
  it('delivers segments of unknown direction, in order, with the time of the file', async () => {
    const { seen } = await run([REQUEST, DNS, RESPONSE, OTHER], {}, 0.5);
    expect(seen.map(({ direction, payload, timeUs }) => [direction, payload.slice(0, 4), timeUs])).toEqual([
      [UNKNOWN_DIRECTION, 'GET ', 1_000_000_000],
      [UNKNOWN_DIRECTION, 'HTTP', 1_001_000_000],
      [UNKNOWN_DIRECTION, 'SSH-', 1_001_500_000],
    ]);
  });

  it('tells the direction by the ports it was given and leaves out the rest', async () => {
    const { tap, seen } = await run([REQUEST, RESPONSE, OTHER], { ports: [80] });
    expect(seen.map(({ direction }) => direction)).toEqual([TO_SERVER, TO_CLIENT]);
    expect(tap.stats()).toMatchObject({ frames: 3, segments: 2, otherPorts: 1 });
  });

  it('counts every frame once', async () => {
    const broken = Buffer.from(REQUEST);
    broken[14] = 0x41;
    const { tap } = await run([REQUEST, DNS, ethernet(0x0806, Buffer.alloc(28)), broken, OTHER, RESPONSE], { ports: [80] });
    const { frames, segments, otherPorts, skipped, bytes: copied } = tap.stats();
    expect(skipped).toMatchObject({ 'not-ip': 1, 'not-tcp': 1, malformed: 1 });
    expect(segments + otherPorts + Object.values(skipped).reduce((a, b) => a + b, 0)).toBe(frames);
    expect(copied).toBe(GET.length + 'HTTP/1.1 204 No Content\r\n\r\n'.length);
  });

  it('keeps the pace of the capture, times the speed', async () => {
    const { seen } = await run([REQUEST, RESPONSE, REQUEST], { speed: 4 }, 0.4);
    const took = seen[2]!.atMs - seen[0]!.atMs;
    expect(took).toBeGreaterThan(190);
    expect(took).toBeLessThan(600);
  });

  it('does not wait for the past when the clock of the capture goes back', async () => {
    const records = [LITTLE.pcapRecord(REQUEST, 1000, 0), LITTLE.pcapRecord(RESPONSE, 10, 0), LITTLE.pcapRecord(REQUEST, 1000, 50_000)];
    const tap = new FileTap(folder.write(bytes(LITTLE.pcapHeader(1), ...records)), { speed: 1 });
    const before = performance.now();
    await tap.run({ onSegment: () => {} });
    expect(performance.now() - before).toBeLessThan(1000);
    expect(tap.stats().segments).toBe(3);
  });

  it('stops in the middle of a long pause', async () => {
    const tap = new FileTap(folder.write(bytes(LITTLE.pcapHeader(1), LITTLE.pcapRecord(REQUEST, 0, 0), LITTLE.pcapRecord(REQUEST, 9e5, 0))), { speed: 1 });
    setTimeout(() => tap.stop(), 50);
    const before = performance.now();
    await tap.run({ onSegment: () => {} });
    expect(performance.now() - before).toBeLessThan(1500);
  });

  it('lets timers have their turn and waits for whoever is behind', async () => {
    let turns = 0;
    let waits = 0;
    const timer = setInterval(() => turns++, 1);
    const frames = Array.from({ length: 20_000 }, () => REQUEST);
    await run(frames, { backpressure: async () => void waits++ });
    clearInterval(timer);
    expect(turns).toBeGreaterThan(2);
    expect(waits).toBeGreaterThan(2);
  });

  it('passes on what the handler throws and closes the file', async () => {
    const tap = new FileTap(folder.write(bytes(LITTLE.pcapHeader(1), LITTLE.pcapRecord(REQUEST, 0, 0))));
    const fault = new Error('handler');
    await expect(tap.run({ onSegment: () => { throw fault; } })).rejects.toBe(fault);
  });

  it('refuses a link type that is not decoded, with the kinds that are', async () => {
    const path = folder.write(bytes(LITTLE.pcapHeader(147), LITTLE.pcapRecord(REQUEST, 0, 0)));
    await expect(new FileTap(path).run({ onSegment: () => {} })).rejects.toMatchObject({
      code: 'CAPTURE_LINK_TYPE',
      message: expect.stringMatching(/has link type 147, which is not decoded; .*Ethernet/) as string,
    });
  });

  it('goes on where only one of several interfaces has such a link type', async () => {
    const path = folder.write(
      bytes(LITTLE.section(), LITTLE.describe(147), LITTLE.describe(1), LITTLE.enhanced(Buffer.alloc(20), 0, 0, 0), LITTLE.enhanced(REQUEST, 0, 0, 1)),
    );
    const tap = new FileTap(path);
    await tap.run({ onSegment: () => {} });
    expect(tap.stats()).toMatchObject({ segments: 1, skipped: { 'unsupported-link': 1 } });
  });

  it('reports a damaged tail and delivers what is before it', async () => {
    const tap = new FileTap(folder.write(bytes(LITTLE.pcapHeader(1), LITTLE.pcapRecord(REQUEST, 0, 0), Buffer.alloc(5))));
    await tap.run({ onSegment: () => {} });
    expect(tap.stats()).toMatchObject({ segments: 1, warning: expect.stringContaining('ends within a packet') as string });
  });

  it('refuses a speed that is not above 0', () => {
    expect(() => new FileTap('x', { speed: 0 })).toThrow(RangeError);
    expect(() => new FileTap('x', { speed: NaN })).toThrow(RangeError);
  });
});
