import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  META_DIRECTION_SHIFT,
  META_RESYNC,
  RECORD_BYTES,
  RING_BUSY,
  RING_DISCARD,
  RING_HEADER_BYTES,
  SHARED_CONSUMER_OFFSET,
  SHARED_DATA_OFFSET,
  SHARED_PRODUCER_OFFSET,
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
} from '../../../src/tap/ring/abi.ts';
import { sharedRing } from '../../../src/tap/ring/mapping.ts';
import { RingSource } from '../../../src/tap/ring/ring-source.ts';
import { ACK, SYN, TO_CLIENT, type Segment } from '../../../src/tap/segment.ts';

const EVERYTHING = Number.MAX_SAFE_INTEGER;

/** The producer's half of a `shared` ring, as simple as it can be written. */
class Producer {
  readonly memory: ArrayBuffer;
  readonly words: Int32Array;
  readonly bytes: number;
  #position: bigint;

  constructor(bytes: number, start = 0n) {
    this.bytes = bytes;
    this.memory = new ArrayBuffer(SHARED_DATA_OFFSET + bytes);
    this.words = new Int32Array(this.memory, SHARED_DATA_OFFSET);
    this.#position = start;
    new BigUint64Array(this.memory, SHARED_CONSUMER_OFFSET, 1)[0] = start;
    this.#publish();
  }

