import type { Segment } from '../segment.ts';
import type { Cursor, NextLayer } from './cursor.ts';
import { IP_PROTOCOL } from './layer.ts';
import { FRAGMENT, MALFORMED, TRUNCATED } from './status.ts';

const MAX_DATAGRAMS = 16;
const MAX_DATAGRAM_BYTES = 65536;
/** Separate runs of received bytes within one datagram: more holes than this and it is given up. */
const MAX_RUNS = 64;
/** As Linux (net.ipv4.ipfrag_time). */
const TIMEOUT_US = 30_000_000;

/**
 * Puts IP fragments together (RFC 815), within a fixed budget: 16 datagrams of 64 KiB, the oldest gives way.
 *
 * Overlaps are treated as Linux treats them (RFC 5722, and the same for IPv4): a fragment that was there before is
 * ignored, one that overlaps in part spoils its datagram.
 */
export class FragmentCache {
  readonly #slots: Datagram[] = [];
  #uses = 0;
  /** Datagrams given up: overlapping, too large, too old, or pushed out by newer ones. */
  dropped = 0;

  /**
   * Takes the fragment whose payload is at the cursor; `offset` and length are in bytes.
   * @returns minus FRAGMENT while others are missing; else the cursor stands on the whole payload, which belongs to the
   * cache and is valid until the next call, and the protocol's layer is returned
   */
  add(cursor: Cursor, segment: Segment, id: number, protocol: number, offset: number, last: boolean): NextLayer {
    if (cursor.end < cursor.wireEnd) return -TRUNCATED;
    let length = cursor.end - cursor.at;
    if (!last) length &= ~7; // as Linux: only whole blocks of eight bytes count, RFC 791
    if (length === 0 || offset + length > MAX_DATAGRAM_BYTES) return -MALFORMED;
    const datagram = this.#find(segment, id, protocol) ?? this.#take(segment, id, protocol);
    if (!datagram.put(cursor, offset, length, last)) {
      this.#drop(datagram);
      return -FRAGMENT;
    }
    if (!datagram.complete) return -FRAGMENT;
    datagram.used = 0;
    cursor.data = datagram.bytes;
    cursor.at = 0;
    cursor.end = datagram.total;
    cursor.wireEnd = datagram.total;
    return IP_PROTOCOL + protocol;
  }

  #find(segment: Segment, id: number, protocol: number): Datagram | null {
    for (const datagram of this.#slots) {
      if (datagram.used === 0) continue;
      if (segment.timeUs - datagram.firstUs > TIMEOUT_US) this.#drop(datagram);
      else if (datagram.matches(segment, id, protocol)) return datagram;
    }
    return null;
  }

  #take(segment: Segment, id: number, protocol: number): Datagram {
    let slot: Datagram | null = null;
    for (const datagram of this.#slots) {
      if (slot === null || datagram.used < slot.used) slot = datagram;
    }
    if (slot === null || (slot.used !== 0 && this.#slots.length < MAX_DATAGRAMS)) {
      slot = new Datagram();
      this.#slots.push(slot);
    } else if (slot.used !== 0) {
      this.#drop(slot);
    }
    slot.begin(segment, id, protocol, ++this.#uses);
    return slot;
  }

  #drop(datagram: Datagram): void {
    datagram.used = 0;
    this.dropped++;
  }
}

/** One datagram in the making, and after it the next one in the same memory. */
class Datagram {
  readonly bytes = Buffer.allocUnsafeSlow(MAX_DATAGRAM_BYTES);
  /** When it was taken into use, as a rising number; 0 while free. */
  used = 0;
  firstUs = 0;
  /** Length of the whole, -1 until the last fragment has told. */
  total = -1;
  #id = 0;
  #protocol = 0;
  readonly #addresses = new Int32Array(8);
  /** Sorted, disjoint, not touching: [start, end) pairs. */
  readonly #runs = new Int32Array(2 * (MAX_RUNS + 1));
  #runCount = 0;

  begin(segment: Segment, id: number, protocol: number, use: number): void {
    this.used = use;
    this.firstUs = segment.timeUs;
    this.total = -1;
    this.#id = id;
    this.#protocol = protocol;
    const a = this.#addresses;
    a[0] = segment.src0;
    a[1] = segment.src1;
    a[2] = segment.src2;
    a[3] = segment.src3;
    a[4] = segment.dst0;
    a[5] = segment.dst1;
    a[6] = segment.dst2;
    a[7] = segment.dst3;
    this.#runCount = 0;
  }

  matches(segment: Segment, id: number, protocol: number): boolean {
    const a = this.#addresses;
    return (
      this.#id === id &&
      this.#protocol === protocol &&
      a[3] === segment.src3 &&
      a[7] === segment.dst3 &&
      a[2] === segment.src2 &&
      a[6] === segment.dst2 &&
      a[1] === segment.src1 &&
      a[5] === segment.dst1 &&
      a[0] === segment.src0 &&
      a[4] === segment.dst0
    );
  }

  get complete(): boolean {
    return this.#runCount === 1 && this.#runs[0] === 0 && this.#runs[1] === this.total;
  }

  /** @returns false where the fragment contradicts what was there before */
  put(cursor: Cursor, start: number, length: number, last: boolean): boolean {
    const end = start + length;
    const known = this.#runCount === 0 ? 0 : this.#runs[2 * this.#runCount - 1]!;
    if (last) {
      if ((this.total >= 0 && this.total !== end) || known > end) return false;
      this.total = end;
    } else if (this.total >= 0 && end > this.total) {
      return false;
    }
    const runs = this.#runs;
    let i = 0;
    while (i < this.#runCount && runs[2 * i + 1]! < start) i++;
    // Run i, if there is one, is the first that ends at or behind the fragment's start.
    if (i < this.#runCount && runs[2 * i]! <= start && end <= runs[2 * i + 1]!) return true;
    const touchesLeft = i < this.#runCount && runs[2 * i + 1] === start;
    const right = touchesLeft ? i + 1 : i;
    if (right < this.#runCount && runs[2 * right]! < end) return false;
    const touchesRight = right < this.#runCount && runs[2 * right] === end;
    cursor.data.copy(this.bytes, start, cursor.at, cursor.at + length);
    if (touchesLeft && touchesRight) {
      runs[2 * i + 1] = runs[2 * right + 1]!;
      this.#remove(right);
    } else if (touchesLeft) {
      runs[2 * i + 1] = end;
    } else if (touchesRight) {
      runs[2 * right] = start;
    } else {
      this.#insert(i, start, end);
    }
    return this.#runCount <= MAX_RUNS;
  }

  #insert(i: number, start: number, end: number): void {
    this.#runs.copyWithin(2 * (i + 1), 2 * i, 2 * this.#runCount);
    this.#runs[2 * i] = start;
    this.#runs[2 * i + 1] = end;
    this.#runCount++;
  }

  #remove(i: number): void {
    this.#runs.copyWithin(2 * i, 2 * (i + 1), 2 * this.#runCount);
    this.#runCount--;
  }
}
