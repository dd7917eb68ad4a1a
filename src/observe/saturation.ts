import { rankCorrelation } from '../sketch/rank-correlation.ts';

const SAMPLE = 200;
/** Fewer requests say nothing. */
const LEAST = 100;
/** Of each such time one request is taken, any: so a sample tells of ten seconds at least, and not of one burst. */
const SLOT_US = 50_000;
/** So many new ones make it worth while to calculate again. */
const RENEWED = SAMPLE / 4;

/**
 * Whether an endpoint is slower when its pod has more to do: Spearman's rank correlation of the time to the first byte with the
 * requests that a request met under way, over a sample of the latest requests. What is asked of the pod cannot be seen, only what
 * its answers take: a pod that is far from its limits has a correlation near 0, one in which requests wait for each other one near 1.
 */
export class Saturation {
  readonly #met = new Uint32Array(SAMPLE);
  readonly #latencyUs = new Float64Array(SAMPLE);
  /** How many were taken since the beginning. */
  #taken = 0;
  #slot = -1;
  /** Requests of the slot under way, and the one that is taken of them. */
  #seen = 0;
  #chosenMet = 0;
  #chosenUs = 0;
  #calculatedAt = 0;
  #value: number | null = null;

  add(timeUs: number, met: number, latencyUs: number): void {
    const slot = Math.floor(timeUs / SLOT_US);
    if (slot !== this.#slot) {
      if (this.#seen > 0) this.#take();
      this.#slot = slot;
      this.#seen = 0;
    }
    if (Math.random() * ++this.#seen >= 1) return;
    this.#chosenMet = met;
    this.#chosenUs = latencyUs;
  }

  /** -1 to 1; null where too little is known: too few requests, or concurrency that hardly varied (nine in ten within a factor of two). */
  value(): number | null {
    if (this.#taken < LEAST || this.#taken - this.#calculatedAt < RENEWED) return this.#value;
    this.#calculatedAt = this.#taken;
    this.#value = this.#calculate();
    return this.#value;
  }

  #take(): void {
    const at = this.#taken++ % SAMPLE;
    this.#met[at] = this.#chosenMet;
    this.#latencyUs[at] = this.#chosenUs;
  }

  #calculate(): number | null {
    const size = Math.min(this.#taken, SAMPLE);
    const met = this.#met.subarray(0, size);
    const sorted = met.toSorted();
    if (sorted[Math.floor(size * 0.9)]! < 2 * sorted[Math.floor(size * 0.1)]!) return null;
    const correlation = rankCorrelation(met, this.#latencyUs.subarray(0, size));
    return Number.isNaN(correlation) ? null : correlation;
  }
}
