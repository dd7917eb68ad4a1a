export interface RateLimit {
  readonly perSecond: number;
  /** Tokens that a full bucket holds, at least 1. */
  readonly burst: number;
}

/** Lets so many a second pass on average, and after a pause a burst. */
export class TokenBucket {
  readonly #limit: RateLimit;
  #tokens: number;
  #filledMs = 0;

  constructor(limit: RateLimit) {
    this.#limit = limit;
    this.#tokens = limit.burst;
  }

  /** @param nowMs never goes back */
  take(nowMs: number): boolean {
    const { perSecond, burst } = this.#limit;
    this.#tokens = Math.min(burst, this.#tokens + ((nowMs - this.#filledMs) * perSecond) / 1000);
    this.#filledMs = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
