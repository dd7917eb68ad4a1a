import { ByteBudget } from '../flow/budget.ts';
import { ChunkedReader } from './chunked.ts';
import type { ContentReceiver } from './chunked.ts';
import { CR, LF } from './chars.ts';
import type { HttpCounters } from './counters.ts';
import { findHeadEnd, NEED_MORE } from './head-scan.ts';
import type { Framing } from './exchange.ts';

export interface HttpOptions {
  /** A head longer than this, bytes, is not read. */
  readonly maxHeadBytes: number;
  /** Room for heads and trailers that do not lie in one segment, of all connections together. */
  readonly budget: ByteBudget;
}

/** Larger than the defaults of the usual servers (Node 16 KiB, nginx 32 KiB), which refuse what is larger. */
export function defaultHttpOptions(): HttpOptions {
  return { maxHeadBytes: 128 * 1024, budget: new ByteBudget(32 << 20) };
}

/** Why a message cannot be read on. */
export type Break = 'gap' | 'end' | 'chunk' | 'too-large' | 'no-memory';

/**
 *            ┌────────────────────── message complete ──────────────────────┐
 *            ▼                                                              │
 *  start ─ first byte ─▶ head ─ empty line ─▶ length | chunked | until-close┘
 *    ▲                     │                       │
 *    │ start line at a     └── gap, chunk fault ───┤       off: nothing more is read
 *    └ segment's begin ── lost ◀───────────────────┘      handed-over: what follows is another protocol
 */
type State = 'start' | 'head' | 'length' | 'chunked' | 'until-close' | 'lost' | 'off' | 'handed-over';

/**
 * Cuts one direction of a connection into messages, RFC 9112 section 2.2 and 6.3. What a head means, the subclass
 * knows. Nothing is copied but heads that do not lie in one segment.
 */
export abstract class MessageReader implements ContentReceiver {
  protected readonly options: HttpOptions;
  protected readonly counters: HttpCounters;
  #state: State = 'start';
  /** Content bytes still to come, in state `length`. */
  #remaining = 0;
  #chunks: ChunkedReader | null = null;
  /** A head that did not lie in one segment. */
  #head: Buffer = NO_BYTES;
  #headLength = 0;
  #firstUs = 0;
  /** Bytes have gone by in state `off`. */
  #missed = false;

  constructor(options: HttpOptions, counters: HttpCounters) {
    this.options = options;
    this.counters = counters;
  }

  /** Whether a message has begun and is not complete. */
  get midMessage(): boolean {
    return this.#state !== 'start' && this.#state !== 'lost' && this.#state !== 'off' && this.#state !== 'handed-over';
  }

  get midHead(): boolean {
    return this.#state === 'head';
  }

