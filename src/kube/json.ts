/** Looking at JSON whose shape nobody vouches for. */

export type JsonRecord = Readonly<Record<string, unknown>>;

export function isRecord(value: unknown): value is JsonRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The objects in a list; none where it is no list. */
export function listOf(value: unknown): JsonRecord[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

/** The entries of a map whose values are texts. */
export function stringsOf(value: unknown): Record<string, string> {
  if (!isRecord(value)) return {};
  // Defines properties instead of setting them: a key may be `__proto__`.
  return Object.fromEntries(Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}
