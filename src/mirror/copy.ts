import { Link } from '../flow/link.ts';
import { outcomeSlot } from '../ledger/outcomes.ts';
import type { AnswerKeeper } from './answer-keeper.ts';
import type { Delivery, DeliveryObserver, FailureReason, OutgoingRequest } from './http-client.ts';

/** A copy that may be sent, and what it costs to keep it. */
export interface PreparedCopy {
  readonly request: OutgoingRequest;
  /** Memory that it takes until it has ended: its texts, objects and content. */
  readonly bytes: number;
  /** The part of `bytes` that no budget knows of yet: all but captured content. */
  readonly room: number;
}

/** Hears of a copy's end, once; `slot` is an index of OUTCOME_SLOTS. */
export interface CopyListener {
  /** Gets the mirror's answer: all that came of it is there before onCopyEnd. null: nobody wants it. */
  readonly keeper: AnswerKeeper | null;
  onCopyEnd(slot: number): void;
}

export const MIRRORED = [
  outcomeSlot('mirrored', '1xx'),
  outcomeSlot('mirrored', '2xx'),
  outcomeSlot('mirrored', '3xx'),
  outcomeSlot('mirrored', '4xx'),
  outcomeSlot('mirrored', '5xx'),
];

export const FAILED: Readonly<Record<FailureReason, number>> = {
  connect: outcomeSlot('failed', 'connect'),
  timeout: outcomeSlot('failed', 'timeout'),
  reset: outcomeSlot('failed', 'reset'),
  protocol: outcomeSlot('failed', 'protocol'),
  rejected: outcomeSlot('failed', 'rejected'),
  cancelled: outcomeSlot('incomplete', 'reset'),
};

/** What hears of a delivery's end: the queue that the copy is in. */
export interface CopyOwner<C> {
  ended(copy: C, slot: number): void;
}

/** A copy in a queue, and then on its way. */
export class Copy implements DeliveryObserver {
  readonly listener: CopyListener;
  /** Copies of one lane go out one after the other; null: in no order. */
  readonly lane: object | null;
  /** Taken from the budget. */
  readonly room: number;
  bytes: number;
  sentMs = 0;
  /** It is counted, and nobody waits for it any more. */
  over = false;
  delivery: Delivery | null = null;
  readonly link = new Link<Copy>(this);
  protected status = 0;
  readonly #owner: CopyOwner<Copy>;
  readonly #request: OutgoingRequest;

  constructor(owner: CopyOwner<Copy>, { request, bytes, room }: PreparedCopy, listener: CopyListener, lane: object | null) {
    this.#owner = owner;
    this.#request = request;
    this.bytes = bytes;
    this.room = room;
    this.listener = listener;
    this.lane = lane;
  }

  get request(): OutgoingRequest {
    return this.#request;
  }

  get keeper(): AnswerKeeper | null {
    return this.listener.keeper;
  }

  /** The mirror could not do what it was asked. */
  get isServerError(): boolean {
    return this.status >= 500;
  }

  /** How long the mirror took. */
  latencyMs(nowMs: number): number {
    return nowMs - this.sentMs;
  }

  /** The outcome of one that was answered. */
  protected get answered(): number {
    return MIRRORED[Math.min(Math.max(Math.floor(this.status / 100), 1), 5) - 1]!;
  }

  onAnswer(status: number): void {
    this.status = status;
  }

  onEnd(_trailers: readonly string[]): void {
    this.keeper?.onEnd(performance.now());
    this.#owner.ended(this, this.answered);
  }

  onFailure(reason: FailureReason): void {
    this.#owner.ended(this, FAILED[reason]);
  }
}
