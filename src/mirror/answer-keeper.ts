import type { ByteBudget } from '../flow/budget.ts';
import { KeepBody, type BodyPool } from '../http/body.ts';
import { textCost, type BodySink } from '../http/exchange.ts';

/**
 * What is there of an answer: all of it (`whole`); a head whose content is beyond the bound (`too-large`) or for which there
 * was no memory (`memory`); one that was cut (`incomplete`); none (`failed`).
 */
export type AnswerState = 'whole' | 'too-large' | 'memory' | 'incomplete' | 'failed';

const NO_FIELDS: readonly string[] = [];

/**
 * Keeps a mirror's answer to one copy: the client fills it, the queue closes it before the copy's listener hears of the
 * end, and then whoever made it reads it and releases it. What is kept counts against a shared budget.
 *
 *   open ─ onHead ─▶ answered ─ onEnd ─▶ ended        close, from anywhere: nothing more is taken
 */
export class AnswerKeeper implements BodySink {
  /** 0 where there was no answer. Of interim answers (1xx) nothing is kept. */
  status = 0;
  /** Flat, in the order and case of the wire, latin-1; without pseudo-headers. */
  headers: readonly string[] = NO_FIELDS;
  /** Flat, likewise. Where HTTP/2 has nothing but a head, its fields are `headers`. */
  trailers: readonly string[] = NO_FIELDS;
  /** Times of `performance.now()`, milliseconds: when the request had been handed to the connection; -1: not known. */
  sentMs = -1;
  firstByteMs = -1;
  completeMs = -1;
  /** How long connecting took, TLS included, where the connection was opened for this copy, microseconds; -1 where it was not. */
  connectUs = -1;
  readonly #body: KeepBody;
  readonly #budget: ByteBudget;
  /** Room taken for head and trailers. */
  #room = 0;
  /** There was no room for them. */
  #starved = false;
  #closed = false;

  /** @param maxBytes of content @param pool where buffers come from; null: new ones */
  constructor(maxBytes: number, budget: ByteBudget, pool: BodyPool | null = null) {
    this.#body = new KeepBody(maxBytes, budget, pool);
    this.#budget = budget;
  }

  get state(): AnswerState {
    if (this.status === 0) return 'failed';
    if (this.completeMs < 0) return 'incomplete';
    if (this.#body.state === 'too-large') return 'too-large';
    return this.#starved || this.#body.state === 'no-memory' ? 'memory' : 'whole';
  }

  /** Content without transfer coding, still in its content-encoding: a view, valid until `release`; null where there is none. */
  get content(): Buffer | null {
    return this.#body.length === 0 ? null : this.#body.bytes();
  }

  /** Bytes of content that are kept. */
  get length(): number {
    return this.#body.length;
  }

  onConnected(connectUs: number): void {
    if (!this.#closed) this.connectUs = connectUs;
  }

  /** Part of the request is out; the last call before the answer counts. */
  onSent(nowMs: number): void {
    if (!this.#closed && this.status === 0) this.sentMs = nowMs;
  }

  /**
   * The head of the final answer. May be called once.
   * @param headers flat, without pseudo-headers; stays with the keeper
   * @param headBytes of the text that they are parts of
   */
  onHead(status: number, headers: readonly string[], headBytes: number, firstByteMs: number): void {
    if (this.#closed) return;
    this.status = status;
    this.firstByteMs = firstByteMs;
    if (this.#charge(textCost(headers.length, headBytes))) this.headers = headers;
  }

  write(data: Buffer, start: number, end: number): void {
    if (!this.#closed && !this.#starved) this.#body.write(data, start, end);
  }

  /** @param trailers flat; stays with the keeper */
  onTrailers(trailers: readonly string[]): void {
    if (this.#closed || trailers.length === 0) return;
    if (this.#charge(textCost(trailers.length, lengthOf(trailers)))) this.trailers = trailers;
  }

  /** The answer is whole. */
  onEnd(nowMs: number): void {
    if (!this.#closed) this.completeMs = nowMs;
  }

  /** Takes nothing more; of an answer that is not whole nothing stays but its status and times. Idempotent. */
  close(): void {
    this.#closed = true;
    if (this.state !== 'whole') this.release();
  }

  /** Frees what was kept and gives its room back. Idempotent. */
  release(): void {
    this.#closed = true;
    this.#body.release();
    this.#budget.give(this.#room);
    this.#room = 0;
    this.headers = NO_FIELDS;
    this.trailers = NO_FIELDS;
  }

  #charge(bytes: number): boolean {
    if (this.#starved || !this.#budget.take(bytes)) {
      this.#starved = true;
      this.#body.release();
      return false;
    }
    this.#room += bytes;
    return true;
  }
}

/** Characters of a flat list. */
export function lengthOf(fields: readonly string[]): number {
  let length = 0;
  for (let i = 0; i < fields.length; i++) length += fields[i]!.length;
  return length;
}
