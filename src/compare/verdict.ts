import type { NotComparedCounts } from './data.ts';
import { clopperPearson } from './proportions.ts';

/** Exchanges that differ, out of those compared. */
export interface Shares {
  readonly sure: number;
  /** It may be noise. */
  readonly undecided: number;
  readonly compared: number;
}

/** A share that the true one surely exceeds, and one that it surely does not: either with this confidence. */
export function boundsOf(count: number, total: number, confidence: number): { readonly low: number; readonly high: number } {
  const { low, high } = clopperPearson(count, total, 2 * confidence - 1);
  return { low, high };
}

/**
 * `differs`: surely more than is allowed do, with nothing allowed a single one; `allowed`: no more do, not even with those that may be noise;
 * `open`: neither can be said.
 */
export function shareVerdict({ sure, undecided, compared }: Shares, allowed: number, confidence: number): 'differs' | 'allowed' | 'open' {
  if (sure > 0 && (allowed === 0 || boundsOf(sure, compared, confidence).low > allowed)) return 'differs';
  return sure + undecided <= allowed * compared ? 'allowed' : 'open';
}

/** Not left out by accident: what is not compared for these reasons could not be, or was not to be. */
const BY_INTENT: ReadonlySet<string> = new Set(['sampled-out', 'policy', 'streaming', 'not-sent']);
/** A share of exchanges that were not compared that leaves nothing to say of the rest. */
const MANY = 0.5;
/** One that is worth a word. */
export const SOME = 0.05;

/** Exchanges that were to be compared and were not. */
export function gapsIn(counts: NotComparedCounts): number {
  return Object.entries(counts).reduce((sum, [why, count]) => (BY_INTENT.has(why) ? sum : sum + count), 0);
}

export function hasMany(counts: NotComparedCounts, compared: number): boolean {
  return isShare(gapsIn(counts), compared, MANY);
}

export function hasSome(counts: NotComparedCounts, compared: number): boolean {
  return isShare(gapsIn(counts), compared, SOME);
}

function isShare(gaps: number, compared: number, share: number): boolean {
  return gaps > 0 && gaps > share * (gaps + compared);
}

/** Sum of several. */
export function sumCounts<K extends string>(parts: readonly Readonly<Partial<Record<K, number>>>[]): Partial<Record<K, number>> {
  const into: Partial<Record<K, number>> = {};
  for (const part of parts) for (const [why, count] of Object.entries(part) as [K, number][]) into[why] = (into[why] ?? 0) + count;
  return into;
}

