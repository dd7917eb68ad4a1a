/** A duration as the Gateway API writes them (GEP-2257): `5s`, `1m30s`, `250ms`. */
export const DURATION = '^(?:[0-9]{1,5}(?:h|ms|m|s)){1,4}$';
const WHOLE = new RegExp(DURATION);
const PART = /([0-9]+)(h|ms|m|s)/g;
const UNIT_MS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

/** Whether a text is a duration. */
export function isDuration(text: string): boolean {
  return WHOLE.test(text);
}

/** @returns milliseconds; NaN where the text is not a duration */
export function durationMs(text: string): number {
  if (!isDuration(text)) return NaN;
  let total = 0;
  for (const [, count, unit] of text.matchAll(PART)) total += Number(count) * UNIT_MS[unit!]!;
  return total;
}