  /** @returns how far it read: less than `end` only where the rest is another protocol's */
  read(data: Buffer, start: number, end: number, timeUs: number): number {
    let at = start;
    while (at < end) {
      switch (this.#state) {
        case 'start':
          while (at < end && (data[at] === CR || data[at] === LF)) at++;
          if (at === end) return end;
          this.#firstUs = timeUs;
          this.#state = 'head';
          break;
        case 'head':
          at = this.#headLength === 0 ? this.#readHead(data, at, end, timeUs) : this.#joinHead(data, at, end, timeUs);
          break;
        case 'length': {
          const stop = Math.min(end, at + this.#remaining);
          this.#remaining -= stop - at;
          this.onContent(data, at, stop);
          at = stop;
          if (this.#remaining === 0) this.#complete(NO_TRAILERS, timeUs);
          break;
        }
        case 'chunked':
          at = this.#readChunks(this.#chunks!, data, at, end, timeUs);
          break;
        case 'until-close':
          this.onContent(data, at, end);
          return end;
        case 'lost':
          if (at !== start || !this.beginsMessage(data, at, end)) {
            this.counters.skippedBytes += end - at;
            return end;
          }
          this.counters.resynchronised++;
          this.onResynchronised();
          this.#state = 'start';
          break;
        case 'off':
          this.#missed = true;
          this.counters.skippedBytes += end - at;
          return end;
        case 'handed-over':
          return at;
      }
    }
    return end;
  }

  skip(missing: number, timeUs: number): void {
    switch (this.#state) {
      case 'start':
        this.#state = 'lost';
        return;
      case 'head':
        this.#breakHead('gap', timeUs);
        this.lose();
        return;
      case 'length':
        this.onBreak('gap', missing <= this.#remaining, timeUs);
        if (missing > this.#remaining) return this.lose();
        this.#remaining -= missing;
        if (this.#remaining === 0) this.#complete(NO_TRAILERS, timeUs);
        return;
      case 'chunked': {
        const goesOn = this.#chunks!.skip(missing);
        this.onBreak('gap', goesOn, timeUs);
        if (!goesOn) this.lose();
        return;
      }
      case 'until-close':
        this.onBreak('gap', true, timeUs);
        return;
      case 'off':
        this.#missed = true;
        return;
      case 'lost':
      case 'handed-over':
        return;
    }
  }

  /** The sender has finished: content that ends with the connection is complete, anything else is cut. */
  finish(timeUs: number): void {
    if (this.#state === 'until-close') this.#complete(NO_TRAILERS, timeUs);
    else this.abort(timeUs);
    this.stop();
  }

  /** Nothing more of the present message will come. */
  abort(timeUs: number): void {
    if (this.#state === 'head') this.#breakHead('end', timeUs);
    else if (this.midMessage) this.onBreak('end', false, timeUs);
    this.lose();
  }

  /** Reads on at the next segment that begins with a start line. */
  lose(): void {
    if (this.#state === 'off' || this.#state === 'handed-over') return;
    this.#state = 'lost';
    this.#drop();
  }

  /** Reads nothing more. */
  stop(): void {
    this.#state = 'off';
    this.#missed = false;
    this.#drop();
  }

  /** What follows is not for this reader. */
  handOver(): void {
    this.#state = 'handed-over';
    this.#drop();
  }

  /** Undoes `stop`: reads on, or if bytes have gone by meanwhile, at the next start line. */
  resume(): void {
    if (this.#state === 'off') this.#state = this.#missed ? 'lost' : 'start';
  }

  /** The next byte begins a message. */
  restart(): void {
    if (this.#state === 'off' || this.#state === 'handed-over') return;
    this.lose();
    this.#state = 'start';
  }

  /** Content bytes of the present message. */
  abstract onContent(data: Buffer, start: number, end: number): void;
  /** Whether a message of this direction begins at `start`, for picking up the thread. */
  protected abstract beginsMessage(data: Buffer, start: number, end: number): boolean;
  /**
   * A head may begin at `start`. If it is complete, take it, call `beginContent` (or `stop`, `lose`), and return the offset after it.
   * @returns NEED_MORE if it is not
   */
  protected abstract onHead(data: Buffer, start: number, end: number, firstUs: number, timeUs: number): number;
  /** A head will not become complete; `data[start..end)` is what there is of it. */
  protected abstract onHeadBreak(data: Buffer, end: number, why: Break, firstUs: number, timeUs: number): void;
  /**
   * The present message, whose head was complete, is damaged. `goesOn`: its end is still known, so that onComplete or
   * another onBreak follows.
   */
  protected abstract onBreak(why: Break, goesOn: boolean, timeUs: number): void;
  /** The present message is over. */
  protected abstract onComplete(trailers: string[], timeUs: number): void;
  /** The thread was picked up after it had been lost. */
  protected abstract onResynchronised(): void;

  /** Called from `onHead`: says what follows the head. */
  protected beginContent(framing: Framing, length: number, strict: boolean, timeUs: number): void {
    switch (framing) {
      case 'none':
        this.#complete(NO_TRAILERS, timeUs);
        return;
      case 'length':
        this.#remaining = length;
        this.#state = 'length';
        if (length === 0) this.#complete(NO_TRAILERS, timeUs);
        return;
      case 'chunked':
        this.#chunks = new ChunkedReader(strict, this.options.budget, this);
        this.#state = 'chunked';
        return;
      case 'close':
        this.#state = 'until-close';
        return;
    }
  }

  #readHead(data: Buffer, start: number, end: number, timeUs: number): number {
    const after = this.onHead(data, start, end, this.#firstUs, timeUs);
    if (after !== NEED_MORE) return after;
    if (end - start > this.options.maxHeadBytes) return this.#loseHead('too-large', end, timeUs);
    return this.#keepHead(data, start, end) ? end : this.#loseHead('no-memory', end, timeUs);
  }

  #joinHead(data: Buffer, start: number, end: number, timeUs: number): number {
    const before = this.#headLength;
    const stop = Math.min(end, start + this.options.maxHeadBytes - before);
    if (!this.#keepHead(data, start, stop)) return this.#loseHead('no-memory', end, timeUs);
    const head = this.#head;
    const after = findHeadEnd(head, 0, this.#headLength, before - 3);
    if (after < 0) {
      if (stop < end) return this.#loseHead('too-large', end, timeUs);
      // Another protocol may be recognised by its first bytes.
      if (before < PROBE_BYTES) this.onHead(head, 0, this.#headLength, this.#firstUs, timeUs);
      return end;
    }
    this.#drop();
    if (this.onHead(head, 0, after, this.#firstUs, timeUs) === NEED_MORE) this.lose();
    return start + after - before;
  }

  #loseHead(why: Break, end: number, timeUs: number): number {
    this.#breakHead(why, timeUs);
    this.lose();
    return end;
  }

  /** @returns false if there is no room */
  #keepHead(data: Buffer, start: number, end: number): boolean {
    const length = this.#headLength + end - start;
    if (length > this.#head.length) {
      const room = Math.max(FIRST_HEAD_BYTES, length, this.#head.length * 2);
      if (!this.options.budget.take(room)) return false;
      const grown = Buffer.allocUnsafeSlow(room);
      this.#head.copy(grown, 0, 0, this.#headLength);
      this.options.budget.give(this.#head.length);
      this.#head = grown;
    }
    data.copy(this.#head, this.#headLength, start, end);
    this.#headLength = length;
    return true;
  }

  #drop(): void {
    this.options.budget.give(this.#head.length);
    this.#head = NO_BYTES;
    this.#headLength = 0;
    this.#chunks?.release();
    this.#chunks = null;
  }

  #breakHead(why: Break, timeUs: number): void {
    this.onHeadBreak(this.#head, this.#headLength, why, this.#firstUs, timeUs);
  }

  #readChunks(chunks: ChunkedReader, data: Buffer, start: number, end: number, timeUs: number): number {
    const at = chunks.read(data, start, end);
    if (this.#chunks !== chunks) return end;
    if (chunks.state === 'done') this.#complete(chunks.trailers, timeUs);
    else if (chunks.state === 'faulty') {
      this.onBreak('chunk', false, timeUs);
      this.lose();
      return end;
    }
    return at;
  }

  #complete(trailers: string[], timeUs: number): void {
    this.#state = 'start';
    this.#chunks?.release();
    this.#chunks = null;
    this.onComplete(trailers, timeUs);
  }
}

const NO_BYTES = Buffer.alloc(0);
const NO_TRAILERS: string[] = [];
const FIRST_HEAD_BYTES = 1024;
/** So much of a head decides whether it is HTTP at all. */
const PROBE_BYTES = 64;
