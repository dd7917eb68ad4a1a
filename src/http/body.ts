import { createHash } from 'node:crypto';
import type { ByteBudget } from '../flow/budget.ts';
import type { BodySink } from './exchange.ts';

const FIRST_BYTES = 4096;
const EMPTY = Buffer.alloc(0);

/**
 * Keeps a message's content: a copy that grows with what arrives, never with what was announced, so that a hostile
 * Content-Length reserves nothing. Its room is taken from a shared budget until `release`.
 */
export class KeepBody implements BodySink {
  /** `kept`: all of it so far. `too-large`, `no-memory`: more came than `limit` or the budget allows; nothing is kept. */
  state: 'kept' | 'too-large' | 'no-memory' = 'kept';
  #buffer: Buffer = EMPTY;
  #length = 0;
  readonly #limit: number;
  readonly #budget: ByteBudget;

  /** @param limit bytes of content beyond which it is not kept */
  constructor(limit: number, budget: ByteBudget) {
    this.#limit = limit;
    this.#budget = budget;
  }

  write(data: Buffer, start: number, end: number): void {
    if (this.state !== 'kept') return;
    const length = this.#length + end - start;
    if (length > this.#limit) return this.#abandon('too-large');
    if (length > this.#buffer.length && !this.#grow(length)) return this.#abandon('no-memory');
    data.copy(this.#buffer, this.#length, start, end);
    this.#length = length;
  }

  /** The content: a view, valid until `release`. Empty where `state` is not `kept`. */
  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Frees the bytes and gives their room back. Idempotent. */
  release(): void {
    this.#budget.give(this.#buffer.length);
    this.#buffer = EMPTY;
    this.#length = 0;
  }

  #grow(length: number): boolean {
    const wanted = Math.min(Math.max(length, this.#buffer.length * 2, FIRST_BYTES), Math.max(length, this.#limit));
    if (!this.#budget.take(wanted)) return false;
    // Not from Buffer's pool: its slabs would outlive the budget's account.
    const buffer = Buffer.allocUnsafeSlow(wanted);
    this.#buffer.copy(buffer, 0, 0, this.#length);
    this.#budget.give(this.#buffer.length);
    this.#buffer = buffer;
    return true;
  }

  #abandon(state: 'too-large' | 'no-memory'): void {
    this.state = state;
    this.release();
  }
}

/** Takes the SHA-256 of a message's content, and keeps none of it. */
export class DigestBody implements BodySink {
  readonly #hash = createHash('sha256');

  write(data: Buffer, start: number, end: number): void {
    this.#hash.update(data.subarray(start, end));
  }

  /** Lower-case hexadecimal. Call once. */
  digest(): string {
    return this.#hash.digest('hex');
  }
}
