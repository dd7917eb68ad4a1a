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
