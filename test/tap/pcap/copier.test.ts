import { beforeEach, describe, expect, it } from 'vitest';
import { Copier } from '../../../src/tap/pcap/copier.ts';
import { COUNTERS, counterIndex, type CounterName } from '../../../src/tap/pcap/counters.ts';
import { FIN, RST, SYN, TO_CLIENT } from '../../../src/tap/segment.ts';
import { segmentOf, TestRing } from './segments.ts';

const GET = 'GET / HTTP/1.1\r\n\r\n';
const RESPONSE = 'HTTP/1.1 200 OK\r\n\r\n';

let ring: TestRing;
let counters: Float64Array;
let copier: Copier;

beforeEach(() => setUp(64 * 1024));

function setUp(bytes: number): void {
  ring = new TestRing(bytes);
  counters = new Float64Array(COUNTERS.length);
  copier = new Copier([ring], counters);
}

function count(name: CounterName): number {
  return counters[counterIndex(name)]!;
}

function expectSum(): void {
  expect(count('seen')).toBe(count('copied') + count('acks') + count('shed') + count('notHttp') + count('awaiting'));
}

describe('Copier', () => {
  it('copies handshake, data, FIN and RST, and leaves out pure ACKs', () => {
    copier.offer(segmentOf('', { flags: SYN, seq: 0 }));
    copier.offer(segmentOf('', { direction: TO_CLIENT, flags: SYN }));
    copier.offer(segmentOf(''));
    copier.offer(segmentOf(GET));
    copier.offer(segmentOf('', { direction: TO_CLIENT }));
    copier.offer(segmentOf('', { flags: FIN }));
    copier.offer(segmentOf('', { direction: TO_CLIENT, flags: RST }));
    expect(ring.drain()).toEqual(['', '', GET, '', '']);
    expect([count('seen'), count('copied'), count('acks'), count('bytes')]).toEqual([7, 5, 2, GET.length]);
  });

  it('stops copying a connection whose first bytes are not HTTP, until its next SYN', () => {
    const hello = Buffer.from('160301', 'hex');
    copier.offer(segmentOf('', { flags: SYN, seq: 0 }));
    copier.offer(segmentOf(hello, { seq: 1 }));
    copier.offer(segmentOf(GET, { seq: 4 }));
    copier.offer(segmentOf('more', { direction: TO_CLIENT }));
    expect(ring.drain()).toEqual(['']);
    expect(count('notHttp')).toBe(3);
    copier.offer(segmentOf('', { flags: SYN, seq: 1000 }));
    copier.offer(segmentOf(GET, { seq: 1001 }));
    expect(ring.drain()).toEqual(['', GET]);
    expectSum();
  });

  it('lets only the very first byte decide: a later segment that comes first does not', () => {
    copier.offer(segmentOf('', { flags: SYN, seq: 0 }));
    copier.offer(segmentOf('{"tail":1}', { seq: 20 }));
    copier.offer(segmentOf(GET, { seq: 1 }));
    expect(ring.drain()).toEqual(['', '{"tail":1}', GET]);
  });

  it('leaves connections that it did not see begin to the reader', () => {
    copier.offer(segmentOf('the middle of something'));
    expect(ring.drain()).toEqual(['the middle of something']);
  });

  it('leaves Fast Open to the reader', () => {
    copier.offer(segmentOf('GE', { flags: SYN, seq: 0 }));
    copier.offer(segmentOf('T / HTTP/1.1\r\n', { seq: 3 }));
    expect(ring.drain()).toEqual(['GE', 'T / HTTP/1.1\r\n']);
  });

  it('sheds a flow whole when its ring is full and lets it come back at a request line, when the ring is half empty', () => {
    setUp(4096);
    const body = 'b'.repeat(1500);
    copier.offer(segmentOf(body, { direction: TO_CLIENT }));
    copier.offer(segmentOf(body, { direction: TO_CLIENT }));
    copier.offer(segmentOf(body, { direction: TO_CLIENT }));
    copier.offer(segmentOf(GET));
    expect([count('shed'), count('shedFlows'), count('copied')]).toEqual([2, 1, 2]);
    expect(ring.drain()).toEqual([body, body]);
    copier.offer(segmentOf('still a body', { direction: TO_CLIENT }));
    copier.offer(segmentOf('the rest of an upload'));
    expect(ring.drain()).toEqual([]);
    copier.offer(segmentOf(GET));
    copier.offer(segmentOf(RESPONSE, { direction: TO_CLIENT }));
    expect(ring.drain()).toEqual([`*${GET}`, RESPONSE]);
    expect([count('resyncs'), count('shedFlows')]).toEqual([1, 1]);
    expectSum();
  });

  describe('where there is HTTP/2', () => {
    const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
    const PING = Buffer.from('000008060000000000', 'hex');
    const chunk = 'b'.repeat(500);
    const h2 = 40002;

    /** Begins a connection. */
    function begin(client: number, first: string | Buffer): void {
      copier.offer(segmentOf('', { client, flags: SYN, seq: 0 }));
      copier.offer(segmentOf('', { client, flags: SYN, direction: TO_CLIENT }));
      copier.offer(segmentOf(first, { client, seq: 1 }));
    }

    beforeEach(() => {
      setUp(16_384);
      begin(h2, PREFACE);
    });

    it('keeps the last quarter of a ring for it: flows of HTTP/1.x are shed there, flows of HTTP/2 are not', () => {
      for (let i = 0; i < 30; i++) copier.offer(segmentOf(chunk, { direction: TO_CLIENT, client: 40001 }));
      const full = ring.writer.used();
      expect(full / ring.writer.bytes).toBeGreaterThan(0.75);
      expect(full / ring.writer.bytes).toBeLessThan(0.8);
      expect(count('shedFlows')).toBe(1);
      copier.offer(segmentOf(PING, { client: h2 }));
      copier.offer(segmentOf(chunk, { client: h2, direction: TO_CLIENT }));
      expect(ring.drain().slice(-2)).toEqual([PING.toString('latin1'), chunk]);
      copier.offer(segmentOf(GET, { client: 40001 }));
      expect(ring.drain()).toEqual([`*${GET}`]);
      expectSum();
    });

    it('takes connections that begin meanwhile until it is known what they are', () => {
      for (let i = 0; i < 30; i++) copier.offer(segmentOf(chunk, { direction: TO_CLIENT, client: 40001 }));
      ring.drain((segment) => segment);
      for (let i = 0; i < 30; i++) copier.offer(segmentOf(chunk, { direction: TO_CLIENT, client: 40003 }));
      begin(40004, PREFACE);
      begin(40005, GET);
      copier.offer(segmentOf(PING, { client: 40004 }));
      expect(ring.drain().slice(-6)).toEqual(['', '', PREFACE, '', '', PING.toString('latin1')]);
    });

    it('sheds HTTP/2, too, when nothing is left, and counts it as HTTP/2 when it comes back', () => {
      for (let i = 0; i < 60; i++) copier.offer(segmentOf(chunk, { direction: TO_CLIENT, client: h2 }));
      expect(count('shedFlows')).toBe(1);
      expect(ring.writer.used() / ring.writer.bytes).toBeGreaterThan(0.95);
      ring.drain();
      copier.offer(segmentOf(PING, { client: h2 }));
      for (let i = 0; i < 30; i++) copier.offer(segmentOf(chunk, { direction: TO_CLIENT, client: 40001 }));
      copier.offer(segmentOf(PING, { client: h2 }));
      const drained = ring.drain();
      expect([drained[0], drained.at(-1)]).toEqual([`*${PING.toString('latin1')}`, PING.toString('latin1')]);
      expectSum();
    });

    it('leaves the whole ring to HTTP/1.x once there has been no HTTP/2 for a minute', () => {
      const later = (client: number): void => {
        const segment = segmentOf(chunk, { direction: TO_CLIENT, client });
        segment.timeUs += 61_000_000;
        copier.offer(segment);
      };
      for (let i = 0; i < 60; i++) later(40001);
      expect(ring.writer.used() / ring.writer.bytes).toBeGreaterThan(0.95);
    });

    it('knows a connection for HTTP/2 until it ends', () => {
      copier.offer(segmentOf('', { client: h2, flags: FIN }));
      for (let i = 0; i < 60; i++) copier.offer(segmentOf(chunk, { direction: TO_CLIENT, client: h2 }));
      expect(ring.writer.used() / ring.writer.bytes).toBeLessThan(0.8);
    });
  });

  it('does not shed other flows with it', () => {
    setUp(4096);
    copier.offer(segmentOf('x'.repeat(5000), { client: 40001 }));
    copier.offer(segmentOf(GET, { client: 40002 }));
    expect(ring.drain()).toEqual([GET]);
  });

  it('does as a worker asks: nothing more until a request begins, or until the next SYN', () => {
    copier.offer(segmentOf(GET, { client: 40001 }));
    copier.offer(segmentOf(GET, { client: 40002 }));
    ring.drain((segment) => ring.source.mute(segment, segment.sport === 40002));
    copier.takeMutes();
    for (const client of [40001, 40002]) {
      copier.offer(segmentOf('body', { client }));
      copier.offer(segmentOf('body', { client, direction: TO_CLIENT }));
      copier.offer(segmentOf(GET, { client }));
    }
    expect(ring.drain()).toEqual([`*${GET}`]);
    expect([count('awaiting'), count('notHttp')]).toEqual([2, 3]);
    copier.offer(segmentOf('', { client: 40002, flags: SYN }));
    expect(ring.drain()).toEqual(['']);
    expectSum();
  });

  it('understands a worker that asks while it looks at a response', () => {
    copier.offer(segmentOf(RESPONSE, { direction: TO_CLIENT }));
    ring.drain((segment) => ring.source.mute(segment, true));
    copier.takeMutes();
    copier.offer(segmentOf(GET));
    expect(ring.drain()).toEqual([]);
  });

  it('gives both directions of a connection to one ring and uses all of them', () => {
    const rings = [new TestRing(1 << 20), new TestRing(1 << 20), new TestRing(1 << 20)];
    const spread = new Copier(rings, counters);
    for (let client = 40000; client < 40300; client++) {
      spread.offer(segmentOf(`${client}`, { client }));
      spread.offer(segmentOf(`${client}`, { client, direction: TO_CLIENT }));
    }
    for (const { drain } of rings.map((one) => ({ drain: one.drain() }))) {
      expect(drain.length).toBeGreaterThan(120);
      expect(drain.filter((_, i) => i % 2 === 0)).toEqual(drain.filter((_, i) => i % 2 === 1));
    }
  });

  it('wakes the reader once for each time that a quarter is passed', () => {
    setUp(4096);
    copier.offer(segmentOf('x'.repeat(500)));
    expect(ring.wakes).toBe(0);
    for (let i = 0; i < 3; i++) copier.offer(segmentOf('x'.repeat(500)));
    expect(ring.wakes).toBe(1);
    ring.drain();
    for (let i = 0; i < 3; i++) copier.offer(segmentOf('x'.repeat(500)));
    expect(ring.wakes).toBe(2);
  });
});
