import { COLON, CR, FIELD_VALUE, HT, LF, SP, TARGET, TOKEN } from './chars.ts';
import type { ReasonOf } from '../ledger/outcomes.ts';

/** What is wrong with a head. */
export type Fault =
  | { readonly outcome: 'ambiguous'; readonly reason: ReasonOf<'ambiguous'> }
  | { readonly outcome: 'malformed'; readonly reason: ReasonOf<'malformed'> };

export const BAD_LINE_END: Fault = { outcome: 'ambiguous', reason: 'line-ending' };
export const BAD_WHITESPACE: Fault = { outcome: 'ambiguous', reason: 'whitespace' };
export const BAD_REQUEST_LINE: Fault = { outcome: 'malformed', reason: 'request-line' };
export const BAD_FIELD: Fault = { outcome: 'malformed', reason: 'header' };
export const TOO_LARGE: Fault = { outcome: 'malformed', reason: 'head-too-large' };

/** The bytes end before the head does. */
export const NEED_MORE = -1;
/** The head is not strictly RFC 9112; `fault` of the scan says how. */
export const FAULTY = -2;

/** More fields than this in one head are refused as too large. */
const MAX_FIELDS = 4096;

/**
 * Where the parts of a head lie, as offsets into the bytes it was found in. There is one for all connections, filled
 * again by each scan. As strict as Node's parser: every line ends in CRLF, no folding, no space around names.
 */
export class HeadScan {
  /** Request line: method, target; status line: status, reason phrase. */
  firstStart = 0;
  firstEnd = 0;
  secondStart = 0;
  secondEnd = 0;
  /** 1 for HTTP/1.1, 0 for HTTP/1.0. */
  minor = 1;
  fields = 0;
  /** Four offsets for each field: name start and end, value start and end. */
  readonly at = new Int32Array(MAX_FIELDS * 4);
  fault: Fault = BAD_REQUEST_LINE;

