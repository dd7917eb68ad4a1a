import { KEY_WORDS, writeFlowKey } from '../ebpf/abi.ts';
import { connectionHash } from '../frame/hash.ts';
import { MUTE_FOREVER, MUTE_WORDS, type MuteQueue } from '../ring/mute-queue.ts';
import { FIN, RST, Segment, SYN, TO_SERVER } from '../segment.ts';
import { counterIndex } from './counters.ts';
import { AWAIT, FlowMarks, HTTP2, MUTED, NEW, SHED, UNMARKED } from './flow-marks.ts';
import { beginsHttp2, isPreface, isRequestLine, mayBeHttp } from './request-start.ts';
import type { RingWriter } from './ring-writer.ts';

const SEEN = counterIndex('seen');
const COPIED = counterIndex('copied');
const BYTES = counterIndex('bytes');
const ACKS = counterIndex('acks');
const SHED_PACKETS = counterIndex('shed');
const SHED_FLOWS = counterIndex('shedFlows');
const NOT_HTTP = counterIndex('notHttp');
const AWAITING = counterIndex('awaiting');
const MUTED_FLOWS = counterIndex('mutedFlows');
const RESYNCS = counterIndex('resyncs');

/** A ring fuller than this share wakes its reader. */
const WAKE_SHARE = 0.25;
/** A shed flow may come back while its ring is emptier than this share. */
const RESYNC_SHARE = 0.5;

/** Beyond this share a ring takes HTTP/2 alone, if there is any: if a packet of it was copied within so many microseconds. */
const RESERVE_SHARE = 0.75;
const HTTP2_RECENT_US = 60_000_000;

/** What becomes of a segment, as bits. 0: it is not copied. */
const COPY = 0x1;
/** Copying begins again with it. */
const RESYNC = 0x2;
/** Its flow is HTTP/2. */
const OF_HTTP2 = 0x4;
/** What its flow is will be known at its first bytes. */
const EARLY = 0x8;

/** One ring with what belongs to it. */
export interface RingEnd {
  readonly writer: RingWriter;
  readonly mutes: MuteQueue;
  /** The ring has filled up to the point where its reader should not wait for its timer. */
  wake(): void;
}

/**
 * Decides what is copied into the rings, by the rules of bpf/tap.bpf.c: no pure ACKs, nothing of flows that are not HTTP or
 * that a worker has muted; a flow for which there was no room is left out until one of its requests, or a frame of its
 * HTTP/2, begins and its ring is less than half full, so that readers never see a hole that overload has made. Flows of
 * HTTP/2 are left out last.
 *
 * seen = copied + acks + shed + notHttp + awaiting.
 */
export class Copier {
  readonly #rings: readonly RingEnd[];
  readonly #counters: Float64Array;
  readonly #marks = new FlowMarks();
  readonly #key = new Uint32Array(KEY_WORDS);
  readonly #mute = new Uint32Array(MUTE_WORDS);
  readonly #muted = new Segment();
  /** When a packet of HTTP/2 was copied last. */
  #http2Us = -Infinity;

  constructor(rings: readonly RingEnd[], counters: Float64Array) {
    this.#rings = rings;
    this.#counters = counters;
  }

