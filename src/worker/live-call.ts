import type { ByteBudget } from '../flow/budget.ts';
import type { KeepBody } from '../http/body.ts';
import type { BodySink, Exchange } from '../http/exchange.ts';
import { GrpcMessages, type MessageReceiver } from '../http/grpc.ts';
import { outcomeSlot } from '../ledger/outcomes.ts';
import type { LiveFeed } from '../mirror/live-copy.ts';
import { LiveMessage } from '../mirror/live-message.ts';

const TOO_LARGE = outcomeSlot('too-large', '');
const NO_MEMORY = outcomeSlot('shed', 'memory');
const STREAMING = outcomeSlot('method', 'streaming');
const CUT_MESSAGE = outcomeSlot('malformed', 'chunk');
const REJECTED = outcomeSlot('failed', 'rejected');

/** The error code CANCEL, RFC 9113 section 7. */
const CANCEL = 8;

export interface LiveCallOptions {
  readonly budget: ByteBudget;
  /** Of one message, and of all that are held back. */
  readonly maxBytes: number;
  /** Only if the client sends no more than one message. */
  readonly single: boolean;
  /** Offers the call to its targets, once. @returns those who want it */
  readonly open: () => readonly LiveFeed[];
  /** The call ends before it was offered. */
  readonly onRefused: (slot: number) => void;
}

/**
 * A call of gRPC that is mirrored as it happens: cuts the client's content into messages and hands them to the copies.
 *
 *   held back ─ confirmed, and one message may be several ─▶ open ─▶ over
 *       └────────────── lost, or too much ─────────────────────────────▲
 *
 * It is held back while its connection may turn out to be none, and where only calls of one message are wanted.
 */
export class LiveCall implements BodySink, MessageReceiver {
  readonly #exchange: Exchange;
  readonly #options: LiveCallOptions;
  readonly #messages: GrpcMessages;
  /** null while it is held back. */
  #feeds: readonly LiveFeed[] | null = null;
  readonly #heldBack: LiveMessage[] = [];
  #heldBytes = 0;
  #over = false;

  constructor(exchange: Exchange, options: LiveCallOptions) {
    this.#exchange = exchange;
    this.#options = options;
    this.#messages = new GrpcMessages(this, options.budget);
  }

  /** Offers the call if nothing holds it back any more. */
  proceed(): void {
    if (this.#feeds === null && !this.#over && this.#exchange.confirmed && !this.#options.single) this.#open();
  }

  write(data: Buffer, start: number, end: number): void {
    if (this.#over) return;
    this.proceed();
    this.#messages.write(data, start, end);
  }

  onMessageHead(bytes: number): boolean {
    if (this.#over) return false;
    if (this.#feeds !== null) return this.#admits(this.#feeds, bytes);
    if (this.#options.single && this.#heldBack.length > 0) return this.#refuse(STREAMING);
    this.#heldBytes += bytes;
    return this.#heldBytes <= this.#options.maxBytes || this.#refuse(TOO_LARGE);
  }

  onMessage(body: KeepBody): void {
    const message = new LiveMessage(body);
    if (this.#feeds === null) {
      this.#heldBack.push(message);
      return;
    }
    for (const feed of this.#feeds) feed.push(message);
    message.release();
  }

  onNoMemory(): void {
    this.giveUp(NO_MEMORY);
  }

  /** The client has ended its side. */
  end(): void {
    if (this.#over) return;
    if (this.#messages.isAmidst) return this.giveUp(CUT_MESSAGE);
    // No client of gRPC sends trailers, and a copy could not be given any once it is on its way.
    if (this.#exchange.request!.trailers.length > 0) return this.giveUp(REJECTED);
    if (this.#feeds === null) this.#open();
    for (const feed of this.#feeds!) feed.end();
    this.#messages.stop();
  }

  /** The request is lost: what follows will never be known, or the client took it back. */
  lose(slot: number): void {
    if (this.#feeds !== null && this.#exchange.resetCode >= 0) this.#cancel();
    else this.giveUp(slot);
  }

  /** Nothing more will be learnt of the call. */
  finish(nowMs: number): void {
    if (this.#exchange.resetCode === CANCEL) this.#cancel();
    for (const feed of this.#feeds ?? []) feed.originalOver(nowMs);
  }

  giveUp(slot: number): void {
    if (this.#feeds === null) this.#refuse(slot);
    for (const feed of this.#feeds ?? []) feed.giveUp(slot);
    this.#stop();
  }

  #cancel(): void {
    for (const feed of this.#feeds ?? []) feed.cancel();
    this.#stop();
  }

  /** A message that is too large for all is not kept at all. */
  #admits(feeds: readonly LiveFeed[], bytes: number): boolean {
    if (bytes > this.#options.maxBytes) this.giveUp(TOO_LARGE);
    else if (!feeds.some((feed) => feed.isOpen)) this.#stop();
    return !this.#over;
  }

  #open(): void {
    this.#feeds = this.#options.open();
    for (const message of this.#heldBack.splice(0)) {
      for (const feed of this.#feeds) feed.push(message);
      message.release();
    }
  }

  #refuse(slot: number): false {
    if (!this.#over) this.#options.onRefused(slot);
    this.#stop();
    return false;
  }

  #stop(): void {
    this.#over = true;
    this.#messages.stop();
    for (const message of this.#heldBack.splice(0)) message.release();
  }
}
