/** Looking at JSON whose shape nobody vouches for: what is not of the kind that is asked for is empty. */

export type JsonRecord = Readonly<Record<string, unknown>>;

const EMPTY: JsonRecord = Object.freeze({});

export function isRecord(value: unknown): value is JsonRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function recordOf(value: unknown): JsonRecord {
  return isRecord(value) ? value : EMPTY;
}

export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** Its beginning, of a text that may be longer than it should be. */
export function shortTextOf(value: unknown, most: number): string {
  return textOf(value).slice(0, most);
}

/** A number from 0 that every reader takes exactly; 0 where it is none. */
export function amountOf(value: unknown): number {
  return typeof value === 'number' && value > 0 ? Math.min(Number.MAX_SAFE_INTEGER, value) : 0;
}

/** The same, whole. */
export function countOf(value: unknown): number {
  return Math.floor(amountOf(value));
}

/** A TCP or UDP port; 0 where it is none. */
export function portOf(value: unknown): number {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 && value < 65_536 ? value : 0;
}

/** The objects in a list; none where it is no list. */
export function listOf(value: unknown): JsonRecord[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

/** The texts in a list; none where it is no list. */
export function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((entry) => typeof entry === 'string') : [];
}

/** The entries of a map whose values are texts. */
export function stringsOf(value: unknown): Record<string, string> {
  if (!isRecord(value)) return {};
  // Defines properties instead of setting them: a key may be `__proto__`.
  return Object.fromEntries(Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}
