import type { MirrorPolicy } from '../policy/schema.ts';

/** Policies whose `expiresAt` has not come. @param nowMs Unix time */
export function unexpired(policies: readonly MirrorPolicy[], nowMs: number): MirrorPolicy[] {
  return policies.filter((policy) => expiryOf(policy) > nowMs);
}

/** When the next policy expires, Unix time in milliseconds; null if none will. */
export function nextExpiry(policies: readonly MirrorPolicy[], nowMs: number): number | null {
  const next = Math.min(...policies.map(expiryOf).filter((atMs) => atMs > nowMs));
  return Number.isFinite(next) ? next : null;
}

function expiryOf({ spec }: MirrorPolicy): number {
  return spec.expiresAt === undefined ? Infinity : Date.parse(spec.expiresAt);
}
