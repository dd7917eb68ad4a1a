/** Finds its way in JSON (RFC 8259) byte by byte, and makes nothing of it. Every function gives -1 where the text is not JSON. */

export const QUOTE = 0x22;
export const BACKSLASH = 0x5c;
export const COMMA = 0x2c;
export const COLON = 0x3a;
export const OPEN_OBJECT = 0x7b;
export const CLOSE_OBJECT = 0x7d;
export const OPEN_LIST = 0x5b;
export const CLOSE_LIST = 0x5d;
export const NEW_LINE = 0x0a;

/** Deeper documents are taken for text. */
export const MAX_DEPTH = 64;

export const OBJECT = 1;
export const LIST = 2;
export const STRING = 3;
export const NUMBER = 4;
export const BOOLEAN = 5;
const NULL = 6;

/** The type of a value by its first byte; 0 where none begins so. */
export const TYPE_OF = new Uint8Array(256);
TYPE_OF[OPEN_OBJECT] = OBJECT;
TYPE_OF[OPEN_LIST] = LIST;
TYPE_OF[QUOTE] = STRING;
for (const first of '-0123456789') TYPE_OF[first.charCodeAt(0)] = NUMBER;
for (const first of 'tf') TYPE_OF[first.charCodeAt(0)] = BOOLEAN;
TYPE_OF[0x6e] = NULL;

export function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === NEW_LINE || byte === 0x0d || byte === 0x09;
}

/** Where the first byte is that is no white space, or the length. */
export function skipSpace(json: Buffer, at: number): number {
  while (at < json.length) {
    const byte = json[at]!;
    if (byte > 0x20 || !isSpace(byte)) return at;
    at += 1;
  }
  return at;
}

/** Where a document begins: behind a byte order mark, which some servers send. */
export function startOfJson(json: Buffer): number {
  return skipSpace(json, json[0] === 0xef && json[1] === 0xbb && json[2] === 0xbf ? 3 : 0);
}

/** @param at of the opening quote @returns behind the closing one */
export function endOfString(json: Buffer, at: number): number {
  return restOfString(json, at + 1);
}

/** @param at somewhere in a string, not amid an escape @returns behind its closing quote */
export function restOfString(json: Buffer, at: number): number {
  while (at < json.length) {
    const byte = json[at]!;
    if (byte === QUOTE) return at + 1;
    if (byte < 0x20) return -1;
    if (byte === BACKSLASH) {
      const length = lengthOfEscape(json, at);
      if (length < 0) return -1;
      at += length;
    } else at += 1;
  }
  return -1;
}

const SIMPLE_ESCAPE = new Uint8Array(256);
for (const letter of '"\\/bfnrt') SIMPLE_ESCAPE[letter.charCodeAt(0)] = 1;

export const HEX = new Int8Array(256).fill(-1);
for (let i = 0; i < 16; i++) {
  HEX[i.toString(16).charCodeAt(0)] = i;
  HEX[i.toString(16).toUpperCase().charCodeAt(0)] = i;
}

/** @param at of its backslash */
export function lengthOfEscape(json: Buffer, at: number): number {
  if (at + 1 >= json.length) return -1;
  const letter = json[at + 1]!;
  if (SIMPLE_ESCAPE[letter] === 1) return 2;
  if (letter !== 0x75 || at + 5 >= json.length) return -1;
  for (let i = at + 2; i < at + 6; i++) if (HEX[json[i]!]! < 0) return -1;
  return 6;
}

/** @param at of its first byte @returns behind its last */
export function endOfNumber(json: Buffer, at: number): number {
  if (json[at] === 0x2d) at += 1;
  if (at < json.length && json[at] === 0x30) at += 1;
  else if ((at = endOfDigits(json, at)) < 0) return -1;
  if (at < json.length && json[at] === 0x2e && (at = endOfDigits(json, at + 1)) < 0) return -1;
  if (at < json.length && (json[at]! | 0x20) === 0x65) {
    at += 1;
    if (at < json.length && (json[at] === 0x2b || json[at] === 0x2d)) at += 1;
    return endOfDigits(json, at);
  }
  return at;
}

