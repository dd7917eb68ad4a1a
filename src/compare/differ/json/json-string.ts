import { BACKSLASH, HEX } from './json-scan.ts';

/** Bytes of a string one after the other, with escapes undone: UTF-8, and of half a surrogate pair what UTF-8 would make of it. */
class StringBytes {
  #json: Buffer = Buffer.alloc(0);
  #at = 0;
  #end = 0;
  /** What is left of an escape, the next byte last. */
  #pending = 0;
  #pendingBytes = 0;

  /** @param start behind the opening quote @param end at the closing one */
  open(json: Buffer, start: number, end: number): void {
    this.#json = json;
    this.#at = start;
    this.#end = end;
    this.#pendingBytes = 0;
  }

  /** @returns -1 at the end */
  next(): number {
    if (this.#pendingBytes > 0) {
      this.#pendingBytes -= 1;
      return (this.#pending >>> (8 * this.#pendingBytes)) & 0xff;
    }
    if (this.#at >= this.#end) return -1;
    const byte = this.#json[this.#at]!;
    if (byte !== BACKSLASH) {
      this.#at += 1;
      return byte;
    }
    const letter = this.#json[this.#at + 1]!;
    if (letter !== 0x75) {
      this.#at += 2;
      return UNESCAPED[letter]!;
    }
    return this.#encode(this.#codePoint());
  }

  #codePoint(): number {
    const unit = this.#unit(this.#at);
    this.#at += 6;
    if (unit < 0xd800 || unit > 0xdbff || this.#at + 6 > this.#end) return unit;
    if (this.#json[this.#at] !== BACKSLASH || this.#json[this.#at + 1] !== 0x75) return unit;
    const low = this.#unit(this.#at);
    if (low < 0xdc00 || low > 0xdfff) return unit;
    this.#at += 6;
    return 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
  }

  #unit(at: number): number {
    const json = this.#json;
    return (HEX[json[at + 2]!]! << 12) | (HEX[json[at + 3]!]! << 8) | (HEX[json[at + 4]!]! << 4) | HEX[json[at + 5]!]!;
  }

  #encode(code: number): number {
    if (code < 0x80) return code;
    if (code < 0x800) return this.#hold(0xc0 | (code >> 6), 0x80 | (code & 63), 1);
    const last = ((0x80 | ((code >> 6) & 63)) << 8) | 0x80 | (code & 63);
    if (code < 0x10000) return this.#hold(0xe0 | (code >> 12), last, 2);
    return this.#hold(0xf0 | (code >> 18), ((0x80 | ((code >> 12) & 63)) << 16) | last, 3);
  }

  #hold(first: number, rest: number, bytes: number): number {
    this.#pending = rest;
    this.#pendingBytes = bytes;
    return first;
  }
}

const UNESCAPED = Uint8Array.from({ length: 256 }, (_, i) => i);
for (const [letter, code] of Object.entries({ b: 8, f: 12, n: 10, r: 13, t: 9 })) UNESCAPED[letter.charCodeAt(0)] = code;

const left = new StringBytes();
const right = new StringBytes();

/** Whether two strings say the same, however they are escaped. Start behind the opening quote, end at the closing one. */
export function isSameString(a: Buffer, aStart: number, aEnd: number, b: Buffer, bStart: number, bEnd: number): boolean {
  left.open(a, aStart, aEnd);
  right.open(b, bStart, bEnd);
  for (;;) {
    const byte = left.next();
    if (byte !== right.next()) return false;
    if (byte < 0) return true;
  }
}

/** Gives each byte of a string, escapes undone, to a hash. */
export function eachByte(json: Buffer, start: number, end: number, take: { byte(byte: number): void }): void {
  left.open(json, start, end);
  for (let byte = left.next(); byte >= 0; byte = left.next()) take.byte(byte);
}

/** What a string says. Bytes that are not UTF-8 become U+FFFD. */
export function textOf(json: Buffer, start: number, end: number): string {
  if (!hasEscape(json, start, end)) return json.toString('utf8', start, end);
  const bytes = Buffer.allocUnsafe(end - start);
  let length = 0;
  left.open(json, start, end);
  for (let byte = left.next(); byte >= 0; byte = left.next()) bytes[length++] = byte;
  return bytes.toString('utf8', 0, length);
}

/** The same, quicker for what names usually are. */
export function nameOf(json: Buffer, start: number, end: number): string {
  for (let at = start; at < end; at++) if (json[at] === BACKSLASH || json[at]! > 0x7f) return textOf(json, start, end);
  return json.latin1Slice(start, end);
}

function hasEscape(json: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (json[at] === BACKSLASH) return true;
  return false;
}
