import type { FlowCounters } from './counters.ts';
import { endOf, HeldSegments } from './held-segments.ts';
import { advance, distance } from './seq.ts';

/** Where a reassembler delivers to. Bytes are borrowed until the call returns. */
export interface ByteStream {
  onBytes(from: Reassembler, data: Buffer, start: number, end: number, timeUs: number): void;
  /** @param missing Infinity where it is not known how many */
  onHole(from: Reassembler, missing: number, timeUs: number): void;
  onFinished(from: Reassembler, timeUs: number): void;
}

/**
 * Puts one direction of a connection in order, RFC 9293 section 3.4 and 3.10.7.4. Segments in order pass through
 * without being copied; those ahead of a hole are copied and held.
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
  /** For the flow's own use: how long it has borne with the present hole although it is final. */
  patience = 0;
  readonly #held: HeldSegments;
  #finSeen = false;
  #finSeq = 0;
  #ackSeen = false;
  #acked = 0;
  /** Bytes of a SYN are held until the receiver is known to have taken them (RFC 7413). */
  #synBytes = 0;
  /** An urgent pointer was seen: no byte before `urgentEnd` is certain. */
  #urgent = false;
  #urgentEnd = 0;
  #strayNext = 0;
  #strays = 0;
  readonly #stream: ByteStream;
  readonly #counters: FlowCounters;

  constructor(stream: ByteStream, counters: FlowCounters) {
    this.#stream = stream;
    this.#counters = counters;
    this.#held = new HeldSegments(counters);
  }

  /** What the held bytes cost. */
  get heldBytes(): number {
    return this.#held.bytes;
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
    this.#urgent = false;
    this.#strays = 0;
  }

  /** Frees what is held. */
  drop(): void {
    this.#held.clear();
    this.#synBytes = 0;
  }

  /** Takes the payload of a SYN; it is delivered once the receiver has acknowledged it or the sender goes on after it. */
  pushSyn(data: Buffer, start: number, end: number, wireLength: number): void {
    if (this.#held.first !== undefined || this.finished) return;
    this.#synBytes = wireLength;
    this.#held.add(this.next, data, start, end, wireLength);
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
    if (ahead === 0 && this.#held.bytes === 0 && wireLength === end - start && !this.#finSeen && !this.#urgent) {
      this.next = advance(seq, wireLength);
      this.#stream.onBytes(this, data, start, end, timeUs);
      return;
    }
    this.#pushSlow(ahead, seq, data, start, end, wireLength, timeUs);
  }

  /**
   * The segment at `seq` has an urgent pointer: one byte of the 64 KiB from there on, or none, is taken out of the
   * stream by the receiver (tcp_check_urg in net/ipv4/tcp_input.c), unless its program reads it in line. Segments with
   * any of them are reported as a gap of unknown length.
   */
  doubt(seq: number): void {
    if (this.isFar(seq)) return;
    const end = advance(seq, URGENT_REACH);
    if (this.#urgent && distance(this.#urgentEnd, end) <= 0) return;
    this.#urgent = true;
    this.#urgentEnd = end;
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
    const { first } = this.#held;
    if (first !== undefined && this.#synBytes === 0) return distance(first.seq, this.#acked) >= 0;
    return this.#finSeen && !this.finished && distance(this.#finSeq, this.#acked) >= 0;
  }

  /** Gives up the first hole: reports it and delivers what follows. */
  skipHole(timeUs: number): void {
    if (this.#synBytes > 0) return this.#drainSyn(timeUs);
    const { first } = this.#held;
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
    for (let first = this.#held.first; first !== undefined; first = this.#held.first) {
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
    const last = this.#held.last;
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
      this.#held.add(seq, data, start, end, wireLength);
      return;
    }
    this.#synBytes = 0;
    this.#held.compare(this.next, data, start, end);
    const missing = wireLength - (end - start);
    this.next = advance(this.next, end - start);
    if (end > start) this.#deliver(data, start, end, timeUs);
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
    for (let first = this.#held.first; first !== undefined; first = this.#held.first) {
      const behind = distance(first.seq, this.next);
      if (behind < 0) break;
      this.#held.shift();
      const skip = Math.min(behind, first.data.length);
      const missing = first.missing - (behind - skip);
      this.next = advance(this.next, first.data.length - skip);
      if (skip < first.data.length) this.#deliver(first.data, skip, first.data.length, timeUs);
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

  /** Delivers what lies before `next`. */
  #deliver(data: Buffer, start: number, end: number, timeUs: number): void {
    if (this.#urgent) {
      const length = end - start;
      if (distance(this.next, this.#urgentEnd) + length > 0) {
        this.#counters.gaps++;
        this.#counters.gapBytes += length;
        this.#stream.onHole(this, Infinity, timeUs);
        return;
      }
      this.#urgent = false;
    }
    this.#stream.onBytes(this, data, start, end, timeUs);
  }

  #hole(missing: number, timeUs: number): void {
    if (missing <= 0) return;
    this.next = advance(this.next, missing);
    this.#counters.gaps++;
    this.#counters.gapBytes += missing;
    this.#stream.onHole(this, missing, timeUs);
  }
}

/** Twice the largest receive buffer in use: a segment further away does not belong to the stream. */
const MAX_AHEAD = 1 << 26;
/** The urgent pointer has 16 bits. */
const URGENT_REACH = 1 << 16;
