import { describe, expect, it } from 'vitest';
import { FrameDecoder } from '../../../src/tap/frame/decoder.ts';
import { FRAGMENT, MALFORMED, OK, TRUNCATED } from '../../../src/tap/frame/status.ts';
import { Segment } from '../../../src/tap/segment.ts';
import { ethernet, fragment6, ipv4, ipv6, tcp } from './frames.ts';

const BODY = Array.from({ length: 100 }, (_, i) => String.fromCharCode(33 + (i % 90))).join('');
const DATAGRAM = tcp(BODY);

class Line {
  readonly decoder = new FrameDecoder();
  readonly segment = new Segment();

  feed(packet: Buffer, linkType = 101, timeUs = 0, wireLength = packet.length): number {
    this.segment.timeUs = timeUs;
    return this.decoder.decode(packet, 0, packet.length, wireLength, linkType, this.segment);
  }

  get payload(): string {
    return this.segment.data.toString('latin1', this.segment.start, this.segment.end);
  }
}

function piece(start: number, end: number, id = 7, datagram = DATAGRAM): Buffer {
  const more = end < datagram.length;
  return ipv4(datagram.subarray(start, end), { id, fragment: (more ? 0x2000 : 0) | (start / 8) });
}

describe('FragmentCache', () => {
  it('puts fragments together in any order', () => {
    const pieces = [piece(0, 24), piece(24, 72), piece(72, 96), piece(96, 120)];
    for (const order of [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1]]) {
      const line = new Line();
      const statuses = order.map((i) => line.feed(pieces[i]!));
      expect(statuses).toEqual([FRAGMENT, FRAGMENT, FRAGMENT, OK]);
      expect(line.payload).toBe(BODY);
      expect(line.segment.wireLength).toBe(BODY.length);
    }
  });

  it('does the same for IPv6', () => {
    const line = new Line();
    expect(line.feed(ipv6(44, fragment6(6, 64, false, DATAGRAM.subarray(64))))).toBe(FRAGMENT);
    expect(line.feed(ipv6(44, fragment6(6, 0, true, DATAGRAM.subarray(0, 64))))).toBe(OK);
    expect(line.payload).toBe(BODY);
  });

  it('keeps datagrams apart by number, protocol and addresses', () => {
    const line = new Line();
    line.feed(piece(0, 64, 1));
    expect(line.feed(piece(64, 120, 2))).toBe(FRAGMENT);
    expect(line.feed(ipv4(DATAGRAM.subarray(64), { id: 1, fragment: 8, protocol: 17 }))).toBe(FRAGMENT);
    expect(line.feed(ipv4(DATAGRAM.subarray(64), { id: 1, fragment: 8, src: '10.0.0.9' }))).toBe(FRAGMENT);
    expect(line.feed(piece(64, 120, 1))).toBe(OK);
  });

  it('ignores a fragment that was there before', () => {
    const line = new Line();
    line.feed(piece(0, 64));
    expect(line.feed(piece(0, 64))).toBe(FRAGMENT);
    expect(line.feed(piece(8, 32))).toBe(FRAGMENT);
    expect(line.feed(piece(64, 120))).toBe(OK);
    expect(line.payload).toBe(BODY);
  });

  it('gives up a datagram whose fragments overlap in part', () => {
    const line = new Line();
    line.feed(piece(0, 64));
    expect(line.feed(piece(56, 120))).toBe(FRAGMENT);
    expect(line.decoder.fragments.dropped).toBe(1);
    expect(line.feed(piece(64, 120))).toBe(FRAGMENT);
  });

  it('gives up a datagram with two different ends', () => {
    const line = new Line();
    line.feed(piece(64, 120));
    expect(line.feed(ipv4(Buffer.alloc(16), { fragment: 12 }))).toBe(FRAGMENT);
    expect(line.decoder.fragments.dropped).toBe(1);
  });

  it('gives up a datagram that is half a minute old', () => {
    const line = new Line();
    line.feed(piece(0, 64), 101, 1_000_000);
    expect(line.feed(piece(64, 120), 101, 32_000_000)).toBe(FRAGMENT);
    expect(line.decoder.fragments.dropped).toBe(1);
  });

  it('holds sixteen datagrams and lets the oldest go for the seventeenth', () => {
    const line = new Line();
    for (let id = 1; id <= 17; id++) line.feed(piece(0, 64, id));
    expect(line.decoder.fragments.dropped).toBe(1);
    expect(line.feed(piece(64, 120, 2))).toBe(OK);
    expect(line.feed(piece(64, 120, 17))).toBe(OK);
    expect(line.feed(piece(64, 120, 1))).toBe(FRAGMENT);
  });

  it('refuses a fragment behind the largest datagram, an empty one and one that the capture cut', () => {
    const line = new Line();
    expect(line.feed(ipv4(Buffer.alloc(32), { fragment: 0x1fff }))).toBe(MALFORMED);
    expect(line.feed(ipv4(Buffer.alloc(0), { fragment: 0x2001 }))).toBe(MALFORMED);
    const cut = piece(0, 64);
    expect(line.feed(cut.subarray(0, 50), 101, 0, cut.length)).toBe(TRUNCATED);
  });

  it('bounds the holes within a datagram', () => {
    const line = new Line();
    for (let i = 0; i < 70; i++) line.feed(ipv4(Buffer.alloc(8), { fragment: 0x2000 | (i * 2) }));
    expect(line.decoder.fragments.dropped).toBe(1);
  });

  it('looks into a tunnel whose outer packet came in fragments', () => {
    const outer = ipv4(DATAGRAM);
    const line = new Line();
    line.feed(ipv4(outer.subarray(0, 40), { protocol: 4, id: 3, fragment: 0x2000 }));
    expect(line.feed(ethernet(0x0800, ipv4(outer.subarray(40), { protocol: 4, id: 3, fragment: 5 })), 1)).toBe(OK);
    expect(line.payload).toBe(BODY);
  });
});
