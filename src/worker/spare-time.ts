import { Fifo } from '../flow/fifo.ts';

/** How much of it is done at a stretch, milliseconds: packets and answers wait no longer. */
const SLICE_MS = 2;
/** Over so long its share of the time is reckoned. */
const WINDOW_MS = 1_000;

export interface SpareTimeOptions {
  /** Of the thread's time, 0 to 1. */
  readonly share: number;
  /** Beyond so many, nothing more is taken in. */
  readonly maxWaiting: number;
  /** How long an item waits for others, milliseconds. */
  readonly gatherMs: number;
  /** Weight of what waits at which the wait ends. */
  readonly gatherWeight: number;
  /** Milliseconds; the time that passes if left out. */
  readonly now?: () => number;
}

/**
 * Work that can wait, done when what is urgent has had its turn, and within a share of the thread's time. What is too much is refused,
 * the newest first.
 *
 * Items are gathered and done one after the other: alone, each would find its code and tables driven out of the processor's
 * caches by all that has run since the one before, and cost twice as much.
 *
 *   idle ─ offer ─▶ gathering ─ heavy or late enough ─▶ working ─ nothing waits ─▶ idle
 */
export class SpareTime<T> {
  readonly #work: (item: T) => void;
  readonly #options: SpareTimeOptions;
  readonly #waiting = new Fifo<T>();
  /** Of all that was offered since it was idle. */
  #weight = 0;
  /** While it gathers. */
  #timer: NodeJS.Timeout | null = null;
  #working = false;
  /** Time that may be spent, milliseconds, as of `#reckonedMs`. */
  #credit: number;
  #reckonedMs: number;
  readonly #now: () => number;

  constructor(work: (item: T) => void, options: SpareTimeOptions) {
    this.#work = work;
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#credit = options.share * WINDOW_MS;
    this.#reckonedMs = this.#now();
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Half of the time that it may take has been taken. */
  get isPressed(): boolean {
    return this.#credit < (this.#options.share * WINDOW_MS) / 2;
  }

  /** @param weight what it costs to keep it waiting, in the unit of `gatherWeight` @returns false where too much waits already */
  offer(item: T, weight: number): boolean {
    if (this.waiting >= this.#options.maxWaiting) return false;
    this.#waiting.push(item);
    this.#weight += weight;
    if (this.#working) return true;
    if (this.#weight >= this.#options.gatherWeight) this.#begin();
    else this.#timer ??= setTimeout(this.#begin, this.#options.gatherMs);
    return true;
  }

  /** Does all that waits, now. */
  finish(): void {
    while (this.#waiting.length > 0) this.#work(this.#waiting.shift()!);
  }

  readonly #begin = (): void => {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#working = true;
    this.#goOn();
  };

  #goOn(): void {
    if (this.#credit > 0) setImmediate(this.#run);
    else setTimeout(this.#run, SLICE_MS / this.#options.share);
  }

  readonly #run = (): void => {
    const startMs = this.#now();
    const { share } = this.#options;
    this.#credit = Math.min(share * WINDOW_MS, this.#credit + share * (startMs - this.#reckonedMs));
    this.#reckonedMs = startMs;
    const untilMs = startMs + Math.min(SLICE_MS, this.#credit);
    let nowMs = startMs;
    while (nowMs < untilMs && this.#waiting.length > 0) {
      this.#work(this.#waiting.shift()!);
      nowMs = this.#now();
    }
    this.#credit -= nowMs - startMs;
    if (this.waiting > 0) return this.#goOn();
    this.#working = false;
    this.#weight = 0;
  };
}
