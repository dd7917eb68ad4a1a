import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RingWriter } from '../../../src/tap/pcap/ring-writer.ts';
import { Segment, TO_CLIENT } from '../../../src/tap/segment.ts';
import { segmentOf, TestRing } from './segments.ts';

describe('RingWriter', () => {
  it('writes what the ring source reads', () => {
    const ring = new TestRing(4096);
    const written = segmentOf('hello', { direction: TO_CLIENT, flags: 0x18, seq: -7 });
    written.wireLength = 9;
    expect(ring.writer.write(written, true)).toBe(true);
    let read: Partial<Segment> = {};
    expect(ring.drain((segment) => (read = { ...segment }))).toEqual(['*hello']);
    const { data: _data, start: _start, end: _end, ...fields } = written;
    expect(read).toMatchObject({ ...fields, resync: true });
  });

  it('refuses what does not fit, and takes it when the reader has made room', () => {
    const ring = new TestRing(4096);
    const large = segmentOf(Buffer.alloc(1900, 'x'));
    expect([ring.writer.write(large, false), ring.writer.write(large, false), ring.writer.write(large, false)]).toEqual([true, true, false]);
    expect(ring.drain()).toHaveLength(2);
    expect(ring.writer.write(large, false)).toBe(true);
  });

  it('refuses a record larger than the ring', () => {
    expect(new TestRing(4096).writer.write(segmentOf(Buffer.alloc(5000)), false)).toBe(false);
  });

  it('goes on where the last writer of the ring stopped', () => {
    const ring = new TestRing(4096);
    ring.writer.write(segmentOf('one'), false);
    new RingWriter(ring.memory, 4096).write(segmentOf('two'), false);
    expect(ring.drain()).toEqual(['one', 'two']);
  });

  it.each([0, 2 ** 31 - 4096, 2 ** 32 - 4096, 2 ** 45 - 4096])('keeps every payload in order, whole, across the end of the ring and of 32 bits (from %i)', (position) => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(1500), fc.boolean()), { minLength: 10, maxLength: 60 }), (steps) => {
        const ring = new TestRing(4096, position);
        const expected: string[] = [];
        const read: string[] = [];
        steps.forEach(([length, drain], i) => {
          const payload = `${i}:`.padEnd(length + 4, String.fromCharCode(65 + (i % 26)));
          if (ring.writer.write(segmentOf(payload), false)) expected.push(payload);
          if (drain) read.push(...ring.drain());
        });
        read.push(...ring.drain());
        expect(read).toEqual(expected);
        expect(ring.source.badRecords).toBe(0);
        expect(ring.writer.used()).toBe(0);
      }),
      { numRuns: 100, interruptAfterTimeLimit: 3000, markInterruptAsFailure: false },
    );
  });
});
