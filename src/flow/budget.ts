/** A number of bytes that several holders share. Who gets no share does without, and counts it. */
export class ByteBudget {
  readonly limit: number;
  used = 0;
  /** Times that a share was refused. */
  refused = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  /** @returns false, and takes nothing, if that much is not left */
  take(bytes: number): boolean {
    if (this.used + bytes > this.limit) {
      this.refused++;
      return false;
    }
    this.used += bytes;
    return true;
  }

  give(bytes: number): void {
    this.used -= bytes;
  }
}

/**
 * A part of a budget for what can be done without: it gives no room once `share` of the whole is in use, by whomever. Its own
 * `used` tells what was taken through it.
 */
export class SpareBudget extends ByteBudget {
  readonly #whole: ByteBudget;

  constructor(whole: ByteBudget, share: number) {
    super(whole.limit * share);
    this.#whole = whole;
  }

  override take(bytes: number): boolean {
    if (this.#whole.used + bytes > this.limit) {
      this.refused++;
      return false;
    }
    this.used += bytes;
    this.#whole.used += bytes;
    return true;
  }

  override give(bytes: number): void {
    this.used -= bytes;
    this.#whole.give(bytes);
  }
}
