import {
  META_DIRECTION_SHIFT,
  META_RESYNC,
  RECORD_BYTES,
  recordStride,
  RING_DISCARD,
  RING_HEADER_BYTES,
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
  SHARED_CONSUMER_OFFSET,
  SHARED_DATA_OFFSET,
  SHARED_PRODUCER_OFFSET,
} from '../ring/abi.ts';
import type { Segment } from '../segment.ts';

/**
 * The writing end of a `shared` ring (see ring/abi.ts). A record becomes visible all at once, when the producer's position
 * is stored: a writer that dies in the middle of one leaves nothing behind, and the next one goes on from there.
 */
export class RingWriter {
  /** Size of the data area, a power of two. */
  readonly bytes: number;
  readonly #consumer: Int32Array;
  readonly #producer: Int32Array;
  readonly #words: Int32Array;
  readonly #data: Buffer;
  /** The producer's position, both halves. Distances within a ring fit into the low one. */
  #low: number;
  #high: number;

  /** @param memory the ring's, mapped from its beginning */
  constructor(memory: ArrayBuffer, bytes: number) {
    this.bytes = bytes;
    this.#consumer = new Int32Array(memory, SHARED_CONSUMER_OFFSET, 2);
    this.#producer = new Int32Array(memory, SHARED_PRODUCER_OFFSET, 2);
    this.#words = new Int32Array(memory, SHARED_DATA_OFFSET, bytes / 4);
    this.#data = Buffer.from(memory, SHARED_DATA_OFFSET, bytes);
    this.#low = Atomics.load(this.#producer, 0);
    this.#high = Atomics.load(this.#producer, 1);
  }

  /** Bytes that the reader has not freed yet. */
  used(): number {
    return (this.#low - Atomics.load(this.#consumer, 0)) | 0;
  }

  /** Copies the segment and its payload. `timeUs` must be CLOCK_MONOTONIC. @returns false if there is no room */
  write(segment: Segment, resync: boolean): boolean {
    const length = segment.end - segment.start;
    const content = RECORD_BYTES + length;
    const stride = recordStride(content);
    let offset = this.#low & (this.bytes - 1);
    const tail = this.bytes - offset;
    const skipped = stride > tail ? tail : 0;
    if (this.used() + skipped + stride > this.bytes) return false;
    if (skipped > 0) {
      this.#words[offset >> 2] = (skipped - RING_HEADER_BYTES) | RING_DISCARD;
      offset = 0;
    }
    const body = offset + RING_HEADER_BYTES;
    this.#writeHead(body >> 2, segment, length, resync);
    segment.data.copy(this.#data, body + RECORD_BYTES, segment.start, segment.end);
    this.#words[offset >> 2] = content;
    this.#publish(skipped + stride);
    return true;
  }

  #writeHead(at: number, segment: Segment, length: number, resync: boolean): void {
    const words = this.#words;
    const timeNs = Math.round(segment.timeUs * 1000);
    words[at + WORD_LEN] = length;
    words[at + WORD_SEQ] = segment.seq;
    words[at + WORD_ACK] = segment.ack;
    words[at + WORD_META] = segment.flags | (segment.direction << META_DIRECTION_SHIFT) | (resync ? META_RESYNC : 0);
    words[at + WORD_ENDPOINT] = segment.endpoint;
    words[at + WORD_HASH] = segment.hash;
    words[at + WORD_PORTS] = (segment.sport << 16) | segment.dport;
    words[at + WORD_WIRE_LEN] = segment.wireLength;
    words[at + WORD_TIME_LO] = timeNs % 0x1_0000_0000;
    words[at + WORD_TIME_HI] = Math.floor(timeNs / 0x1_0000_0000);
    words[at + WORD_SADDR] = segment.src0;
    words[at + WORD_SADDR + 1] = segment.src1;
    words[at + WORD_SADDR + 2] = segment.src2;
    words[at + WORD_SADDR + 3] = segment.src3;
    words[at + WORD_DADDR] = segment.dst0;
    words[at + WORD_DADDR + 1] = segment.dst1;
    words[at + WORD_DADDR + 2] = segment.dst2;
    words[at + WORD_DADDR + 3] = segment.dst3;
  }

  /** The low half is stored last: it is the one that the reader looks at. */
  #publish(bytes: number): void {
    const before = this.#low;
    this.#low = (before + bytes) | 0;
    const wrapped = this.#low >>> 0 < before >>> 0;
    if (wrapped) Atomics.store(this.#producer, 1, ++this.#high);
    Atomics.store(this.#producer, 0, this.#low);
  }
}
