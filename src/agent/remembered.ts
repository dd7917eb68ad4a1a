/** Answers from memory while the last answer is young, and asks once for all who ask meanwhile. */
export class Remembered<T> {
  readonly #ask: () => Promise<T>;
  readonly #forMs: number;
  #answer: Promise<T> | null = null;
  #untilMs = 0;

  constructor(ask: () => Promise<T>, forMs: number) {
    this.#ask = ask;
    this.#forMs = forMs;
  }

  /** Failures are not remembered. */
  get(): Promise<T> {
    if (this.#answer !== null && performance.now() < this.#untilMs) return this.#answer;
    this.#untilMs = Infinity;
    const answer = this.#ask();
    this.#answer = answer;
    answer.then(
      () => (this.#untilMs = performance.now() + this.#forMs),
      () => (this.#answer = null),
    );
    return answer;
  }
}
