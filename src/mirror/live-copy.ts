import { PREFIX_BYTES } from '../http/grpc.ts';
import { outcomeSlot } from '../ledger/outcomes.ts';
import { Copy, FAILED, type CopyListener, type CopyOwner, type PreparedCopy } from './copy.ts';
import type { BodyWriter, LiveBody, OutgoingRequest } from './http-client.ts';
import type { LiveMessage } from './live-message.ts';
import type { Redactor } from './redact.ts';

const TOO_LARGE = outcomeSlot('too-large', '');
const REDACTION = outcomeSlot('failed', 'redaction');
const SHED_BYTES = outcomeSlot('shed', 'bytes');

/** gRPC's codes for what is the server's fault: UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS. */
const SERVER_FAULTS = new Set(['2', '4', '12', '13', '14', '15']);

/** What the capture tells a copy of a call that goes on. Nothing here waits. */
export interface LiveFeed {
  /** It takes more of the call; where not, its end is counted. */
  readonly isOpen: boolean;
  /** @param message borrowed: who keeps it holds it */
  push(message: LiveMessage): void;
  /** The client has ended its side, in order. */
  end(): void;
  /** The client has cancelled the call, and so does the copy. */
  cancel(): void;
  /** What follows is not known: the copy is reset, and counted as told. */
  giveUp(slot: number): void;
  /** Both sides of the original are over: from now on the mirror is held to time. */
  originalOver(nowMs: number): void;
}

/** The queue of a live copy. */
export interface LiveOwner extends CopyOwner<Copy> {
  /** Makes room for more bytes of a copy. @returns false where the target has too many already */
  grow(copy: Copy, bytes: number): boolean;
  shrink(copy: Copy, bytes: number): void;
  /** Ends a copy, wherever it is, and resets its stream. */
  giveUp(copy: Copy, slot: number): void;
}

export interface LiveRules {
  /** Of one message. */
  readonly maxBodyBytes: number;
  /** null: nothing is secret. */
  readonly redactor: Redactor | null;
  /** What the client gives the call, milliseconds; may be Infinity. */
  readonly grpcTimeoutMs: number;
}

/**
 * The copy of a call, sent message by message as they are captured. It keeps what the mirror has not taken yet, counted
 * against the target's bytes; where there is no more room it is reset.
 */
export class LiveCopy extends Copy implements LiveBody, LiveFeed {
  readonly #owner: LiveOwner;
  readonly #outgoing: OutgoingRequest;
  readonly #rules: LiveRules;
  /** Messages that are not out of our hands, oldest first. */
  readonly #held: LiveMessage[] = [];
  #writer: BodyWriter | null = null;
  #ended = false;
  #beganMs: number;
  /** Since when the mirror has owed us something without a sign of life. */
  #silentSinceMs: number;
  #answeredMs = 0;
  #originalOverMs = Infinity;
  #grpcStatus = '';

  constructor(owner: LiveOwner, prepared: PreparedCopy, listener: CopyListener, rules: LiveRules, nowMs: number) {
    super(owner, prepared, listener, null);
    this.#owner = owner;
    this.#rules = rules;
    this.#beganMs = this.#silentSinceMs = nowMs;
    this.#outgoing = { ...prepared.request, http2: { ...prepared.request.http2!, live: this } };
  }

  override get request(): OutgoingRequest {
    return this.#outgoing;
  }

  override get isServerError(): boolean {
    return super.isServerError || SERVER_FAULTS.has(this.#grpcStatus);
  }

  /** Of a stream that lives for hours, the time to its answer says how the mirror fares. */
  override latencyMs(nowMs: number): number {
    return (this.#answeredMs === 0 ? nowMs : this.#answeredMs) - Math.max(this.sentMs, this.#beganMs);
  }

  get isOpen(): boolean {
    return !this.over;
  }

  /** The original goes on, so that more may come. */
  get goesOn(): boolean {
    return this.#originalOverMs === Infinity;
  }

  /** Nothing happens before more of the original comes, or others have ended. */
  get awaitsOriginal(): boolean {
    return this.goesOn && (this.#held.length === 0 || this.sentMs === 0);
  }

  push(message: LiveMessage): void {
    if (this.over) return;
    if (message.bytes.length - PREFIX_BYTES > this.#rules.maxBodyBytes) return this.giveUp(TOO_LARGE);
    if (!this.#isClean(message)) return this.giveUp(REDACTION);
    if (!this.#owner.grow(this, message.bytes.length)) return this.giveUp(SHED_BYTES);
    message.hold();
    if (this.#held.length === 0) this.#silentSinceMs = performance.now();
    this.#held.push(message);
    this.#writer?.write(message.bytes);
  }

  end(): void {
    this.#ended = true;
    this.#beganMs = performance.now();
    if (!this.over) this.#writer?.end();
  }

  cancel(): void {
    this.giveUp(this.status === 0 ? FAILED.cancelled : this.answered);
  }

  giveUp(slot: number): void {
    if (!this.over) this.#owner.giveUp(this, slot);
  }

  originalOver(nowMs: number): void {
    this.#originalOverMs = nowMs;
    this.#silentSinceMs = Math.max(this.#silentSinceMs, nowMs);
  }

  attach(writer: BodyWriter): void {
    this.#writer = writer;
    this.#silentSinceMs = performance.now();
    for (const { bytes } of this.#held) writer.write(bytes);
    if (this.#ended) writer.end();
  }

  onWritten(): void {
    const message = this.#held.shift();
    if (message === undefined) return;
    this.#owner.shrink(this, message.bytes.length);
    message.release();
    this.onHeard();
  }

  onHeard(): void {
    this.#silentSinceMs = performance.now();
  }

  override onAnswer(status: number): void {
    super.onAnswer(status);
    this.#answeredMs = performance.now();
  }

  override onEnd(trailers: readonly string[]): void {
    const at = trailers.indexOf('grpc-status');
    if (at >= 0) this.#grpcStatus = trailers[at + 1] ?? '';
    super.onEnd(trailers);
  }

  /**
   * Whether the mirror has had its time: the client's own deadline, or `timeoutMs` of silence while something waits to be
   * taken or the original is over; and once that is over, not more than as long again.
   */
  isOverdue(nowMs: number, timeoutMs: number): boolean {
    if (nowMs - this.sentMs >= this.#rules.grpcTimeoutMs) return true;
    const over = this.#originalOverMs;
    if (this.#held.length === 0 && this.#writer !== null && nowMs < over) return false;
    return nowMs - Math.max(this.#silentSinceMs, this.sentMs) >= timeoutMs || nowMs - over >= timeoutMs + Math.max(0, over - this.sentMs);
  }

  /** Lets go of what it holds. */
  release(): void {
    for (const message of this.#held.splice(0)) message.release();
  }

  /** Messages may be JSON, and then hold what is secret; what is compressed cannot be looked into. */
  #isClean({ bytes }: LiveMessage): boolean {
    const { redactor } = this.#rules;
    if (redactor === null || bytes.length === PREFIX_BYTES) return true;
    if (!redactor.readsContent) return true;
    if (bytes[0] !== 0) return false;
    const content = bytes.subarray(PREFIX_BYTES);
    return redactor.body(this.#outgoing.headers, content)?.equals(content) === true;
  }
}
