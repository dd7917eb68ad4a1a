import { Baseline } from './baseline.ts';
import { SmallDistinct } from './small-distinct.ts';

/** Seconds of a window. */
export const WINDOW_SECONDS = 5;
const WINDOW_US = WINDOW_SECONDS * 1_000_000;
/** Counts that are held against each other are those of one epoch. */
const EPOCH_US = 300 * 1_000_000;
/** After a longer silence the rest of it makes no difference. */
const MAX_IDLE_WINDOWS = 720;

/** Fewer are no flood, whatever is usual: requests of a window. */
const LEAST_FLOOD = 100 * WINDOW_SECONDS;
const LEAST_SOURCE_FLOOD = 50 * WINDOW_SECONDS;
/** Failed logins of a window. */
const LEAST_FAILED_LOGINS = 6 * WINDOW_SECONDS;

export interface EndpointOptions {
  readonly learnSeconds: number;
  /** Share of all connections that this worker sees. */
  readonly share: number;
}

/** What closed windows of an endpoint say. */
export interface WindowAlarms {
  flood(endpoint: EndpointWatch, count: number, level: number): void;
  failedLogins(endpoint: EndpointWatch, count: number, sources: number): void;
}

/** One endpoint: what is usual for it, and what the present window and epoch have brought. */
export class EndpointWatch<Source = unknown> {
  readonly name: string;
  readonly sources = new Map<string, Source>();
  /** Number of the window, and what it has brought so far. */
  window = -1;
  requests = 0;
  /** Most requests of one source. */
  busiest = 0;
  failedLogins = 0;
  /** Number of the epoch, and answers in it; those of them that are faults of the server. */
  epoch = -1;
  answered = 0;
  faults = 0;
  /** What one source may send in a window, and what the busiest usually does. */
  sourceLimit = Infinity;
  sourceLevel = 0;
  readonly #failing = new SmallDistinct();
  readonly #usual: Baseline;
  readonly #usualOfBusiest: Baseline;
  readonly #usualFailures: Baseline;

  constructor(name: string, { learnSeconds, share }: EndpointOptions) {
    this.name = name;
    const learnWindows = Math.ceil(learnSeconds / WINDOW_SECONDS);
    this.#usual = new Baseline({ floor: LEAST_FLOOD * share, learnWindows });
    this.#usualOfBusiest = new Baseline({ floor: LEAST_SOURCE_FLOOD * share, learnWindows });
    this.#usualFailures = new Baseline({ floor: LEAST_FAILED_LOGINS * share, learnWindows });
  }

  /** Time has come to `atUs`: windows and epochs that are over by then are closed. */
  advance(atUs: number, alarms: WindowAlarms): void {
    const window = Math.floor(atUs / WINDOW_US);
    if (window <= this.window) return;
    if (this.window >= 0) {
      const silent = Math.min(window - this.window - 1, MAX_IDLE_WINDOWS);
      this.#close(alarms);
      for (let i = 0; i < silent; i++) this.#close(alarms);
    }
    this.window = window;
    const epoch = Math.floor(atUs / EPOCH_US);
    if (epoch === this.epoch) return;
    this.epoch = epoch;
    this.answered = 0;
    this.faults = 0;
  }

  failedLogin(sourceHash: number): void {
    this.failedLogins += 1;
    this.#failing.add(sourceHash);
  }

  #close(alarms: WindowAlarms): void {
    const { requests, failedLogins } = this;
    const level = this.#usual.level;
    if (this.#usual.close(requests)) alarms.flood(this, requests, level);
    if (this.#usualFailures.close(failedLogins)) alarms.failedLogins(this, failedLogins, this.#failing.estimate());
    this.sourceLevel = this.#usualOfBusiest.level;
    this.#usualOfBusiest.close(this.busiest);
    this.sourceLimit = this.#usualOfBusiest.limit;
    this.requests = 0;
    this.busiest = 0;
    this.failedLogins = 0;
    this.#failing.clear();
  }
}
