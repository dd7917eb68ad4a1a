/**
 * How long to wait after failures: twice as long each time, within a bound, and at random below that ("full jitter"),
 * so that the agents of a cluster do not come back all at once.
 */
export class BackOff {
  readonly #firstMs: number;
  readonly #maxMs: number;
  #failures = 0;

  constructor(firstMs: number, maxMs: number) {
    this.#firstMs = firstMs;
    this.#maxMs = maxMs;
  }

  /** @param atLeastMs what the server asked for */
  next(atLeastMs = 0): number {
    const bound = Math.min(this.#maxMs, this.#firstMs * 2 ** Math.min(this.#failures, 30));
    this.#failures += 1;
    // Never zero: a loop of failures must leave room for everything else.
    return atLeastMs + bound * (0.1 + 0.9 * Math.random());
  }

  reset(): void {
    this.#failures = 0;
  }
}