  get free(): number {
    return this.bytes - Number(this.#position - this.consumed);
  }

  get consumed(): bigint {
    return new BigUint64Array(this.memory, SHARED_CONSUMER_OFFSET, 1)[0]!;
  }

  /** @returns false if there is no room */
  write(payload: Uint8Array, seq = 0): boolean {
    const content = RECORD_BYTES + payload.length;
    const stride = recordStride(content);
    const offset = Number(this.#position) & (this.bytes - 1);
    const toEnd = this.bytes - offset;
    if (stride > toEnd) {
      if (toEnd > this.free) return false;
      this.header((toEnd - RING_HEADER_BYTES) | RING_DISCARD, toEnd);
      return this.write(payload, seq);
    }
    if (stride > this.free) return false;
    const w = (offset + RING_HEADER_BYTES) / 4;
    this.words.fill(0, w, w + RECORD_BYTES / 4);
    this.words[w + WORD_LEN] = payload.length;
    this.words[w + WORD_WIRE_LEN] = payload.length;
    this.words[w + WORD_SEQ] = seq;
    new Uint8Array(this.memory, SHARED_DATA_OFFSET + offset + RING_HEADER_BYTES + RECORD_BYTES).set(payload);
    this.header(content, stride);
    return true;
  }

  /** Writes a header word and moves on by `stride`. */
  header(word: number, stride: number): void {
    this.words[(Number(this.#position) & (this.bytes - 1)) / 4] = word;
    this.#position += BigInt(stride);
    this.#publish();
  }

  source(): RingSource {
    return new RingSource(sharedRing(this.memory, this.bytes), () => {});
  }

  #publish(): void {
    new BigUint64Array(this.memory, SHARED_PRODUCER_OFFSET, 1)[0] = this.#position;
  }
}

function drained(source: RingSource, maxBytes = EVERYTHING): string[] {
  const payloads: string[] = [];
  source.drain({ onSegment: (s) => payloads.push(s.data.toString('latin1', s.start, s.end)) }, maxBytes);
  return payloads;
}

describe('RingSource', () => {
  it('fills a segment from every word of a record', () => {
    const producer = new Producer(4096);
    producer.write(Buffer.from('payload'), -5);
    const w = RING_HEADER_BYTES / 4;
    const { words } = producer;
    words[w + WORD_ACK] = 77;
    words[w + WORD_META] = SYN | ACK | (TO_CLIENT << META_DIRECTION_SHIFT) | META_RESYNC;
    words[w + WORD_ENDPOINT] = 9;
    words[w + WORD_HASH] = -1234;
    words[w + WORD_PORTS] = (65535 << 16) | 80;
    words[w + WORD_WIRE_LEN] = 100;
    words[w + WORD_TIME_LO] = 0xffff_fc18 | 0;
    words[w + WORD_TIME_HI] = 2;
    words.set([1, 2, 3, 4], w + WORD_SADDR);
    words.set([5, 6, 7, 8], w + WORD_DADDR);
    let seen: Partial<Segment> = {};
    producer.source().drain({ onSegment: (s) => (seen = { ...s, data: s.data.subarray(s.start, s.end) }) }, EVERYTHING);
    expect(seen).toMatchObject({
      data: Buffer.from('payload'), seq: -5, ack: 77, flags: SYN | ACK, direction: TO_CLIENT, resync: true, endpoint: 9,
      hash: -1234, sport: 65535, dport: 80, wireLength: 100, timeUs: (3 * 2 ** 32 - 1000) / 1000,
      src0: 1, src1: 2, src2: 3, src3: 4, dst0: 5, dst1: 6, dst2: 7, dst3: 8,
    });
  });

  it('gives the space back when it returns, and not before', () => {
    const producer = new Producer(4096);
    producer.write(Buffer.from('a'));
    const source = producer.source();
    expect(source.fill()).toBeGreaterThan(0);
    source.drain({ onSegment: () => expect(producer.consumed).toBe(0n) }, EVERYTHING);
    expect(producer.free).toBe(4096);
    expect(source.fill()).toBe(0);
  });

  it('stops after about maxBytes and goes on there', () => {
    const producer = new Producer(4096);
    for (const text of ['a', 'b', 'c', 'd']) producer.write(Buffer.from(text));
    const source = producer.source();
    expect(drained(source, recordStride(RECORD_BYTES + 1) + 1)).toEqual(['a', 'b']);
    expect(drained(source)).toEqual(['c', 'd']);
  });

  it('stops before a record that is still being written', () => {
    const producer = new Producer(4096);
    producer.write(Buffer.from('a'));
    producer.header(RECORD_BYTES | RING_BUSY, recordStride(RECORD_BYTES));
    producer.write(Buffer.from('b'));
    const source = producer.source();
    expect(drained(source)).toEqual(['a']);
    expect(drained(source)).toEqual([]);
    expect(source.badRecords).toBe(0);
  });

  it('skips what the producer discarded', () => {
    const producer = new Producer(4096);
    producer.header(40 | RING_DISCARD, recordStride(40));
    producer.write(Buffer.from('a'));
    const source = producer.source();
    expect(drained(source)).toEqual(['a']);
    expect(source.badRecords).toBe(0);
  });

  it('counts and skips a record that is shorter than its header or than its payload', () => {
    const producer = new Producer(4096);
    producer.header(RECORD_BYTES - 1, recordStride(RECORD_BYTES - 1));
    producer.write(Buffer.from('abc'));
    const broken = (recordStride(RECORD_BYTES - 1) + RING_HEADER_BYTES) / 4;
    producer.words[broken + WORD_LEN] = 4;
    producer.write(Buffer.from('good'));
    const source = producer.source();
    expect(drained(source)).toEqual(['good']);
    expect(source.badRecords).toBe(2);
  });

  it('gives up what is in the ring when a length leads out of it, and reads what comes later', () => {
    const producer = new Producer(4096);
    producer.header(2000, 16);
    producer.write(Buffer.from('lost'));
    const source = producer.source();
    expect(drained(source)).toEqual([]);
    expect(source.badRecords).toBe(1);
    producer.write(Buffer.from('later'));
    expect(drained(source)).toEqual(['later']);
  });

  it('does not read a record twice when a handler throws', () => {
    const producer = new Producer(4096);
    for (const text of ['a', 'b']) producer.write(Buffer.from(text));
    const source = producer.source();
    const failing = (): void => {
      throw new Error('handler');
    };
    expect(() => source.drain({ onSegment: failing }, EVERYTHING)).toThrow('handler');
    expect(drained(source)).toEqual(['b']);
  });

  it('lets the next reader go on where the last one stopped', () => {
    const producer = new Producer(4096);
    for (const text of ['a', 'b']) producer.write(Buffer.from(text));
    const first = producer.source();
    expect(drained(first, 1)).toEqual(['a']);
    first.close();
    expect(drained(first)).toEqual([]);
    expect(drained(producer.source())).toEqual(['b']);
  });

  it('delivers nothing if the producer claims more than the ring holds', () => {
    const producer = new Producer(4096);
    new BigUint64Array(producer.memory, SHARED_PRODUCER_OFFSET, 1)[0] = 1_000_000n;
    const source = producer.source();
    expect(drained(source)).toEqual([]);
    expect(source.fill()).toBe(0);
  });

  it.each([0n, 2n ** 31n - 64n, 2n ** 32n - 64n, 2n ** 40n - 8n])('hands over everything in order when positions start at %s', (start) => {
    const sizes = fc.array(fc.integer({ min: 0, max: 900 }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(sizes, fc.integer({ min: 1, max: 5000 }), (lengths, maxBytes) => {
        const producer = new Producer(4096, start);
        const source = producer.source();
        const seen: string[] = [];
        const read = (): void => void seen.push(...drained(source, maxBytes));
        const written = lengths.map((length, i) => {
          const payload = Buffer.alloc(length, i + 1);
          while (!producer.write(payload)) read();
          return payload.toString('latin1');
        });
        while (source.fill() > 0) read();
        expect(seen).toEqual(written);
        expect(source.badRecords).toBe(0);
      }),
      { numRuns: 50, interruptAfterTimeLimit: 4000 },
    );
  });

  it('survives any bytes in the ring', () => {
    fc.assert(
      fc.property(fc.array(fc.integer(), { minLength: 1, maxLength: 256 }), fc.integer({ min: 0, max: 512 }), (words, quads) => {
        const producer = new Producer(4096);
        producer.words.set(words);
        new BigUint64Array(producer.memory, SHARED_PRODUCER_OFFSET, 1)[0] = BigInt(quads * 8);
        const source = producer.source();
        source.drain({ onSegment: (s) => expect(s.end).toBeLessThanOrEqual(4096) }, EVERYTHING);
        expect(producer.consumed).toBeLessThanOrEqual(BigInt(quads * 8));
      }),
      { interruptAfterTimeLimit: 4000 },
    );
  });
});
