/**
 * Control characters, which a terminal obeys (C0, DEL and C1: ECMA-48), line and paragraph separators, and marks that turn
 * the direction of text around (Unicode TR 36, "Bidirectional Text Spoofing").
 */
const UNPRINTABLE = /[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** A text that came from elsewhere, for a terminal: on one line, and with nothing in it that a terminal obeys. */
export function printable(text: string): string {
  return text.replace(new RegExp(`(?:${UNPRINTABLE.source})+`, 'g'), ' ');
}

/** JSON for people and programs; what a terminal would obey is escaped. */
export function printableJson(value: unknown): string {
  const text = JSON.stringify(value, null, 2);
  return text.replace(UNPRINTABLE, (character) => (character === '\n' ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`));
}
