export interface BaselineOptions {
  /** What is never too much, for a window. */
  readonly floor: number;
  /** So many windows are learnt from before anything is too much. */
  readonly learnWindows: number;
}

/** More than so many times what is usual is too much. */
const LEVEL_FACTOR = 5;
/** And more than so many times the most of late. */
const PEAK_FACTOR = 2;
/** A window moves the level by this share of the difference; while there is too much, by less. */
const LEARN = 1 / 24;
const LEARN_OVER = LEARN / 4;
/** What is too much moves the peak by so much, so that a job that comes again and again is known after fifteen times or so. */
const LEARN_PEAK = 1 / 50;
/** By which the most of late fades with each window: to a half in 2160, three hours of windows of five seconds. */
const FADE = 0.5 ** (1 / 2160);

/**
 * What is usual for a count by window, and when it is too much. It follows slow changes; of what is too much it learns a
 * little, so that a new level is usual after some time, and a burst is not.
 */
export class Baseline {
  readonly #floor: number;
  readonly #learnWindows: number;
  #windows = 0;
  #level = 0;
  #peak = 0;
  #wasOver = false;

  constructor({ floor, learnWindows }: BaselineOptions) {
    this.#floor = floor;
    this.#learnWindows = learnWindows;
  }

  /** The usual count of a window. */
  get level(): number {
    return this.#level;
  }

  /** More is too much; Infinity while it is being learnt. */
  get limit(): number {
    if (this.#windows < this.#learnWindows) return Infinity;
    return Math.max(this.#floor, this.#level * LEVEL_FACTOR, this.#peak * PEAK_FACTOR);
  }

  /** A window is over. @returns whether there was too much in it, and in the one before: one alone is a burst */
  close(count: number): boolean {
    const { limit } = this;
    const isOver = count > limit;
    const alarm = isOver && this.#wasOver;
    this.#wasOver = isOver;
    this.#windows += 1;
    this.#peak *= FADE;
    if (isOver) {
      const believed = Math.min(count, Math.max(this.#level * 2, this.#floor / LEVEL_FACTOR));
      this.#level += (believed - this.#level) * LEARN_OVER;
      this.#peak += (Math.min(count, limit * 2) - this.#peak) * LEARN_PEAK;
    } else {
      this.#level += (count - this.#level) * Math.max(LEARN, 1 / this.#windows);
      this.#peak = Math.max(this.#peak, count);
    }
    return alarm;
  }
}
