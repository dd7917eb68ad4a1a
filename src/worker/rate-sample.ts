const WINDOW_MS = 1_000;

/** What share of events to take at random, so that about so many a second are: all of them while fewer come. */
export class RateShare {
  readonly #perSecond: number;
  #sinceMs = -Infinity;
  #count = 0;
  /** By how many came in the second before. */
  #share = 1;

  /** @param perSecond Infinity: all of them */
  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  /** An event. @param nowMs on any clock that does not go back @returns the share of such events that is to be taken, 0 to 1 */
  next(nowMs: number): number {
    const passedMs = nowMs - this.#sinceMs;
    if (passedMs >= WINDOW_MS) {
      const perSecond = passedMs < 2 * WINDOW_MS ? (this.#count * WINDOW_MS) / passedMs : 0;
      this.#share = Math.min(1, this.#perSecond / perSecond);
      this.#sinceMs = nowMs;
      this.#count = 0;
    }
    this.#count += 1;
    // A burst is not known from the second before.
    return Math.min(this.#share, this.#perSecond / this.#count);
  }
}
