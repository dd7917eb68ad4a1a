import { BACKSLASH, lengthOfEscape, QUOTE, restOfString } from './json-scan.ts';
import { isSameString } from './json-string.ts';

export const SAME = 0;
export const OTHER = 1;
/** One of them is no string of JSON. */
export const BROKEN = 2;

/** Compares two strings of JSON: byte by byte as long as these are the same, and only then by what escapes mean. */
export class StringPair {
  /** Behind the strings that were compared, where they are not broken. */
  i = 0;
  j = 0;

  /** @param i of the opening quote in `a` @param j likewise in `b` @returns SAME, OTHER or BROKEN */
  compare(a: Buffer, i: number, b: Buffer, j: number): number {
    const offset = j - i;
    const end = Math.min(a.length, b.length - offset);
    let at = i + 1;
    while (at < end) {
      const byte = a[at]!;
      if (byte !== b[at + offset]) break;
      if (byte === QUOTE) {
        this.i = at + 1;
        this.j = at + 1 + offset;
        return SAME;
      }
      if (byte < 0x20) return BROKEN;
      const length = byte === BACKSLASH ? lengthOfEscape(a, at) : 1;
      if (length < 0) return BROKEN;
      if (length > 1 && !isSameEscape(a, at, b, at + offset, length)) break;
      at += length;
    }
    return this.#rest(a, at, b, at + offset);
  }

  /** Strings that are the same up to here. */
  #rest(a: Buffer, at: number, b: Buffer, bt: number): number {
    this.i = restOfString(a, at);
    this.j = restOfString(b, bt);
    if (this.i < 0 || this.j < 0) return BROKEN;
    // Without an escape other bytes are another string.
    if (a[at] !== BACKSLASH && b[bt] !== BACKSLASH) return OTHER;
    return isSameString(a, at, this.i - 1, b, bt, this.j - 1) ? SAME : OTHER;
  }
}

function isSameEscape(a: Buffer, at: number, b: Buffer, bt: number, length: number): boolean {
  for (let k = 1; k < length; k++) if (a[at + k] !== b[bt + k]) return false;
  return true;
}
