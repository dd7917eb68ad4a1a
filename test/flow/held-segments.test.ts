import { describe, expect, it } from 'vitest';
import { newFlowCounters } from '../../src/flow/counters.ts';
import { HeldSegments } from '../../src/flow/held-segments.ts';

const BYTE = Buffer.from('x');

/** One-byte segments with a hole after each. */
function holding(segments: number, counters = newFlowCounters()): HeldSegments {
  const held = new HeldSegments(counters);
  for (let i = 0; i < segments; i++) held.add(10 + i * 2, BYTE, 0, 1, 1);
  return held;
}

/** Microseconds for a copy of the last of so many segments; the best of some rounds. */
function costOfCopy(segments: number): number {
  const held = holding(segments);
  let best = Infinity;
  for (let round = 0; round < 20; round++) {
    const before = performance.now();
    for (let i = 0; i < 200; i++) held.add(10 + (segments - 1 - (i % 16)) * 2, BYTE, 0, 1, 1);
    best = Math.min(best, (performance.now() - before) * 5);
  }
  return best;
}

describe('held segments', () => {
  it('cost a packet about the same however many there are', () => {
    costOfCopy(500);
    expect(costOfCopy(20_000)).toBeLessThan(costOfCopy(500) * 6);
  });

  it('count with their bookkeeping, so that the budget bounds single bytes too', () => {
    const counters = newFlowCounters();
    const held = holding(1000, counters);
    expect(held.bytes).toBeGreaterThanOrEqual(1000 * 500);
    expect(counters.heldBytes).toBe(held.bytes);
    held.clear();
    expect(counters.heldBytes).toBe(0);
  });

  it('are compared with all bytes that overlap them, and with no others', () => {
    const counters = newFlowCounters();
    const held = new HeldSegments(counters);
    for (const seq of [-20, 0, 20, 40]) held.add(seq, Buffer.from('abcdefghij'), 0, 10, 10);
    held.compare(-15, Buffer.from('f????_________bXX'), 0, 17);
    // `ghij` of the first, `ab` of the second.
    expect(counters.conflictingBytes).toBe(4 + 2);
    held.compare(25, Buffer.from('fghij'), 0, 5);
    held.compare(30, Buffer.from('__________'), 0, 10);
    held.compare(-40, Buffer.from('__________'), 0, 10);
    expect(counters.conflictingBytes).toBe(6);
  });
});
