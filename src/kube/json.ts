/** Readers of JSON from outside: they take anything, and what is not of the asked-for kind is empty. */

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

/** Its entries; none where it is no list. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** A TCP or UDP port; 0 where it is none. */
export function portOf(value: unknown): number {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 && value < 65_536 ? value : 0;
}

/** Entries whose value is a text, such as labels. */
export function textsOf(value: unknown): Readonly<Record<string, string>> {
  const texts: Record<string, string> = {};
  for (const [key, text] of Object.entries(recordOf(value))) {
    if (typeof text === 'string' && key !== '__proto__') texts[key] = text;
  }
  return texts;
}
