/** Keeps a recording's own pace, times a factor, from its first moment on. */
export class Pace {
  readonly #speed: number;
  /** The recording's time and ours at the first moment; -1 before it. */
  #firstUs = -1;
  #firstMs = 0;

  /** @param speed 1: as it was recorded; 2: twice as fast; Infinity: nothing waits */
  constructor(speed: number) {
    this.#speed = speed;
  }

  /** @returns milliseconds until a moment of the recording is due; 0 or less if it is */
  aheadMs(timeUs: number): number {
    if (this.#speed === Infinity) return 0;
    if (this.#firstUs === -1) {
      this.#firstUs = timeUs;
      this.#firstMs = performance.now();
    }
    return this.#firstMs + (timeUs - this.#firstUs) / 1000 / this.#speed - performance.now();
  }
}
