import { describe, expect, it } from 'vitest';
import { KEY_WORDS } from '../../../src/tap/ebpf/abi.ts';
import { AWAIT, FlowMarks, MUTED, NEW, SHED, UNMARKED } from '../../../src/tap/pcap/flow-marks.ts';

function key(n: number): Uint32Array {
  return new Uint32Array(KEY_WORDS).fill(0xffff0000).fill(n, KEY_WORDS - 2);
}

describe('FlowMarks', () => {
  it('finds what was set, until it is set otherwise or removed', () => {
    const marks = new FlowMarks(64);
    expect(marks.find(key(1), 1)).toBe(UNMARKED);
    marks.set(key(1), 1, NEW, -5);
    expect([marks.find(key(1), 1), marks.seq]).toEqual([NEW, -5]);
    marks.set(key(1), 1, SHED, 0);
    expect(marks.find(key(1), 1)).toBe(SHED);
    marks.remove(key(1), 1);
    marks.remove(key(1), 1);
    expect(marks.find(key(1), 1)).toBe(UNMARKED);
  });

  it('keeps flows of the same hash apart', () => {
    const marks = new FlowMarks(64);
    marks.set(key(1), 42, MUTED, 0);
    marks.set(key(2), 42, AWAIT, 0);
    expect([marks.find(key(1), 42), marks.find(key(2), 42), marks.find(key(3), 42)]).toEqual([MUTED, AWAIT, UNMARKED]);
  });

  it('lets go of the mark that was not used for longest when there are too many', () => {
    const marks = new FlowMarks(8);
    for (let n = 1; n <= 8; n++) marks.set(key(n), 7, MUTED, 0);
    marks.find(key(1), 7);
    marks.set(key(9), 7, MUTED, 0);
    expect(marks.find(key(1), 7)).toBe(MUTED);
    expect(marks.find(key(2), 7)).toBe(UNMARKED);
    expect(marks.find(key(9), 7)).toBe(MUTED);
  });

  it('takes a flood of flows in fixed memory', () => {
    const marks = new FlowMarks(1024);
    for (let n = 0; n < 100_000; n++) marks.set(key(n), Math.imul(n, 0x9e3779b1), NEW, n);
    expect(marks.find(key(99_999), Math.imul(99_999, 0x9e3779b1))).toBe(NEW);
  });
});
