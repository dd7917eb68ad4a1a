import type { ByteBudget } from '../../flow/budget.ts';
import * as frame from '../../tap/http2-frame.ts';
import { Carry } from './carry.ts';
import { HeaderBlock } from './header-block.ts';
import type { BlockLoss } from './header-block.ts';

/**
 * Receives one direction's frames. Bytes are borrowed until the call returns. Who returns false finds that the connection
 * is in error: nothing more is read. PRIORITY, PING, WINDOW_UPDATE and frames of unknown types are checked and passed over.
 */
export interface FrameHandler {
  /** A frame has come whose header is in order. */
  onFrame(): void;
  /** A whole header block, of HEADERS and its CONTINUATIONs, without padding and priority. */
  onHeaders(stream: number, endStream: boolean, data: Buffer, start: number, end: number): boolean;
  onPushPromise(stream: number, promised: number, data: Buffer, start: number, end: number): boolean;
  /** A header block could not be kept. @param stream 0 for a push promise */
  onLostBlock(stream: number, endStream: boolean, why: BlockLoss): void;
  /** A piece of a DATA frame's content, without padding. */
  onData(stream: number, data: Buffer, start: number, end: number): void;
  /** A piece of a DATA frame's content was never captured. */
  onDataGap(stream: number): void;
  /** A DATA frame is over. */
  onDataEnd(stream: number, endStream: boolean): boolean;
  onReset(stream: number, code: number): void;
  /** @param end equals `start` for an acknowledgement */
  onSettings(isAck: boolean, data: Buffer, start: number, end: number): boolean;
  onGoaway(lastStream: number, code: number): void;
}

/**
 *   HEADER ─ DATA ─▶ (PAD_LENGTH ─▶) CONTENT ─▶ PASS (padding) ─▶ HEADER
 *      ├── HEADERS, CONTINUATION, PUSH_PROMISE, SETTINGS, RST_STREAM, GOAWAY, WINDOW_UPDATE ─▶ COLLECT (─▶ PASS) ─▶ HEADER
 *      └── others, and header blocks that are too large ─▶ PASS ─▶ HEADER
 */
const HEADER = 0;
const PAD_LENGTH = 1;
const CONTENT = 2;
const COLLECT = 3;
const PASS = 4;
const MAX_STREAM = 0x7fff_ffff;
/** Of GOAWAY, what comes after these bytes is for people. */
const GOAWAY_BYTES = 8;
/** More settings than there are; a frame that is larger is refused. */
const MAX_SETTINGS_BYTES = 6 * 1024;

/**
 * Cuts one direction of a connection into frames, RFC 9113 section 4, and holds them to what section 6 says of lengths,
 * flags, padding and streams. Content passes through without being copied; what has to be read in one piece is copied
 * only where it does not lie in one segment.
 */
export class FrameReader {
  /** The receiver's SETTINGS_MAX_FRAME_SIZE. */
  maxFrameSize = frame.DEFAULT_FRAME_SIZE;
  /** Refuse types that nobody has defined: where it is not certain that these are frames at all. */
  strict = false;
  #state = HEADER;
  #length = 0;
  #type = 0;
  #flags = 0;
  #stream = 0;
  /** Bytes still to come in the present state, */
  #left = 0;
  /** and of the frame after them. */
  #after = 0;
  /** A frame's header that did not come in one piece. */
  readonly #header = Buffer.alloc(frame.FRAME_HEADER_BYTES);
  #headerLength = 0;
  /** A frame's payload that did not come in one piece. */
  readonly #payload: Carry;
  readonly #block: HeaderBlock;
  readonly #handler: FrameHandler;

  /** @param maxBlock bytes of a header block beyond which it is not kept */
  constructor(handler: FrameHandler, maxBlock: number, budget: ByteBudget) {
    this.#handler = handler;
    this.#payload = new Carry(budget);
    this.#block = new HeaderBlock(maxBlock, budget);
  }

  /** A frame begins with the next byte. */
  get atBoundary(): boolean {
    return this.#state === HEADER && this.#headerLength === 0;
  }

