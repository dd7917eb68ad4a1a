import type { FlowCounters } from './counters.ts';
import { advance, distance } from './seq.ts';

/** Where a reassembler delivers to. Bytes are borrowed until the call returns. */
export interface ByteStream {
  onBytes(from: Reassembler, data: Buffer, start: number, end: number, timeUs: number): void;
  onHole(from: Reassembler, missing: number, timeUs: number): void;
  onFinished(from: Reassembler, timeUs: number): void;
}

/** Bytes that came ahead of a hole: a copy. */
interface Held {
  seq: number;
  data: Buffer;
  /** Bytes after `data` that were on the wire but not in the capture. */
  missing: number;
}

/**
 * Puts one direction of a connection in order, RFC 9293 section 3.4 and 3.10.7.4. Segments in order pass through
 * without being copied; those ahead of a hole are copied and held.
 *
 * Where segments overlap, it does as the Linux receiver does, so that a mirror gets what the pod got: bytes that were
 * delivered stay; among bytes not delivered yet, the segment that begins earlier wins, and of two that begin at the
 * same place the longer (tcp_data_queue_ofo in net/ipv4/tcp_input.c). An exact copy is thus always dropped.
 */
export class Reassembler {
  /** Whether `next` is known. */
  synced = false;
  /** Sequence number of the next byte to deliver. */
  next = 0;
  /** Sequence number of the first byte. */
  origin = 0;
  /** `next` is only what the peer's acknowledgement says; nothing of the stream has been seen. */
  assumed = false;
  /** The sender has finished and all its bytes were delivered. */
  finished = false;
  heldBytes = 0;
  #held: Held[] = [];
  #finSeen = false;
  #finSeq = 0;
  #ackSeen = false;
  #acked = 0;
  /** Bytes of a SYN are held until the receiver is known to have taken them (RFC 7413). */
  #synBytes = 0;
  #strayNext = 0;
  #strays = 0;
  readonly #stream: ByteStream;
  readonly #counters: FlowCounters;

  constructor(stream: ByteStream, counters: FlowCounters) {
    this.#stream = stream;
    this.#counters = counters;
  }

  /** The stream's next byte is at `seq`. */
  sync(seq: number): void {
    this.synced = true;
    this.assumed = false;
    this.next = seq;
    this.origin = seq;
  }

  /** As `sync`, on the peer's word. */
  assume(seq: number): void {
    this.sync(seq);
    this.assumed = true;
  }

  /** Whether a segment at `seq` is too far away to belong to the stream. */
  isFar(seq: number): boolean {
    const ahead = distance(this.next, seq);
    return ahead > MAX_AHEAD || ahead < -MAX_AHEAD;
  }

  /** Forgets all, as if nothing had been seen. */
  reset(): void {
    this.drop();
    this.synced = false;
    this.finished = false;
    this.#finSeen = false;
    this.#ackSeen = false;
    this.#strays = 0;
  }

