import type { MirrorHealth } from './target-queue.ts';

/** How often the share is moved. */
const STEP_MS = 1000;
/** Fewer answers than this say little: they are gathered for longer, up to PATIENCE_MS. */
const ENOUGH = 10;
const PATIENCE_MS = 10_000;
const FALL = 0.5;
const RISE = 0.05;

export interface AdaptiveLimits {
  /** 0 to 1: failed copies and 5xx answers beyond which the share falls. */
  readonly maxErrors: number;
  /** Mean time of answers beyond which the share falls; Infinity for any. */
  readonly maxLatencyMs: number;
  /** The share never falls below this. */
  readonly minShare: number;
}

/**
 * The share of its sample that a policy mirrors: it halves each second in which the mirror fails or is slow, and rises
 * step by step while it is well or was not asked (additive increase, multiplicative decrease, as TCP does).
 */
export class AdaptiveShare implements MirrorHealth {
  readonly #limits: AdaptiveLimits;
  readonly #share: Float64Array;
  #sinceMs = performance.now();
  #answers = 0;
  #errors = 0;
  #latencyMs = 0;

  /** @param share one number, 0 to 1, that others read; it goes on from what it is */
  constructor(limits: AdaptiveLimits, share: Float64Array) {
    this.#limits = limits;
    this.#share = share;
  }

  onSuccess(latencyMs: number): void {
    this.#answers += 1;
    this.#latencyMs += latencyMs;
  }

  onError(): void {
    this.#errors += 1;
  }

  /** Call it a few times a second. */
  tick(nowMs: number): void {
    const elapsedMs = nowMs - this.#sinceMs;
    const heard = this.#answers + this.#errors;
    if (elapsedMs < STEP_MS || (heard > 0 && heard < ENOUGH && elapsedMs < PATIENCE_MS)) return;
    const { maxErrors, maxLatencyMs, minShare } = this.#limits;
    const share = this.#share[0]!;
    const isIll = this.#errors > heard * maxErrors || this.#latencyMs > this.#answers * maxLatencyMs;
    this.#share[0] = isIll ? Math.max(minShare, share * FALL) : Math.min(1, share + RISE);
    this.#sinceMs = nowMs;
    this.#answers = 0;
    this.#errors = 0;
    this.#latencyMs = 0;
  }
}