  /** @returns false if what came is not HTTP/2: nothing more can be read */
  read(data: Buffer, start: number, end: number): boolean {
    let at = start;
    while (at < end) {
      switch (this.#state) {
        case HEADER:
          if (this.#headerLength === 0 && end - at >= frame.FRAME_HEADER_BYTES) {
            if (!this.#begin(data, at)) return false;
            at += frame.FRAME_HEADER_BYTES;
          } else {
            const copied = data.copy(this.#header, this.#headerLength, at, end);
            at += copied;
            this.#headerLength += copied;
            if (this.#headerLength < frame.FRAME_HEADER_BYTES) return true;
            this.#headerLength = 0;
            if (!this.#begin(this.#header, 0)) return false;
          }
          break;
        case PAD_LENGTH:
          if (!this.#beginContent(data[at++]!, 1)) return false;
          break;
        default: {
          const stop = Math.min(end, at + this.#left);
          if (this.#state === CONTENT) this.#handler.onData(this.#stream, data, at, stop);
          else if (this.#state === COLLECT && !this.#collect(data, at, stop)) return false;
          this.#left -= stop - at;
          at = stop;
          if (this.#left === 0 && !this.#advance()) return false;
        }
      }
    }
    return true;
  }

  /**
   * Passes over bytes that were never captured, if they lie within content or padding of one frame.
   * @returns false if they do not: where the next frame begins is then not known
   */
  skip(missing: number): boolean {
    const inContent = this.#state === CONTENT;
    if (!inContent && this.#state !== PASS) return false;
    if (missing > this.#left + this.#after) return false;
    if (inContent && this.#left > 0) this.#handler.onDataGap(this.#stream);
    const first = Math.min(missing, this.#left);
    this.#left -= first;
    if (this.#left > 0) return true;
    const isPast = missing > first;
    if (!this.#advance()) return false;
    if (!isPast) return true;
    this.#left -= missing - first;
    return this.#left > 0 || this.#advance();
  }

  /** The next byte begins a frame of which nothing is known. Gives its memory back. */
  reset(): void {
    this.#state = HEADER;
    this.#headerLength = 0;
    this.#payload.clear();
    this.#block.reset();
  }

  #begin(header: Buffer, at: number): boolean {
    this.#length = (header[at]! << 16) | (header[at + 1]! << 8) | header[at + 2]!;
    this.#type = header[at + 3]!;
    this.#flags = header[at + 4]!;
    this.#stream = ((header[at + 5]! << 24) | (header[at + 6]! << 16) | (header[at + 7]! << 8) | header[at + 8]!) & MAX_STREAM;
    this.#after = 0;
    if (this.#length > this.maxFrameSize || !this.#isOrderly()) return false;
    this.#handler.onFrame();
    return this.#length > 0 || this.#finish();
  }

  /** Checks what section 6 demands of the header, and says what is done with the payload. */
  #isOrderly(): boolean {
    const length = this.#length;
    const stream = this.#stream;
    this.#left = length;
    const { continues } = this.#block;
    if (continues !== 0 && (this.#type !== frame.CONTINUATION || stream !== continues)) return false;
    switch (this.#type) {
      case frame.DATA:
        if (stream === 0) return false;
        return (this.#flags & frame.PADDED) === 0 ? this.#beginContent(0, 0) : this.#await(PAD_LENGTH, length > 0);
      case frame.HEADERS:
        this.#block.begin(stream, (this.#flags & frame.END_STREAM) !== 0);
        return this.#await(this.#block.admits(length) ? COLLECT : PASS, stream !== 0);
      case frame.PUSH_PROMISE:
        this.#block.begin(0, false);
        return this.#await(this.#block.admits(length) ? COLLECT : PASS, stream !== 0);
      case frame.CONTINUATION:
        return this.#await(this.#block.admits(length) ? COLLECT : PASS, continues !== 0);
      case frame.PRIORITY:
        return this.#await(PASS, stream !== 0 && length === 5);
      case frame.RST_STREAM:
        return this.#await(COLLECT, stream !== 0 && length === 4);
      case frame.SETTINGS:
        return this.#await(COLLECT, stream === 0 && length <= MAX_SETTINGS_BYTES && length % 6 === 0 && ((this.#flags & frame.ACK_FLAG) === 0 || length === 0));
      case frame.PING:
        return this.#await(PASS, stream === 0 && length === 8);
      case frame.GOAWAY:
        this.#left = GOAWAY_BYTES;
        this.#after = length - GOAWAY_BYTES;
        return this.#await(COLLECT, stream === 0 && length >= GOAWAY_BYTES);
      case frame.WINDOW_UPDATE:
        return this.#await(COLLECT, length === 4);
      default:
        return this.#await(PASS, !this.strict || isDefined(this.#type));
    }
  }

  #await(state: number, orderly: boolean): boolean {
    this.#state = state;
    return orderly;
  }

  /** @param read bytes of the payload that have been read: the pad length */
  #beginContent(padding: number, read: number): boolean {
    const content = this.#length - read - padding;
    if (content < 0) return false;
    this.#state = CONTENT;
    this.#left = content;
    this.#after = padding;
    return content > 0 || read === 0 || this.#advance();
  }

  /** Takes the payload in one piece: from the segment, or if it is not all there, from a copy. */
  #collect(data: Buffer, start: number, end: number): boolean {
    const isLast = end - start === this.#left;
    if (isLast && this.#payload.length === 0) return this.#take(data, start, end);
    if (!this.#payload.append(data, start, end)) {
      if (!isBlock(this.#type)) return false;
      this.#payload.clear();
      this.#block.lose('no-memory');
      this.#state = PASS;
      return true;
    }
    if (!isLast) return true;
    const taken = this.#take(this.#payload.bytes, 0, this.#payload.length);
    this.#payload.clear();
    return taken;
  }

  /** A part of the frame is over. */
  #advance(): boolean {
    if (this.#after === 0) return this.#finish();
    this.#state = PASS;
    this.#left = this.#after;
    this.#after = 0;
    return true;
  }

  /** The frame is over. */
  #finish(): boolean {
    const isEmpty = this.#length === 0 && this.#state === COLLECT;
    this.#state = HEADER;
    if (this.#type === frame.DATA) return this.#handler.onDataEnd(this.#stream, (this.#flags & frame.END_STREAM) !== 0);
    if (isEmpty && !this.#take(this.#header, 0, 0)) return false;
    if (isBlock(this.#type)) this.#endFragment();
    return true;
  }

  #take(data: Buffer, start: number, end: number): boolean {
    switch (this.#type) {
      case frame.HEADERS:
      case frame.PUSH_PROMISE:
        return this.#takeFirstFragment(data, start, end);
      case frame.CONTINUATION:
        return this.#takeFragment(data, start, end);
      case frame.RST_STREAM:
        this.#handler.onReset(this.#stream, data.readUInt32BE(start));
        return true;
      case frame.SETTINGS:
        return this.#handler.onSettings((this.#flags & frame.ACK_FLAG) !== 0, data, start, end);
      case frame.GOAWAY:
        this.#handler.onGoaway(data.readUInt32BE(start) & MAX_STREAM, data.readUInt32BE(start + 4));
        return true;
      default:
        // WINDOW_UPDATE: an increment of 0 is an error.
        return (data.readUInt32BE(start) & MAX_STREAM) !== 0;
    }
  }

  #takeFirstFragment(data: Buffer, start: number, end: number): boolean {
    const isPadded = (this.#flags & frame.PADDED) !== 0;
    if (isPadded && start === end) return false;
    const to = isPadded ? end - data[start]! : end;
    let from = isPadded ? start + 1 : start;
    if (this.#type === frame.PUSH_PROMISE) {
      if (to - from < 4) return false;
      const promised = data.readUInt32BE(from) & MAX_STREAM;
      if (promised === 0 || (promised & 1) === 1) return false;
      this.#block.promised = promised;
      from += 4;
    } else if ((this.#flags & frame.PRIORITY_FLAG) !== 0) from += 5;
    return from <= to && this.#takeFragment(data, from, to);
  }

  #takeFragment(data: Buffer, start: number, end: number): boolean {
    const { fragments } = this.#block;
    const isLast = (this.#flags & frame.END_HEADERS) !== 0;
    if (isLast && fragments.length === 0) return this.#deliver(data, start, end);
    if (!fragments.append(data, start, end)) this.#block.lose('no-memory');
    return this.#block.loss !== null || !isLast || this.#deliver(fragments.bytes, 0, fragments.length);
  }

  #deliver(data: Buffer, start: number, end: number): boolean {
    const { stream, promised, endStream } = this.#block;
    if (promised !== 0) return this.#handler.onPushPromise(this.#stream, promised, data, start, end);
    return this.#handler.onHeaders(stream, endStream, data, start, end);
  }

  /** A frame of a header block is over. */
  #endFragment(): void {
    const block = this.#block;
    if ((this.#flags & frame.END_HEADERS) === 0) {
      block.continues = this.#stream;
      return;
    }
    const { loss } = block;
    block.reset();
    if (loss !== null) this.#handler.onLostBlock(block.stream, block.endStream, loss);
  }
}

function isBlock(type: number): boolean {
  return type === frame.HEADERS || type === frame.PUSH_PROMISE || type === frame.CONTINUATION;
}

function isDefined(type: number): boolean {
  return type === frame.ALTSVC || type === frame.ORIGIN || type === frame.PRIORITY_UPDATE;
}
