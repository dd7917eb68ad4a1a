import { createHash } from 'node:crypto';
import type { ByteBudget } from '../flow/budget.ts';
import type { BodySink } from './exchange.ts';

const FIRST_BYTES = 4096;
const EMPTY = Buffer.alloc(0);

/** Sizes of buffers that are used again: powers of two from FIRST_BYTES to this. */
const LARGEST_POOLED = 64 * 1024;
/** Bytes of buffers that wait for their next use. */
const MOST_POOLED = 1 << 20;

/**
 * Buffers of the usual sizes, used again: making new ones costs more than filling them, and more still when they are collected.
 * Only for content that nobody holds on to once it is released.
 */
export class BodyPool {
  /** By size: FIRST_BYTES, twice that, and so on. */
  readonly #free: Buffer[][] = [];
  #bytes = 0;

  /** The size of the buffer that is given for so many bytes. */
  sizeFor(bytes: number): number {
    return bytes > LARGEST_POOLED ? bytes : FIRST_BYTES << classOf(bytes);
  }

  /** @param size as `sizeFor` says */
  take(size: number): Buffer {
    const buffer = size > LARGEST_POOLED ? undefined : this.#free[classOf(size)]?.pop();
    if (buffer === undefined) return Buffer.allocUnsafeSlow(size);
    this.#bytes -= size;
    return buffer;
  }

  give(buffer: Buffer): void {
    const size = buffer.length;
    if (size > LARGEST_POOLED || this.#bytes + size > MOST_POOLED) return;
    (this.#free[classOf(size)] ??= []).push(buffer);
    this.#bytes += size;
  }
}

function classOf(bytes: number): number {
  return bytes <= FIRST_BYTES ? 0 : 32 - Math.clz32((bytes - 1) / FIRST_BYTES);
}

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
  readonly #pool: BodyPool | null;

  /** @param limit bytes of content beyond which it is not kept @param pool where its buffers come from; null: new ones */
  constructor(limit: number, budget: ByteBudget, pool: BodyPool | null = null) {
    this.#limit = limit;
    this.#budget = budget;
    this.#pool = pool;
  }

  write(data: Buffer, start: number, end: number): void {
    if (this.state !== 'kept') return;
    const length = this.#length + end - start;
    if (length > this.#limit) return this.#abandon('too-large');
    if (length > this.#buffer.length && !this.#grow(length)) return this.#abandon('no-memory');
    data.copy(this.#buffer, this.#length, start, end);
    this.#length = length;
  }

  /** Bytes that are kept. */
  get length(): number {
    return this.#length;
  }

  /** The content: a view, valid until `release`. Empty where `state` is not `kept`. */
  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Frees the bytes and gives their room back. Idempotent. */
  release(): void {
    this.#letGo();
    this.#buffer = EMPTY;
    this.#length = 0;
  }

  #grow(length: number): boolean {
    const most = Math.min(Math.max(length, this.#buffer.length * 2, FIRST_BYTES), Math.max(length, this.#limit));
    const wanted = this.#pool?.sizeFor(most) ?? most;
    if (!this.#budget.take(wanted)) return false;
    // Not from Buffer's pool: its slabs would outlive the budget's account.
    const buffer = this.#pool?.take(wanted) ?? Buffer.allocUnsafeSlow(wanted);
    this.#buffer.copy(buffer, 0, 0, this.#length);
    this.#letGo();
    this.#buffer = buffer;
    return true;
  }

  #letGo(): void {
    if (this.#buffer.length === 0) return;
    this.#budget.give(this.#buffer.length);
    this.#pool?.give(this.#buffer);
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