  /** `segment` has its endpoint and direction. */
  offer(segment: Segment): void {
    const counters = this.#counters;
    counters[SEEN]!++;
    const length = segment.end - segment.start;
    if (length === 0 && segment.wireLength === 0 && (segment.flags & (SYN | FIN | RST)) === 0) {
      counters[ACKS]!++;
      return;
    }
    const ring = this.#rings[(segment.hash >>> 0) % this.#rings.length]!;
    writeFlowKey(this.#key, segment);
    const verdict = this.#judge(segment, length, ring);
    if (verdict === 0) return;
    const resync = (verdict & RESYNC) !== 0;
    const before = ring.writer.used();
    const isReserved =
      before >= ring.writer.bytes * RESERVE_SHARE && (verdict & (OF_HTTP2 | EARLY)) === 0 && segment.timeUs - this.#http2Us < HTTP2_RECENT_US;
    if (isReserved || !ring.writer.write(segment, resync)) {
      counters[SHED_PACKETS]!++;
      if (!resync) {
        this.#marks.set(this.#key, segment.hash, SHED, 0);
        counters[SHED_FLOWS]!++;
      }
      return;
    }
    if (resync) {
      if ((verdict & OF_HTTP2) !== 0) this.#marks.set(this.#key, segment.hash, HTTP2, 0);
      else this.#marks.remove(this.#key, segment.hash);
      counters[RESYNCS]!++;
    }
    if ((verdict & OF_HTTP2) !== 0) this.#http2Us = segment.timeUs;
    counters[COPIED]!++;
    counters[BYTES]! += length;
    const threshold = ring.writer.bytes * WAKE_SHARE;
    if (before < threshold && ring.writer.used() >= threshold) ring.wake();
  }

  /** Takes over what workers have muted meanwhile. */
  takeMutes(): void {
    for (const { mutes } of this.#rings) {
      while (mutes.pop(this.#mute)) {
        const state = this.#mute[MUTE_FOREVER] === 1 ? MUTED : AWAIT;
        this.#marks.set(this.#mute, hashOfKey(this.#mute, this.#muted), state, 0);
      }
    }
  }

  #judge(segment: Segment, length: number, ring: RingEnd): number {
    const marks = this.#marks;
    const { hash, direction } = segment;
    if ((segment.flags & SYN) !== 0 && direction === TO_SERVER) {
      // A new connection: what was known of these ports is void. One with data in its SYN (Fast Open) is for the reader to judge.
      if (length > 0) marks.remove(this.#key, hash);
      else marks.set(this.#key, hash, NEW, (segment.seq + 1) | 0);
      return COPY | EARLY;
    }
    const state = marks.find(this.#key, hash);
    if (state === UNMARKED) return COPY;
    if (state === HTTP2) {
      if ((segment.flags & (FIN | RST)) !== 0) marks.remove(this.#key, hash);
      return COPY | OF_HTTP2;
    }
    const counters = this.#counters;
    if (state === NEW) {
      // Only the very first byte tells; a later segment that overtook it does not.
      if (direction !== TO_SERVER || length === 0 || segment.seq !== marks.seq) return COPY | EARLY;
      if (isPreface(segment.data, segment.start, segment.end)) {
        marks.set(this.#key, hash, HTTP2, 0);
        return COPY | OF_HTTP2;
      }
      if (mayBeHttp(segment.data, segment.start, segment.end)) {
        marks.remove(this.#key, hash);
        return COPY;
      }
      marks.set(this.#key, hash, MUTED, 0);
      counters[MUTED_FLOWS]!++;
      counters[NOT_HTTP]!++;
      return 0;
    }
    if (state === MUTED) {
      counters[NOT_HTTP]!++;
      return 0;
    }
    if (direction === TO_SERVER && ring.writer.used() < ring.writer.bytes * RESYNC_SHARE) {
      if (isRequestLine(segment.data, segment.start, segment.end)) return COPY | RESYNC;
      if (beginsHttp2(segment.data, segment.start, segment.end)) return COPY | RESYNC | OF_HTTP2;
    }
    counters[state === AWAIT ? AWAITING : SHED_PACKETS]!++;
    return 0;
  }
}

/** The connection hash of a flow key. */
function hashOfKey(key: Uint32Array, scratch: Segment): number {
  scratch.src0 = key[0]! | 0;
  scratch.src1 = key[1]! | 0;
  scratch.src2 = key[2]! | 0;
  scratch.src3 = key[3]! | 0;
  scratch.dst0 = key[4]! | 0;
  scratch.dst1 = key[5]! | 0;
  scratch.dst2 = key[6]! | 0;
  scratch.dst3 = key[7]! | 0;
  scratch.sport = key[8]! >>> 16;
  scratch.dport = key[8]! & 0xffff;
  return connectionHash(scratch);
}
