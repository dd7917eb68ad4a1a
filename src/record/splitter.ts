/** A piece of a file between two separators; `bytes` is null where it is longer than allowed. */
export interface Piece {
  /** Borrowed: valid until the next piece is asked for. */
  readonly bytes: Buffer | null;
  /** Where it begins in the file. */
  readonly offset: number;
  /** It ends with the file, not with a separator. */
  readonly last: boolean;
}

const FIRST_BYTES = 1 << 16;

/** Cuts a file at each separator. Holds one piece at a time, and nothing of one that is longer than `maxBytes`. */
export class Splitter {
  readonly #separator: Buffer;
  readonly #maxBytes: number;
  #held = Buffer.allocUnsafe(FIRST_BYTES);
  #length = 0;
  /** Where `#held[0]` is in the file. */
  #offset = 0;
  /** Where the present piece begins, if it is longer than allowed; else -1. */
  #oversized = -1;

  constructor(separator: Buffer, maxBytes: number) {
    this.#separator = separator;
    this.#maxBytes = maxBytes;
  }

  *push(chunk: Buffer): Generator<Piece> {
    const overlap = this.#separator.length - 1;
    let searched = Math.max(0, this.#length - overlap);
    this.#append(chunk);
    let start = 0;
    for (;;) {
      const at = this.#held.subarray(0, this.#length).indexOf(this.#separator, Math.max(searched, start));
      if (at < 0) break;
      yield this.#piece(start, at, false);
      start = at + this.#separator.length;
      searched = start;
    }
    this.#drop(start);
    if (this.#length <= this.#maxBytes + overlap) return;
    if (this.#oversized < 0) this.#oversized = this.#offset;
    this.#drop(this.#length - overlap);
  }

  /** What stands behind the last separator, if anything does. */
  *end(): Generator<Piece> {
    if (this.#length > 0 || this.#oversized >= 0) yield this.#piece(0, this.#length, true);
  }

  #piece(start: number, end: number, last: boolean): Piece {
    const oversized = this.#oversized;
    this.#oversized = -1;
    if (oversized >= 0) return { bytes: null, offset: oversized, last };
    const offset = this.#offset + start;
    return { bytes: end - start > this.#maxBytes ? null : this.#held.subarray(start, end), offset, last };
  }

  #append(chunk: Buffer): void {
    const length = this.#length + chunk.length;
    if (length > this.#held.length) {
      const larger = Buffer.allocUnsafe(Math.max(length, this.#held.length * 2));
      this.#held.copy(larger, 0, 0, this.#length);
      this.#held = larger;
    }
    chunk.copy(this.#held, this.#length);
    this.#length = length;
  }

  #drop(bytes: number): void {
    this.#held.copyWithin(0, bytes, this.#length);
    this.#length -= bytes;
    this.#offset += bytes;
  }
}
