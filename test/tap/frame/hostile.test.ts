import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameDecoder } from '../../../src/tap/frame/decoder.ts';
import { LINK_TYPES } from '../../../src/tap/frame/link.ts';
import { OK, STATUS_NAMES } from '../../../src/tap/frame/status.ts';
import { Segment } from '../../../src/tap/segment.ts';
import { bytes, ethernet, extension, fragment6, GET, ipv4, ipv6, tcp, u16be, u32be, udp, vlan } from './frames.ts';

/** For each property: fast-check stops then, with what it has tried. */
const TIME_CAP_MS = 4000;

const decoder = new FrameDecoder();

/** What must hold of any frame: it ends, throws nothing, and what it points at is within the buffer. */
function check(frame: Buffer, linkType: number, wireLength: number): void {
  const segment = new Segment();
  const status = decoder.decode(frame, 0, frame.length, wireLength, linkType, segment);
  expect(STATUS_NAMES[status]).toBeDefined();
  if (status !== OK) return;
  expect(segment.start).toBeGreaterThanOrEqual(0);
  expect(segment.end).toBeGreaterThanOrEqual(segment.start);
  expect(segment.end).toBeLessThanOrEqual(segment.data.length);
  expect(segment.wireLength).toBeGreaterThanOrEqual(segment.end - segment.start);
  for (const value of Object.values(segment)) expect(value).not.toBeNaN();
}

const linkTypes = [...LINK_TYPES.keys()];

const templates: readonly { readonly frame: Buffer; readonly linkType: number }[] = [
  { frame: ethernet(0x8100, vlan(0x0800, ipv4(tcp(GET, { options: Buffer.alloc(12, 1) }), { options: Buffer.alloc(8) }))), linkType: 1 },
  { frame: ethernet(0x86dd, ipv6(0, extension(43, 1, extension(44, 1, fragment6(6, 0, true, tcp(GET)))))), linkType: 1 },
  { frame: ethernet(0x0800, ipv4(udp(2152, bytes(0x34, 255, u16be(0), u32be(1), 0, 0, 0, 0x85, 1, 0, 0, 0, ipv4(tcp(GET)))), { protocol: 17 })), linkType: 1 },
  { frame: ethernet(0x0800, ipv4(bytes(u16be(0xb000), u16be(0x6558), Buffer.alloc(12), ethernet(0x0800, ipv4(tcp(GET)))), { protocol: 47 })), linkType: 1 },
  { frame: bytes(0, 0, 8, 0, u32be(0), 0x88, 1, Buffer.alloc(24), 0xaa, 0xaa, 3, 0, 0, 0, u16be(0x0800), ipv4(tcp(GET))), linkType: 127 },
  { frame: bytes(2, 0, u16be(0), u16be(8), u16be(1), u32be(0), u16be(100), u16be(9), ipv4(tcp(GET))), linkType: 239 },
  { frame: ipv4(tcp(GET).subarray(0, 24), { fragment: 0x2000 }), linkType: 101 },
  { frame: ipv4(tcp(GET).subarray(24), { fragment: 3 }), linkType: 101 },
];

describe('FrameDecoder on hostile bytes', () => {
  it('ends and points within the buffer for random bytes of any link type', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(...linkTypes), fc.nat(300), (data, linkType, extra) => {
        check(Buffer.from(data), linkType, data.length + extra);
      }),
      { numRuns: 20_000, interruptAfterTimeLimit: TIME_CAP_MS, markInterruptAsFailure: false },
    );
  });

  it('ends and points within the buffer for real frames with bytes changed and the end cut off', () => {
    const mutation = fc.tuple(fc.nat(), fc.nat(255));
    fc.assert(
      fc.property(fc.constantFrom(...templates), fc.array(mutation, { maxLength: 6 }), fc.nat(), ({ frame, linkType }, mutations, cut) => {
        const copy = Buffer.from(frame);
        for (const [at, value] of mutations) copy[at % copy.length] = value;
        const length = mutations.length % 2 === 0 ? copy.length : cut % (copy.length + 1);
        check(copy.subarray(0, length), linkType, copy.length);
      }),
      { numRuns: 20_000, interruptAfterTimeLimit: TIME_CAP_MS, markInterruptAsFailure: false },
    );
  });

  it('never calls a frame good that was cut before its TCP header ends', () => {
    const frame = ethernet(0x0800, ipv4(tcp(GET)));
    for (let length = 0; length < 14 + 20 + 20; length++) {
      expect(decoder.decode(frame, 0, length, frame.length, 1, new Segment())).not.toBe(OK);
    }
  });
});
