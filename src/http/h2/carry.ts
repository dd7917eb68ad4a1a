import type { ByteBudget } from '../../flow/budget.ts';

const EMPTY = Buffer.alloc(0);
const FIRST_BYTES = 512;

/** Bytes copied because what they belong to did not come in one piece. Room is taken from a budget until `clear`. */
export class Carry {
  #buffer: Buffer = EMPTY;
  #length = 0;
  readonly #budget: ByteBudget;

  constructor(budget: ByteBudget) {
    this.#budget = budget;
  }

  get length(): number {
    return this.#length;
  }

  /** Holds `length` bytes, from offset 0 on. */
  get bytes(): Buffer {
    return this.#buffer;
  }

  /** Copies. @returns false, and holds what it held, if there is no room */
  append(data: Buffer, start: number, end: number): boolean {
    const length = this.#length + end - start;
    if (length > this.#buffer.length) {
      const room = Math.max(FIRST_BYTES, length, this.#buffer.length * 2);
      if (!this.#budget.take(room)) return false;
      // Not from Buffer's pool: its slabs would outlive the budget's account.
      const grown = Buffer.allocUnsafeSlow(room);
      this.#buffer.copy(grown, 0, 0, this.#length);
      this.#budget.give(this.#buffer.length);
      this.#buffer = grown;
    }
    data.copy(this.#buffer, this.#length, start, end);
    this.#length = length;
    return true;
  }

  /** Forgets the bytes and gives their room back. Idempotent. */
  clear(): void {
    if (this.#buffer.length === 0) return;
    this.#budget.give(this.#buffer.length);
    this.#buffer = EMPTY;
    this.#length = 0;
  }
}