  /** Frees what is held. */
  drop(): void {
    if (this.#held.length > 0) this.#held = [];
    this.#count(-this.heldBytes);
    this.#synBytes = 0;
  }

  /** Takes the payload of a SYN; it is delivered once the receiver has acknowledged it or the sender goes on after it. */
  pushSyn(data: Buffer, start: number, end: number, wireLength: number): void {
    if (this.#held.length > 0 || this.finished) return;
    this.#synBytes = wireLength;
    this.#hold(this.next, data, start, end, wireLength);
  }

  /** The receiver answered the SYN: it has taken the SYN's payload, or has ignored it. */
  settleSyn(ack: number, timeUs: number): void {
    if (this.#synBytes === 0) return;
    const taken = distance(this.next, ack) >= this.#synBytes;
    if (taken) {
      this.#synBytes = 0;
      this.#drain(timeUs);
    } else this.drop();
  }

  /**
   * Takes a segment's payload. `wireLength` is its length on the wire, `end - start` or more.
   * The caller has seen to it that the stream is synced.
   */
  push(seq: number, data: Buffer, start: number, end: number, wireLength: number, timeUs: number): void {
    const ahead = distance(this.next, seq);
    if (ahead === 0 && this.#held.length === 0 && wireLength === end - start && !this.#finSeen) {
      this.next = advance(seq, wireLength);
      this.#stream.onBytes(this, data, start, end, timeUs);
      return;
    }
    this.#pushSlow(ahead, seq, data, start, end, wireLength, timeUs);
  }

  /** The sender's last byte is the one before `seq`. */
  finish(seq: number, timeUs: number): void {
    if (this.finished) return;
    const ahead = distance(this.next, seq);
    if (ahead < 0 || ahead > MAX_AHEAD) return;
    this.#finSeen = true;
    this.#finSeq = seq;
    if (this.#synBytes > 0) this.#drainSyn(timeUs);
    this.#checkFinished(timeUs);
  }

  /** Remembers that the receiver has all bytes before `ack`. */
  acknowledge(ack: number): void {
    if (this.#ackSeen && distance(this.#acked, ack) <= 0) return;
    const ahead = distance(this.next, ack);
    if (ahead > MAX_AHEAD) return;
    this.#ackSeen = true;
    this.#acked = ack;
  }

  /** Whether the receiver has bytes beyond a hole: they will not be sent again, so we shall never see them. */
  get holeIsFinal(): boolean {
    if (!this.#ackSeen) return false;
    const first = this.#held[0];
    if (first !== undefined && this.#synBytes === 0) return distance(first.seq, this.#acked) >= 0;
    return this.#finSeen && !this.finished && distance(this.#finSeq, this.#acked) >= 0;
  }

  /** Gives up the first hole: reports it and delivers what follows. */
  skipHole(timeUs: number): void {
    if (this.#synBytes > 0) return this.#drainSyn(timeUs);
    const first = this.#held[0];
    if (first !== undefined) {
      this.#hole(distance(this.next, first.seq), timeUs);
      this.#drain(timeUs);
    } else if (this.#finSeen && !this.finished) {
      this.#hole(distance(this.next, this.#finSeq), timeUs);
      this.#checkFinished(timeUs);
    }
  }

  /**
   * The connection is over. Bytes beyond a hole are delivered only if the receiver had got over the hole, or nothing
   * is known of the receiver; otherwise it never read them.
   */
  flush(timeUs: number): void {
    while (this.#held.length > 0) {
      const first = this.#held[0]!;
      if (this.#ackSeen && !this.holeIsFinal) {
        if (this.#synBytes === 0) this.#hole(distance(this.next, first.seq), timeUs);
        this.drop();
        return;
      }
      this.skipHole(timeUs);
    }
    if (this.#finSeen && !this.finished) return this.skipHole(timeUs);
    // One more than `next` may be the acknowledgement of a FIN.
    if (this.#ackSeen && !this.finished && distance(this.next, this.#acked) > 1) {
      this.#hole(distance(this.next, this.#acked), timeUs);
    }
  }

  /** Whether it waits for bytes: something is held, or the end is known and not reached. */
  get waiting(): boolean {
    return this.heldBytes > 0 || (this.#finSeen && !this.finished);
  }

  /** Whether a RST at `seq` is where the receiver expects it, RFC 5961 section 3.2, as far as a bystander can tell. */
  believesReset(seq: number): boolean {
    if (!this.synced) return true;
    if (seq === this.next || (this.#ackSeen && seq === this.#acked)) return true;
    if (this.#finSeen && (seq === this.#finSeq || seq === advance(this.#finSeq, 1))) return true;
    const last = this.#held.at(-1);
    return last !== undefined && seq === endOf(last);
  }

  #pushSlow(
    ahead: number,
    seq: number,
    data: Buffer,
    start: number,
    end: number,
    wireLength: number,
    timeUs: number,
  ): void {
    if (ahead > MAX_AHEAD || ahead < -MAX_AHEAD) {
      if (!this.#strayBecameStream(seq, wireLength)) return;
      // The stream is here now; how much was lost is known only if it went forward.
      this.drop();
      this.#hole(Math.max(ahead, 1), timeUs);
      this.next = seq;
      ahead = 0;
    }
    this.#strays = 0;
    if (this.#finSeen && distance(seq, this.#finSeq) < wireLength) {
      // Bytes after the FIN do not exist for the receiver.
      wireLength = distance(seq, this.#finSeq);
      end = Math.min(end, start + wireLength);
      if (wireLength <= 0) return;
    }
    if (ahead < 0) {
      const known = Math.min(-ahead, wireLength);
      this.#counters.retransmittedBytes += known;
      if (known === wireLength) return;
      start = Math.min(start + known, end);
      wireLength -= known;
      ahead = 0;
    }
    if (ahead > 0) {
      if (this.#synBytes > 0 && ahead >= this.#synBytes) {
        this.#drainSyn(timeUs);
        return this.push(seq, data, start, end, wireLength, timeUs);
      }
      this.#counters.outOfOrder++;
      this.#hold(seq, data, start, end, wireLength);
      return;
    }
    this.#synBytes = 0;
    this.#compareWithHeld(this.next, data, start, end);
    const missing = wireLength - (end - start);
    this.next = advance(this.next, end - start);
    if (end > start) this.#stream.onBytes(this, data, start, end, timeUs);
    if (missing > 0) this.#hole(missing, timeUs);
    this.#drain(timeUs);
  }

  /** A segment far off is believed once two more have followed on it without a break. */
  #strayBecameStream(seq: number, length: number): boolean {
    this.#counters.outOfWindow++;
    this.#strays = this.#strays > 0 && seq === this.#strayNext ? this.#strays + 1 : 1;
    this.#strayNext = advance(seq, length);
    return this.#strays >= 3;
  }

  #drainSyn(timeUs: number): void {
    this.#synBytes = 0;
    this.#drain(timeUs);
  }

  /** Delivers what is held and has become due. */
  #drain(timeUs: number): void {
    while (this.#held.length > 0) {
      const first = this.#held[0]!;
      const behind = distance(first.seq, this.next);
      if (behind < 0) break;
      this.#held.shift();
      this.#count(-costOf(first));
      const skip = Math.min(behind, first.data.length);
      const missing = first.missing - (behind - skip);
      this.next = advance(this.next, first.data.length - skip);
      if (skip < first.data.length) this.#stream.onBytes(this, first.data, skip, first.data.length, timeUs);
      if (missing > 0) this.#hole(missing, timeUs);
    }
    this.#checkFinished(timeUs);
  }

  #checkFinished(timeUs: number): void {
    if (!this.#finSeen || this.finished || distance(this.next, this.#finSeq) > 0) return;
    this.finished = true;
    this.drop();
    this.#stream.onFinished(this, timeUs);
  }

  #hole(missing: number, timeUs: number): void {
    if (missing <= 0) return;
    this.next = advance(this.next, missing);
    this.#counters.gaps++;
    this.#counters.gapBytes += missing;
    this.#stream.onHole(this, missing, timeUs);
  }

  #hold(seq: number, data: Buffer, start: number, end: number, wireLength: number): void {
    const held = this.#held;
    let missing = wireLength - (end - start);
    const stop = advance(seq, wireLength);
    let at = held.length;
    while (at > 0 && distance(seq, held[at - 1]!.seq) > 0) at--;
    this.#compareWithHeld(seq, data, start, end);
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
    const copy: Held = { seq, data: copyOf(data, start, end), missing };
    held.splice(at, 0, copy);
    this.#count(costOf(copy));
  }

  #remove(at: number): void {
    for (const gone of this.#held.splice(at, 1)) this.#count(-costOf(gone));
  }

  /** Counts bytes that are held with another content. */
  #compareWithHeld(seq: number, data: Buffer, start: number, end: number): void {
    for (const held of this.#held) {
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
    this.heldBytes += bytes;
    this.#counters.heldBytes += bytes;
  }
}

/** Twice the largest receive buffer in use: a segment further away does not belong to the stream. */
const MAX_AHEAD = 1 << 26;

/** A held segment costs its bytes and about this much for its objects. */
const OVERHEAD = 256;

/** Not from Buffer's pool: a single held byte would keep a whole slab of it. */
function copyOf(data: Buffer, start: number, end: number): Buffer {
  const copy = Buffer.allocUnsafeSlow(end - start);
  data.copy(copy, 0, start, end);
  return copy;
}

function costOf(held: Held): number {
  return held.data.length + OVERHEAD;
}

function endOf(held: Held): number {
  return advance(held.seq, held.data.length + held.missing);
}
