import type { FlowCounters } from './counters.ts';
import { advance, distance } from './seq.ts';

/** Bytes that came ahead of a hole: a copy. */
export interface HeldSegment {
  seq: number;
  data: Buffer;
  /** Bytes after `data` that were on the wire but not in the capture. */
  missing: number;
}

/**
 * The bytes of one direction that wait for others before them, in order and without overlaps. Where segments overlap it
 * does as the Linux receiver does: the one that begins earlier wins, and of two that begin at the same place the longer
 * (tcp_data_queue_ofo in net/ipv4/tcp_input.c). An exact copy is thus always dropped.
 */
export class HeldSegments {
  /** What it costs, with its bookkeeping. */
  bytes = 0;
  #list: HeldSegment[] = [];
  readonly #counters: FlowCounters;

  constructor(counters: FlowCounters) {
    this.#counters = counters;
  }

  get first(): HeldSegment | undefined {
    return this.#list[0];
  }

  get last(): HeldSegment | undefined {
    return this.#list.at(-1);
  }

  clear(): void {
    if (this.#list.length > 0) this.#list = [];
    this.#count(-this.bytes);
  }

  /** Takes the first out. Only if there is one. */
  shift(): HeldSegment {
    const first = this.#list.shift()!;
    this.#count(-costOf(first));
    return first;
  }

  /** Copies what is new of `data[start..end)`. `wireLength` is its length on the wire. */
  add(seq: number, data: Buffer, start: number, end: number, wireLength: number): void {
    const held = this.#list;
    let missing = wireLength - (end - start);
    const stop = advance(seq, wireLength);
    let at = this.#search(seq);
    this.#compareFrom(at, seq, data, start, end);
    const before = held[at - 1];
    if (before !== undefined) {
      const covered = distance(seq, endOf(before));
      if (covered >= wireLength) {
        this.#counters.retransmittedBytes += wireLength;
        return;
      }
      if (before.seq === seq) {
        at--;
        this.#remove(at);
      } else if (covered > 0) {
        const cut = Math.min(covered, end - start);
        start += cut;
        missing -= covered - cut;
        seq = advance(seq, covered);
      }
    }
    for (let after = held[at]; after !== undefined; after = held[at]) {
      const overlap = distance(after.seq, stop);
      if (overlap <= 0) break;
      const length = after.data.length + after.missing;
      if (overlap >= length) {
        this.#remove(at);
        continue;
      }
      this.#count(-costOf(after));
      const cut = Math.min(overlap, after.data.length);
      after.data = copyOf(after.data, cut, after.data.length);
      after.missing -= overlap - cut;
      after.seq = stop;
      this.#count(costOf(after));
      break;
    }
    const copy: HeldSegment = { seq, data: copyOf(data, start, end), missing };
    held.splice(at, 0, copy);
    this.#count(costOf(copy));
  }

  #remove(at: number): void {
    for (const gone of this.#list.splice(at, 1)) this.#count(-costOf(gone));
  }

  /** Counts bytes that are held with another content: someone tries to be read in two ways. */
  compare(seq: number, data: Buffer, start: number, end: number): void {
    this.#compareFrom(this.#search(seq), seq, data, start, end);
  }

  /** The position after the last that begins at or before `seq`. */
  #search(seq: number): number {
    const list = this.#list;
    let low = 0;
    let high = list.length;
    // What goes on where the last ended is the rule.
    if (high > 0 && distance(list[high - 1]!.seq, seq) >= 0) return high;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (distance(list[middle]!.seq, seq) >= 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** @param at of the first that begins after `seq` */
  #compareFrom(at: number, seq: number, data: Buffer, start: number, end: number): void {
    const list = this.#list;
    for (let n = Math.max(0, at - 1); n < list.length; n++) {
      const held = list[n]!;
      const offset = distance(seq, held.seq);
      if (offset >= end - start) return;
      const from = Math.max(0, offset);
      const until = Math.min(end - start, offset + held.data.length);
      for (let i = from; i < until; i++) {
        if (data[start + i] !== held.data[i - offset]) this.#counters.conflictingBytes++;
      }
    }
  }

  #count(bytes: number): void {
    this.bytes += bytes;
    this.#counters.heldBytes += bytes;
  }
}

/** A held segment costs its bytes and about this much for its objects: measured, resident. */
const OVERHEAD = 512;

/** Not from Buffer's pool: a single held byte would keep a whole slab of it. */
function copyOf(data: Buffer, start: number, end: number): Buffer {
  const copy = Buffer.allocUnsafeSlow(end - start);
  data.copy(copy, 0, start, end);
  return copy;
}

function costOf(held: HeldSegment): number {
  return held.data.length + OVERHEAD;
}

/** The sequence number after it. */
export function endOf(held: HeldSegment): number {
  return advance(held.seq, held.data.length + held.missing);
}
