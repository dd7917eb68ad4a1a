import { beginsFrame } from '../../tap/http2-frame.ts';
import type { HttpOptions } from '../message-reader.ts';
import { FrameReader } from './frame-reader.ts';
import type { FrameHandler } from './frame-reader.ts';
import type { BlockLoss } from './header-block.ts';
import { HpackDecoder } from './hpack.ts';
import { LARGEST_FRAME_SIZE } from './settings.ts';
import type { Settings } from './settings.ts';
import type { Streams } from './streams.ts';

/**
 *               ┌──────────────── bytes are missing ───────────────┐
 *               ▼                                                  │
 *   joined ─▶ searching ─ a segment begins like a frame ─▶ reading ┤◀─ beginning of the connection
 *               ▲                                           │      │
 *               └─ it was none, and nobody believed it yet ─┘      └─ the rules are broken ─▶ off
 */
type State = 'reading' | 'searching' | 'off';

/**
 * One direction of an HTTP/2 connection: frames, header table, and where the thread is picked up when bytes are missing.
 *
 * A direction that is not read from its beginning is joined where a segment begins like a frame. From there on everything
 * has to be in order: frames follow each other, types, flags, lengths and streams are possible, header blocks can be
 * decoded, no segment begins with something that looks like a frame and is none. If anything is not, the search begins
 * again. It is not *believed* until both directions have confirmed each other; see Http2Connection.
 */
export abstract class Half implements FrameHandler {
  /** How often it was joined; 0: it is read from its beginning. */
  join = 0;
  /** Frames read since it was joined last. */
  frames = 0;
  believed: boolean;
  protected readonly streams: Streams;
  protected readonly hpack: HpackDecoder;
  protected timeUs = 0;
  readonly #own: Settings;
  readonly #peers: Settings;
  readonly #reader: FrameReader;
  readonly #fromClient: boolean;
  #state: State = 'reading';
  #failures = 0;

  /**
   * @param own what this side says that it accepts
   * @param peers what the other side accepts
   */
  constructor(fromClient: boolean, streams: Streams, options: HttpOptions, own: Settings, peers: Settings) {
    this.#fromClient = fromClient;
    this.streams = streams;
    this.#own = own;
    this.#peers = peers;
    this.hpack = new HpackDecoder(true, options.maxHeadBytes, options.budget);
    this.#reader = new FrameReader(this, options.maxHeadBytes, options.budget);
    this.believed = true;
  }

  /** It looks for a place to join. */
  get searching(): boolean {
    return this.#state === 'searching';
  }

  /** Times that what it had joined was no HTTP/2. */
  get failures(): number {
    return this.#failures;
  }

  read(data: Buffer, start: number, end: number, timeUs: number): void {
    if (this.#state === 'off' || (this.#state === 'searching' && !this.#joins(data, start, end))) {
      this.streams.counters.skippedBytes += end - start;
      return;
    }
    // Two readings of the same bytes: neither is believed.
    if (!this.believed && !this.#reader.atBoundary && beginsFrame(data, start, end, this.#fromClient)) return this.#fail();
    this.timeUs = timeUs;
    this.hpack.maxTableSize = this.#peers.tableSize;
    // With responses there is no need to be strict: nobody acts on them.
    this.#reader.maxFrameSize = this.#fromClient ? this.#peers.frameSize : LARGEST_FRAME_SIZE;
    if (this.#reader.read(data, start, end)) return;
    if (this.believed) this.onBroken();
    else this.#fail();
  }

  /** @param missing Infinity where nobody knows how many */
  skip(missing: number, timeUs: number): void {
    this.timeUs = timeUs;
    if (this.#state !== 'reading' || this.#reader.skip(missing)) return;
    this.onLost('gap');
    this.search();
  }

  /** What follows does not follow what came before. */
  search(): void {
    if (this.#state !== 'off') this.startSearch();
  }

  /** As `search`, whatever came before: it was taken for the beginning of the connection, and was not. */
  startSearch(): void {
    this.#state = 'searching';
    this.believed = false;
    this.join++;
    this.frames = 0;
    this.hpack.forget();
    this.#own.forget();
    this.#reader.reset();
    this.#reader.strict = true;
  }

  believe(): void {
    this.believed = true;
    this.#reader.strict = false;
  }

  /** Reads nothing more, and gives its memory back. Not to be called from within a frame's handling. */
  stop(): void {
    this.#state = 'off';
    this.hpack.release();
    this.#reader.reset();
  }

  onFrame(): void {
    this.frames++;
  }

  onSettings(isAck: boolean, data: Buffer, start: number, end: number): boolean {
    if (!isAck) return this.#own.offer(data, start, end);
    this.#peers.acknowledge();
    return true;
  }

  /** The rules are broken in what was believed. */
  protected abstract onBroken(): void;
  /** What was read of the messages in the making will not become whole. */
  protected abstract onLost(why: 'gap' | 'join'): void;

  abstract onHeaders(stream: number, endStream: boolean, data: Buffer, start: number, end: number): boolean;
  abstract onPushPromise(stream: number, promised: number, data: Buffer, start: number, end: number): boolean;
  abstract onLostBlock(stream: number, endStream: boolean, why: BlockLoss): void;
  abstract onData(stream: number, data: Buffer, start: number, end: number): void;
  abstract onDataGap(stream: number): void;
  abstract onDataEnd(stream: number, endStream: boolean): boolean;
  abstract onReset(stream: number, code: number): void;
  abstract onGoaway(lastStream: number, code: number): void;

  #joins(data: Buffer, start: number, end: number): boolean {
    if (!beginsFrame(data, start, end, this.#fromClient)) return false;
    this.#state = 'reading';
    this.streams.counters.h2Joins++;
    return true;
  }

  #fail(): void {
    this.#failures++;
    this.streams.counters.h2FalseJoins++;
    this.onLost('join');
    this.search();
  }
}
