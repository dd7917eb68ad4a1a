/** Counts in windows of time that begin at multiples of their length. Times may be of any clock that does not go back far. */
export class WindowCount {
  readonly #windowUs: number;
  #window = -Infinity;
  #count = 0;
  #previous = 0;

  constructor(windowUs: number) {
    this.#windowUs = windowUs;
  }

  /** What comes late counts in the window that is under way. */
  add(timeUs: number, amount = 1): void {
    this.#turn(timeUs);
    this.#count += amount;
  }

  /** How much there was in the last whole window. */
  lastWhole(nowUs: number): number {
    this.#turn(nowUs);
    return this.#previous;
  }

  /** The same, a second. */
  rate(nowUs: number): number {
    return (this.lastWhole(nowUs) * 1e6) / this.#windowUs;
  }

  #turn(timeUs: number): void {
    const window = Math.floor(timeUs / this.#windowUs);
    if (!(window > this.#window)) return;
    this.#previous = window === this.#window + 1 ? this.#count : 0;
    this.#window = window;
    this.#count = 0;
  }
}

/**
 * What is usual of a figure that comes again and again: exponentially weighted mean and variance (Finch: Incremental Calculation
 * of Weighted Mean and Variance, 2009). While few have come they weigh the same.
 */
export class Baseline {
  readonly #weight: number;
  #count = 0;
  #mean = 0;
  #variance = 0;

  /** @param span about how many of the last figures are remembered */
  constructor(span: number) {
    this.#weight = 2 / (span + 1);
  }

  add(figure: number): void {
    const weight = Math.max(this.#weight, 1 / ++this.#count);
    const difference = figure - this.#mean;
    this.#mean += weight * difference;
    this.#variance = (1 - weight) * (this.#variance + weight * difference * difference);
  }

  /** How many figures have come. */
  get count(): number {
    return this.#count;
  }

  get mean(): number {
    return this.#mean;
  }

  get deviation(): number {
    return Math.sqrt(this.#variance);
  }

  /** How many deviations a figure is above the mean; @param least a deviation that is taken for usual in any case */
  deviationsAbove(figure: number, least: number): number {
    return (figure - this.#mean) / Math.max(this.deviation, least);
  }
}
