import { Segment, type SegmentDirection, type SegmentHandler } from '../segment.ts';
import type { SegmentSource } from '../tap.ts';
import {
  META_DIRECTION_MASK,
  META_DIRECTION_SHIFT,
  META_FLAGS_MASK,
  META_RESYNC,
  RECORD_BYTES,
  RING_DISCARD,
  RING_HEADER_BYTES,
  RING_LENGTH_MASK,
  WORD_ACK,
  WORD_DADDR,
  WORD_ENDPOINT,
  WORD_HASH,
  WORD_LEN,
  WORD_META,
  WORD_PORTS,
  WORD_SADDR,
  WORD_SEQ,
  WORD_TIME_HI,
  WORD_TIME_LO,
  WORD_WIRE_LEN,
  recordStride,
} from './abi.ts';
import type { RingMemory } from './mapping.ts';

/** Tells the tap to stop copying a connection; see SegmentSource.mute. */
export type Mute = (segment: Segment, forever: boolean) => void;

/**
 * Reads a ring in place: a segment's payload is a range of the ring itself, and its space goes back to the producer
 * when `drain` returns.
 *
 * Positions are u64 in memory and exact as numbers up to 2^53, which is nine petabytes. Only the low half of the
 * producer's is read: both ends of the distance fit into a ring, so 32-bit arithmetic gives it across any wrap.
 *
 * The memory order is the kernel's (kernel/bpf/ringbuf.c): the producer's position is loaded before the headers, a
 * header before its record, and ours is stored after all of them. Atomics on the views gives at least that.
 */
export class RingSource implements SegmentSource {
  badRecords = 0;
  readonly #ring: RingMemory;
  readonly #mute: Mute;
  readonly #segment = new Segment();
  #position: number;
  #closed = false;

  /** Goes on where the last reader of this ring stopped. Owns `ring` from now on. */
  constructor(ring: RingMemory, mute: Mute) {
    this.#ring = ring;
    this.#mute = mute;
    this.#position = Number(Atomics.load(ring.consumer, 0));
    this.#segment.data = ring.data;
  }

  drain(handler: SegmentHandler, maxBytes: number): number {
    if (this.#closed) return 0;
    const { words, bytes } = this.#ring;
    const mask = bytes - 1;
    const available = this.#available();
    let consumed = 0;
    let delivered = 0;
    try {
      while (consumed < available && consumed < maxBytes) {
        const offset = (this.#position + consumed) & mask;
        const header = Atomics.load(words, offset >> 2);
        if (header < 0) break; // RING_BUSY: reserved, still being written.
        const content = header & RING_LENGTH_MASK;
        const stride = recordStride(content);
        if (stride > available - consumed || (!this.#ring.wraps && offset + stride > bytes)) {
          // Nothing after a length that cannot be can be found.
          this.badRecords++;
          consumed = available;
          break;
        }
        consumed += stride;
        if ((header & RING_DISCARD) !== 0) continue;
        if (!this.#read(offset + RING_HEADER_BYTES, content)) {
          this.badRecords++;
          continue;
        }
        delivered++;
        handler.onSegment(this.#segment);
      }
    } finally {
      if (consumed > 0) {
        this.#position += consumed;
        Atomics.store(this.#ring.consumer, 0, BigInt(this.#position));
      }
    }
    return delivered;
  }

  fill(): number {
    return this.#closed ? 0 : this.#available() / this.#ring.bytes;
  }

  mute(segment: Segment, forever: boolean): void {
    this.#mute(segment, forever);
  }

  /** Gives the memory back. Idempotent. The segment's payload must not be touched any more. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#ring.unmap();
  }

  /** Bytes between us and the producer; never more than the ring holds, whatever is in memory. */
  #available(): number {
    const distance = (Atomics.load(this.#ring.producer, 0) - (this.#position | 0)) | 0;
    return distance < 0 || distance > this.#ring.bytes ? 0 : distance;
  }

  /** Refills the segment from the record at byte `offset`. @returns false if the record is impossible */
  #read(offset: number, content: number): boolean {
    const { words } = this.#ring;
    const w = offset >> 2;
    if (content < RECORD_BYTES) return false;
    const length = words[w + WORD_LEN]!;
    if (length < 0 || length > content - RECORD_BYTES) return false;
    const meta = words[w + WORD_META]!;
    const direction = (meta >> META_DIRECTION_SHIFT) & META_DIRECTION_MASK;
    if (direction > 2) return false;
    const ports = words[w + WORD_PORTS]!;
    const s = this.#segment;
    s.endpoint = words[w + WORD_ENDPOINT]!;
    s.direction = direction as SegmentDirection;
    s.resync = (meta & META_RESYNC) !== 0;
    s.flags = meta & META_FLAGS_MASK;
    s.seq = words[w + WORD_SEQ]!;
    s.ack = words[w + WORD_ACK]!;
    s.src0 = words[w + WORD_SADDR]!;
    s.src1 = words[w + WORD_SADDR + 1]!;
    s.src2 = words[w + WORD_SADDR + 2]!;
    s.src3 = words[w + WORD_SADDR + 3]!;
    s.dst0 = words[w + WORD_DADDR]!;
    s.dst1 = words[w + WORD_DADDR + 1]!;
    s.dst2 = words[w + WORD_DADDR + 2]!;
    s.dst3 = words[w + WORD_DADDR + 3]!;
    s.sport = ports >>> 16;
    s.dport = ports & 0xffff;
    s.hash = words[w + WORD_HASH]!;
    s.start = offset + RECORD_BYTES;
    s.end = s.start + length;
    s.wireLength = words[w + WORD_WIRE_LEN]! >>> 0;
    s.timeUs = ((words[w + WORD_TIME_HI]! >>> 0) * 4294967296 + (words[w + WORD_TIME_LO]! >>> 0)) / 1000;
    return true;
  }
}
