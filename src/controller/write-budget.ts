import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Every agent watches policies, so that one write is an event for each of them. In a large cluster figures are therefore
 * written more rarely: all of them together cause at most so many events a second. What conditions say is written at once.
 */
const EVENTS_PER_SECOND = 2_000;
const SHORTEST_MS = 10_000;
const LONGEST_MS = 30 * 60_000;

/** How often the figures of a policy are written. */
export function countsEveryMs(policies: number, agents: number): number {
  return Math.min(LONGEST_MS, Math.max(SHORTEST_MS, (1000 * policies * agents) / EVENTS_PER_SECOND));
}

/** However many policies change at once: so many events a second at most, for as long as it takes. */
const BURST_EVENTS_PER_SECOND = 20_000;
const LEAST_WRITES = 2;
const MOST_WRITES = 20;

/** Writes to policies a second, at most. */
export function writesPerSecond(agents: number): number {
  return Math.min(MOST_WRITES, Math.max(LEAST_WRITES, BURST_EVENTS_PER_SECOND / Math.max(1, agents)));
}

/** Well below the time between the end of our lease and the beginning of another's: no write arrives after it. */
export const WRITE_TIMEOUT_MS = 4_000;

/** After so long what is to be written is looked up anew. */
const SLICE_MS = 2_000;

/** What may be written in one look: at a bounded rate, and for a while only. */
export class WriteBudget {
  readonly #gapMs: number;
  readonly #mayWrite: () => boolean;
  readonly #endMs = performance.now() + SLICE_MS;
  #nextMs = 0;

  /** @param mayWrite asked before each write */
  constructor(perSecond: number, mayWrite: () => boolean) {
    this.#gapMs = 1000 / perSecond;
    this.#mayWrite = mayWrite;
  }

  /** The time is over, and there may be more to write. */
  get isSpent(): boolean {
    return performance.now() >= this.#endMs;
  }

  /** Waits for its turn. @returns whether one more write may be done now */
  async take(): Promise<boolean> {
    await sleep(Math.max(0, this.#nextMs - performance.now()));
    if (this.isSpent || !this.#mayWrite()) return false;
    this.#nextMs = performance.now() + this.#gapMs;
    return true;
  }
}
