const WINDOW_MS = 1_000;
/** Long enough for the caches to be worth warming, short enough for whatever goes wrong to last longer. */
const SLOT_MS = 10;

/**
 * Draws events at random, so that about so many a second are in the sample: all of them while fewer come.
 *
 * What is drawn are slots of time with all that comes in them: one that is drawn among others that are not finds the
 * code and tables that it takes driven out of the processor's caches, and costs up to twice as much (docs/compare.md,
 * bounds and costs).
 */
export class RateSample {
  readonly #random: () => number;
  #sinceMs = -Infinity;
  #count = 0;
  /** How many came in the second before. */
  #perSecond = 0;
  #slot = -1;
  #drawn = false;

  /** @param random uniform within [0, 1) */
  constructor(random: () => number) {
    this.#random = random;
  }

  /**
   * An event.
   * @param nowMs on any clock; what comes late counts for the slot of then
   * @param most a second; Infinity: all of them
   * @returns whether it is in the sample
   */
  draw(nowMs: number, most: number): boolean {
    const slot = Math.floor(nowMs / SLOT_MS);
    if (slot !== this.#slot) {
      this.#slot = slot;
      const share = this.#shareAt(nowMs, most);
      this.#drawn = share >= 1 || this.#random() < share;
    }
    this.#count += 1;
    return this.#drawn;
  }

  #shareAt(nowMs: number, most: number): number {
    const passedMs = nowMs - this.#sinceMs;
    if (passedMs >= WINDOW_MS) {
      this.#perSecond = passedMs < 2 * WINDOW_MS ? (this.#count * WINDOW_MS) / passedMs : 0;
      this.#sinceMs = nowMs;
      this.#count = 0;
    }
    // A burst is not known from the second before.
    return Math.min(most / this.#perSecond, most / (this.#count + 1));
  }
}
