const MOST_FAILURES = 10;
const WINDOW_MS = 60_000;
/** Addresses that are remembered; beyond it the oldest are forgotten. */
const MOST_ADDRESSES = 1_000;

/** Counts failures by address: after ten within a minute, an address has to wait until the minute is over. */
export class FailureLimit {
  readonly #failures = new Map<string, { count: number; readonly untilMs: number }>();
  readonly #now: () => number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  isOver(address: string): boolean {
    const entry = this.#failures.get(address);
    return entry !== undefined && entry.untilMs > this.#now() && entry.count >= MOST_FAILURES;
  }

  add(address: string): void {
    const nowMs = this.#now();
    const entry = this.#failures.get(address);
    if (entry !== undefined && entry.untilMs > nowMs) {
      entry.count += 1;
      return;
    }
    this.#failures.delete(address);
    this.#failures.set(address, { count: 1, untilMs: nowMs + WINDOW_MS });
    if (this.#failures.size > MOST_ADDRESSES) this.#failures.delete(this.#failures.keys().next().value!);
  }
}