  /** @returns the offset after the head, NEED_MORE or FAULTY */
  request(data: Uint8Array, start: number, end: number): number {
    let i = start;
    while (i < end && TOKEN[data[i]!] === 1) i++;
    if (i >= end) return NEED_MORE;
    if (data[i] !== SP || i === start) return this.#fail(BAD_REQUEST_LINE);
    this.firstStart = start;
    this.firstEnd = i;
    while (i < end && data[i] === SP) i++;
    this.secondStart = i;
    while (i < end && TARGET[data[i]!] === 1) i++;
    this.secondEnd = i;
    if (i >= end) return NEED_MORE;
    if (data[i] !== SP) return this.#fail(BAD_REQUEST_LINE);
    while (i < end && data[i] === SP) i++;
    i = this.#version(data, i, end);
    if (i < 0) return i;
    if (i + 1 >= end) return NEED_MORE;
    if (data[i] === LF) return this.#fail(BAD_LINE_END);
    if (data[i] !== CR || data[i + 1] !== LF) return this.#fail(BAD_REQUEST_LINE);
    if (!this.#isTarget(data)) return this.#fail(BAD_REQUEST_LINE);
    return this.trailers(data, i + 2, end);
  }

  /** @returns the offset after the head, NEED_MORE or FAULTY */
  response(data: Uint8Array, start: number, end: number): number {
    let i = this.#version(data, start, end);
    if (i < 0) return i;
    if (i + 4 >= end) return NEED_MORE;
    if (data[i] !== SP) return this.#fail(BAD_REQUEST_LINE);
    this.firstStart = ++i;
    for (const stop = i + 3; i < stop; i++) {
      if (data[i]! < 0x30 || data[i]! > 0x39) return this.#fail(BAD_REQUEST_LINE);
    }
    this.firstEnd = i;
    if (data[i] === SP) i++;
    else if (data[i] !== CR) return this.#fail(BAD_REQUEST_LINE);
    this.secondStart = i;
    while (i < end && FIELD_VALUE[data[i]!] === 1) i++;
    this.secondEnd = i;
    if (i + 1 >= end) return NEED_MORE;
    if (data[i] !== CR || data[i + 1] !== LF) return this.#fail(BAD_LINE_END);
    return this.trailers(data, i + 2, end);
  }

  /** Scans field lines up to and with the empty line: what follows a start line, and a trailer section. */
  trailers(data: Uint8Array, start: number, end: number): number {
    const at = this.at;
    let used = 0;
    let i = start;
    this.fields = 0;
    for (;;) {
      if (i >= end) return NEED_MORE;
      const nameStart = i;
      while (i < end && TOKEN[data[i]!] === 1) i++;
      if (i >= end) return NEED_MORE;
      if (i === nameStart && data[i] === CR) {
        if (i + 1 >= end) return NEED_MORE;
        this.fields = used >> 2;
        return data[i + 1] === LF ? i + 2 : this.#fail(BAD_LINE_END);
      }
      if (i === nameStart || data[i] !== COLON) return this.#fail(faultOfName(data[i]!));
      const nameEnd = i++;
      while (i < end && (data[i] === SP || data[i] === HT)) i++;
      const valueStart = i;
      while (i < end && FIELD_VALUE[data[i]!] === 1) i++;
      if (i + 1 >= end) return NEED_MORE;
      if (data[i] !== CR || data[i + 1] !== LF) {
        return this.#fail(data[i] === CR || data[i] === LF ? BAD_LINE_END : BAD_FIELD);
      }
      let valueEnd = i;
      while (valueEnd > valueStart && (data[valueEnd - 1] === SP || data[valueEnd - 1] === HT)) valueEnd--;
      if (used === at.length) return this.#fail(TOO_LARGE);
      at[used] = nameStart;
      at[used + 1] = nameEnd;
      at[used + 2] = valueStart;
      at[used + 3] = valueEnd;
      used += 4;
      i += 2;
    }
  }

  /** The fields as a flat list. `text` holds the bytes from offset `base` on. */
  fieldList(text: string, base: number): string[] {
    const { at, fields } = this;
    const list: string[] = [];
    for (let i = 0; i < fields << 2; i += 4) {
      list.push(
        text.substring(at[i]! - base, at[i + 1]! - base),
        text.substring(at[i + 2]! - base, at[i + 3]! - base),
      );
    }
    return list;
  }

  /** HTTP/1.0 or HTTP/1.1 at `i`. @returns the offset after it, NEED_MORE or FAULTY */
  #version(data: Uint8Array, i: number, end: number): number {
    for (let k = 0; k < VERSION.length; k++) {
      if (i + k >= end) return NEED_MORE;
      if (data[i + k] !== VERSION[k]) return this.#fail(BAD_REQUEST_LINE);
    }
    const digit = i + VERSION.length;
    if (digit >= end) return NEED_MORE;
    this.minor = data[digit]! - 0x30;
    if (this.minor !== 0 && this.minor !== 1) return this.#fail(BAD_REQUEST_LINE);
    return digit + 1;
  }

  /** One of the forms of RFC 9112 section 3.2, by its beginning. */
  #isTarget(data: Uint8Array): boolean {
    const start = this.secondStart;
    const end = this.secondEnd;
    const first = data[start];
    if (first === SLASH) return true;
    if (start === end) return false;
    if (first === ASTERISK) return end === start + 1;
    if (this.firstEnd - this.firstStart === 7 && data[this.firstStart] === 0x43) return true; // CONNECT
    let i = start;
    while (i < end && isLetter(data[i]!)) i++;
    return i > start && i + 2 < end && data[i] === COLON && data[i + 1] === SLASH && data[i + 2] === SLASH;
  }

  #fail(fault: Fault): number {
    this.fault = fault;
    return FAULTY;
  }
}

const VERSION = [0x48, 0x54, 0x54, 0x50, 0x2f, 0x31, 0x2e] as const; // HTTP/1.
const SLASH = 0x2f;
const ASTERISK = 0x2a;

function isLetter(byte: number): boolean {
  return (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a;
}

/** What it means that a field name ends in `byte`: a folded line, a space before the colon, a line without a colon… */
function faultOfName(byte: number): Fault {
  if (byte === SP || byte === HT) return BAD_WHITESPACE;
  return byte === LF ? BAD_LINE_END : BAD_FIELD;
}

/** The offset after the first empty line, however its lines end; -1 if there is none. `from` skips what was searched. */
export function findHeadEnd(data: Uint8Array, start: number, end: number, from = start): number {
  for (let i = Math.max(start, from); i < end; i++) {
    if (data[i] !== LF) continue;
    if (data[i + 1] === LF && i + 1 < end) return i + 2;
    if (data[i + 1] === CR && data[i + 2] === LF && i + 2 < end) return i + 3;
  }
  return -1;
}
