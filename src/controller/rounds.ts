/** Does something again and again, one round at a time: after the pause that a round asks for, or sooner when it is hurried. */
export class Rounds {
  readonly #round: () => Promise<number>;
  #timer: NodeJS.Timeout | null = null;
  /** When the next round is due, by the monotonic clock. */
  #dueMs = Infinity;
  #running: Promise<void> | null = null;
  #stopped = false;

  /** @param round must not throw; resolves to the pause before the next one, milliseconds */
  constructor(round: () => Promise<number>) {
    this.#round = round;
  }

  /** The next round begins within so many milliseconds, once the one under way has ended. */
  hurry(ms: number): void {
    const dueMs = performance.now() + ms;
    if (this.#stopped || dueMs >= this.#dueMs) return;
    this.#dueMs = dueMs;
    if (this.#running === null) this.#arm();
  }

  /** Resolves when the round under way has ended; there is no other one. */
  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#running;
  }

  #arm(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#running = this.#run();
    }, Math.max(0, this.#dueMs - performance.now()));
  }

  async #run(): Promise<void> {
    this.#timer = null;
    this.#dueMs = Infinity;
    const pauseMs = await this.#round();
    this.#running = null;
    if (this.#stopped) return;
    this.#dueMs = Math.min(this.#dueMs, performance.now() + pauseMs);
    this.#arm();
  }
}
