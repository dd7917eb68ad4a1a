/** Failures in a row after which a target is left alone. */
const OPEN_AFTER = 20;
/** How long it is left alone, milliseconds; doubles while probes fail, up to the maximum. */
const FIRST_PAUSE_MS = 500;
const MAX_PAUSE_MS = 30_000;
/** Before any time, and not 0. */
const PAUSE_OVER = -1;

export interface BreakerOptions {
  /** Failures in a row. */
  readonly openAfter?: number;
  readonly maxPauseMs?: number;
}

/**
 * Circuit breaker of one target, or of one endpoint of a Service.
 *
 *            `openAfter` failures in a row           pause over: one probe goes out
 *   closed ───────────────────────────────▶ open ────────────────────────────────▶ half-open
 *     ▲                                      ▲                                        │  │
 *     │                                      └──────────── probe failed: pause × 2 ───┘  │
 *     └────────────────────────────────────────────────────────────── probe answered ────┘
 *
 * A dead mirror then costs one connection attempt a pause, not one a request.
 */
export class Breaker {
  readonly #openAfter: number;
  readonly #maxPauseMs: number;
  #failures = 0;
  #pauseMs = FIRST_PAUSE_MS;
  /** Time until which nothing is sent; 0 while closed. */
  #openUntil = 0;
  #probing = false;

  constructor({ openAfter = OPEN_AFTER, maxPauseMs = MAX_PAUSE_MS }: BreakerOptions = {}) {
    this.#openAfter = openAfter;
    this.#maxPauseMs = maxPauseMs;
  }

  get isOpen(): boolean {
    return this.#openUntil !== 0;
  }

  /** Whether a copy may not be sent now. Asking changes nothing. */
  refuses(nowMs: number): boolean {
    return this.#openUntil !== 0 && (this.#probing || nowMs < this.#openUntil);
  }

  /** Whether a copy may be sent now. Saying yes in the half-open state counts as sending the probe. */
  admits(nowMs: number): boolean {
    if (this.#openUntil === 0) return true;
    if (this.refuses(nowMs)) return false;
    this.#probing = true;
    return true;
  }

  succeeded(): void {
    this.#failures = 0;
    this.#openUntil = 0;
    this.#pauseMs = FIRST_PAUSE_MS;
    this.#probing = false;
  }

  failed(nowMs: number): void {
    this.#failures += 1;
    if (this.#probing) {
      this.#probing = false;
      this.#pauseMs = Math.min(this.#pauseMs * 2, this.#maxPauseMs);
    } else if (this.#openUntil !== 0 || this.#failures < this.#openAfter) {
      return;
    }
    this.#openUntil = nowMs + this.#pauseMs;
  }

  /** What was sent says nothing of the target's health (it could not be expressed): the next copy is the probe. */
  abstained(): void {
    this.#probing = false;
  }

  /** The target is another one now: an open breaker waits no longer, and the next copy is the probe. */
  endPause(): void {
    if (this.#openUntil === 0) return;
    this.#openUntil = PAUSE_OVER;
    this.#pauseMs = FIRST_PAUSE_MS;
    this.#probing = false;
  }
}