/** At least one. */
function endOfDigits(json: Buffer, at: number): number {
  const start = at;
  while (at < json.length && json[at]! >= 0x30 && json[at]! <= 0x39) at += 1;
  return at === start ? -1 : at;
}

const TRUE = Buffer.from('true');
const FALSE = Buffer.from('false');
const NULL_WORD = Buffer.from('null');

export function endOfWord(json: Buffer, at: number): number {
  const first = json[at];
  const word = first === 0x74 ? TRUE : first === 0x66 ? FALSE : NULL_WORD;
  if (at + word.length > json.length) return -1;
  for (let i = 0; i < word.length; i++) if (json[at + i] !== word[i]) return -1;
  return at + word.length;
}

/** @param at of its first byte @param depth how many containers it is in @returns behind its last byte */
export function endOfValue(json: Buffer, at: number, depth: number): number {
  if (at >= json.length) return -1;
  switch (TYPE_OF[json[at]!]) {
    case STRING:
      return endOfString(json, at);
    case NUMBER:
      return endOfNumber(json, at);
    case OBJECT:
      return depth >= MAX_DEPTH ? -1 : endOfItems(json, at, depth, true);
    case LIST:
      return depth >= MAX_DEPTH ? -1 : endOfItems(json, at, depth, false);
    case BOOLEAN:
    case NULL:
      return endOfWord(json, at);
    default:
      return -1;
  }
}

function endOfItems(json: Buffer, at: number, depth: number, isObject: boolean): number {
  const close = isObject ? CLOSE_OBJECT : CLOSE_LIST;
  at = skipSpace(json, at + 1);
  while (json[at] !== close) {
    if (isObject) at = startOfNamed(json, json[at] === QUOTE ? endOfString(json, at) : -1);
    if (at >= 0) at = endOfValue(json, at, depth + 1);
    if ((at = nextItem(json, at, close)) < 0) return -1;
  }
  return at + 1;
}

/** @param at behind a name, or -1 @returns where its value begins */
export function startOfNamed(json: Buffer, at: number): number {
  if (at < 0) return -1;
  at = skipSpace(json, at);
  return at < json.length && json[at] === COLON ? skipSpace(json, at + 1) : -1;
}

/** @param at behind an item of a container, or -1 @returns where the next begins, or where the container closes */
export function nextItem(json: Buffer, at: number, close: number): number {
  if (at < 0) return -1;
  at = skipSpace(json, at);
  if (at >= json.length) return -1;
  if (json[at] === close) return at;
  if (json[at] !== COMMA) return -1;
  at = skipSpace(json, at + 1);
  return at >= json.length || json[at] === close ? -1 : at;
}

const WORD = new Uint8Array(256);
for (const byte of '+-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz') WORD[byte.charCodeAt(0)] = 1;

/** Behind the letters and digits that begin here. */
export function endOfLetters(json: Buffer, at: number, end: number): number {
  while (at < end && WORD[json[at]!] === 1) at += 1;
  return at;
}

/** Behind the value that begins here, which is not looked into: only strings and brackets are minded. */
export function skipValue(json: Buffer, at: number): number {
  const end = json.length;
  let depth = 0;
  while (at < end) {
    const byte = json[at]!;
    if (byte === QUOTE) {
      at += 1;
      while (at < end && json[at] !== QUOTE) at += json[at] === BACKSLASH ? 2 : 1;
      at += 1;
      if (at > end) return -1;
    } else if (byte === OPEN_OBJECT || byte === OPEN_LIST) {
      depth += 1;
      at += 1;
      continue;
    } else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) {
      if (depth === 0) return -1;
      depth -= 1;
      at += 1;
    } else if (WORD[byte] === 1) at = endOfLetters(json, at, end);
    else if (depth === 0) return -1;
    else {
      at += 1;
      continue;
    }
    if (depth === 0) return at;
  }
  return -1;
}
