const WINDOW_US = 10_000_000;

/** What the last whole ten seconds were like. */
export interface RecentLoad {
  /** Requests a second. */
  readonly rate: number;
  /** How many requests each met under way on its pod, itself included: mean and most. */
  readonly mean: number;
  readonly most: number;
}

/** Sums up requests by windows of ten seconds of the tap's clock. */
export class Recent {
  #window = -Infinity;
  #requests = 0;
  #met = 0;
  #most = 0;
  #last: RecentLoad = QUIET;

  /** @param met requests that it met under way, itself included */
  add(timeUs: number, met: number): void {
    this.#turn(timeUs);
    this.#requests++;
    this.#met += met;
    if (met > this.#most) this.#most = met;
  }

  load(nowUs: number): RecentLoad {
    this.#turn(nowUs);
    return this.#last;
  }

  #turn(timeUs: number): void {
    const window = Math.floor(timeUs / WINDOW_US);
    if (window <= this.#window) return;
    const requests = this.#requests;
    const follows = window === this.#window + 1 && requests > 0;
    this.#last = follows ? { rate: (requests * 1e6) / WINDOW_US, mean: this.#met / requests, most: this.#most } : QUIET;
    this.#window = window;
    this.#requests = this.#met = this.#most = 0;
  }
}

const QUIET: RecentLoad = { rate: 0, mean: 0, most: 0 };
