import { beginsFrame } from '../http2-frame.ts';

/**
 * Does this payload look like the beginning of a request? Two answers, for two purposes; the twin of bpf/http.h, which
 * gives the reasons. Bytes that have not arrived count as 0.
 */

/** Liberal, for the first bytes of a connection: a no is final, so it must be sure. */
export function mayBeHttp(data: Buffer, start: number, end: number): boolean {
  const first = byteAt(data, start, end);
  if (first === CR || first === LF) return true;
  return isUpper(first) && mayBeToken(byteAt(data, start + 1, end)) && mayBeToken(byteAt(data, start + 2, end));
}

/** Where a flow of HTTP/2 that is left out comes back: at its preface, if it was left out before, or at a frame. */
export function beginsHttp2(data: Buffer, start: number, end: number): boolean {
  return isPreface(data, start, end) || beginsFrame(data, start, end, true);
}

export function isPreface(data: Buffer, start: number, end: number): boolean {
  return startsWith(data, start, end, PREFACE);
}

/** Strict, for the middle of a connection: a yes by mistake would make a body look like a request. */
export function isRequestLine(data: Buffer, start: number, end: number): boolean {
  for (const method of METHODS) {
    if (!startsWith(data, start, end, method)) continue;
    return beginsTarget(byteAt(data, start + method.length, end));
  }
  return false;
}

const METHODS = ['GET ', 'POST ', 'HEAD ', 'PUT ', 'DELETE ', 'PATCH ', 'OPTIONS ', 'TRACE '].map((text) => Buffer.from(text));
/** The beginning of HTTP/2, RFC 9113 section 3.4. */
const PREFACE = Buffer.from('PRI * HTTP/2');

const CR = 0x0d;
const LF = 0x0a;

function byteAt(data: Buffer, at: number, end: number): number {
  return at < end ? data[at]! : 0;
}

function startsWith(data: Buffer, start: number, end: number, text: Buffer): boolean {
  if (end - start < text.length) return false;
  for (let i = 0; i < text.length; i++) {
    if (data[start + i] !== text[i]) return false;
  }
  return true;
}

function isUpper(c: number): boolean {
  return c >= 0x41 && c <= 0x5a;
}

function mayBeToken(c: number): boolean {
  return c === 0 || isUpper(c) || (c >= 0x61 && c <= 0x7a) || c === 0x2d || c === 0x5f || c === 0x20;
}

/** Origin-form, asterisk-form or the scheme of absolute-form, RFC 9112 section 3.2. */
function beginsTarget(c: number): boolean {
  return c === 0x2f || c === 0x2a || c === 0x68 || c === 0x48;
}
