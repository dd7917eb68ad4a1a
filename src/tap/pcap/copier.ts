import { KEY_WORDS, writeFlowKey } from '../ebpf/abi.ts';
import { connectionHash } from '../frame/hash.ts';
import { MUTE_FOREVER, MUTE_WORDS, type MuteQueue } from '../ring/mute-queue.ts';
import { FIN, RST, Segment, SYN, TO_SERVER } from '../segment.ts';
import { counterIndex } from './counters.ts';
import { AWAIT, FlowMarks, MUTED, NEW, SHED, UNMARKED } from './flow-marks.ts';
import { mayBeHttp, mayComeBack } from './request-start.ts';
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

const SKIP = 0;
const COPY = 1;
const COPY_RESYNC = 2;

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
 * HTTP/2, begins and its ring is less than half full, so that readers never see a hole that overload has made.
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
    if (verdict === SKIP) return;
    const resync = verdict === COPY_RESYNC;
    const before = ring.writer.used();
    if (!ring.writer.write(segment, resync)) {
      counters[SHED_PACKETS]!++;
      if (!resync) {
        this.#marks.set(this.#key, segment.hash, SHED, 0);
        counters[SHED_FLOWS]!++;
      }
      return;
    }
    if (resync) {
      this.#marks.remove(this.#key, segment.hash);
      counters[RESYNCS]!++;
    }
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
      return COPY;
    }
    const state = marks.find(this.#key, hash);
    if (state === UNMARKED) return COPY;
    const counters = this.#counters;
    if (state === NEW) {
      // Only the very first byte tells; a later segment that overtook it does not.
      if (direction !== TO_SERVER || length === 0 || segment.seq !== marks.seq) return COPY;
      if (mayBeHttp(segment.data, segment.start, segment.end)) {
        marks.remove(this.#key, hash);
        return COPY;
      }
      marks.set(this.#key, hash, MUTED, 0);
      counters[MUTED_FLOWS]!++;
      counters[NOT_HTTP]!++;
      return SKIP;
    }
    if (state === MUTED) {
      counters[NOT_HTTP]!++;
      return SKIP;
    }
    const hasRoom = ring.writer.used() < ring.writer.bytes * RESYNC_SHARE;
    if (direction === TO_SERVER && hasRoom && mayComeBack(segment.data, segment.start, segment.end)) return COPY_RESYNC;
    counters[state === AWAIT ? AWAITING : SHED_PACKETS]!++;
    return SKIP;
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
