import * as frame from '../tap/http2-frame.ts';
import { TO_CLIENT, TO_SERVER } from '../tap/segment.ts';
import type { Direction } from '../tap/segment.ts';

/**
 * Finds the places where a byte stream that was not seen from its beginning can be read: a segment that begins with
 * a request line or a status line (RFC 9112 sections 3 and 4), with HTTP/2's preface or with what may be one of its frames.
 * Strict on purpose: a body that merely starts with "GET " must not pass for a request.
 */

/** Whether what `direction` sends can be read from here on. */
export function canBeJoined(data: Uint8Array, start: number, end: number, direction: Direction): boolean {
  if (direction === TO_CLIENT) return beginsResponse(data, start, end) || frame.beginsFrame(data, start, end, false);
  return beginsRequest(data, start, end) || beginsPreface(data, start, end) || frame.beginsFrame(data, start, end, true);
}

/** Which way bytes go that begin like this, for captures that do not say it; null where they do not tell. */
export function directionOf(data: Uint8Array, start: number, end: number): Direction | null {
  if (beginsRequest(data, start, end) || beginsPreface(data, start, end)) return TO_SERVER;
  if (beginsResponse(data, start, end)) return TO_CLIENT;
  return directionOfFrames(data, start, end);
}

/** Whether `data[start..end)` begins with the first line of HTTP/2's preface, RFC 9113 section 3.4. */
export function beginsPreface(data: Uint8Array, start: number, end: number): boolean {
  if (end - start < PREFACE_LINE.length) return false;
  for (let i = 0; i < PREFACE_LINE.length; i++) if (data[start + i] !== PREFACE_LINE[i]) return false;
  return true;
}

/** By the first field of a head among the frames: requests begin with their pseudo-headers, responses with `:status`. */
function directionOfFrames(data: Uint8Array, start: number, end: number): Direction | null {
  for (let at = start; frame.beginsFrame(data, at, end, false) || frame.beginsFrame(data, at, end, true); ) {
    const found = data[at + 3] === frame.HEADERS ? directionOfHead(data, at) : null;
    if (found !== null) return found;
    at += frame.FRAME_HEADER_BYTES + ((data[at]! << 16) | (data[at + 1]! << 8) | data[at + 2]!);
  }
  return null;
}

/** By the index of the first field, RFC 7541 section 6: 1 to 7 in the static table are of requests, 8 to 14 of responses. */
function directionOfHead(data: Uint8Array, at: number): Direction | null {
  const flags = data[at + 4]!;
  const before = ((flags & frame.PADDED) === 0 ? 0 : 1) + ((flags & frame.PRIORITY_FLAG) === 0 ? 0 : 5);
  const first = data[at + frame.FRAME_HEADER_BYTES + before] ?? 0;
  const index = first >= 0x80 ? first & 0x7f : first >= 0x40 ? first & 0x3f : first < 0x20 ? first & 0xf : 0;
  if (index === 0 || index > 14) return null;
  return index < 8 ? TO_SERVER : TO_CLIENT;
}

const PREFACE_LINE = new TextEncoder().encode('PRI * HTTP/2.0\r\n');

const SP = 0x20;
const HTTP = [0x48, 0x54, 0x54, 0x50, 0x2f, 0x31, 0x2e] as const; // HTTP/1.
const MAX_METHOD = 24;

/** Whether `data[start..end)` begins with METHOD SP target SP HTTP/1.x, or with all of a line that has not ended yet. */
export function beginsRequest(data: Uint8Array, start: number, end: number): boolean {
  let at = start;
  while (at < end && at - start < MAX_METHOD && isMethodByte(data[at]!)) at++;
  if (at === start || at + 1 >= end || data[at] !== SP) return false;
  const target = ++at;
  while (at < end && data[at]! > SP && data[at] !== 0x7f) at++;
  if (at === target) return false;
  // A long target may fill the segment: then the method has to be a usual one and the target a path or a URL.
  if (at === end) return at - start >= LONG_LINE && isUsualTarget(data[target]!) && at - target > LONG_LINE >> 1;
  if (data[at] !== SP) return false;
  return isVersion(data, at + 1, end, true);
}

/** Whether `data[start..end)` begins with HTTP/1.x SP and a digit. */
export function beginsResponse(data: Uint8Array, start: number, end: number): boolean {
  if (end - start < 12 || !isVersion(data, start, end, false)) return false;
  return data[start + 8] === SP && isDigit(data[start + 9]!) && isDigit(data[start + 10]!) && isDigit(data[start + 11]!);
}

const LONG_LINE = 512;

function isVersion(data: Uint8Array, at: number, end: number, lineEnds: boolean): boolean {
  for (let i = 0; i < HTTP.length; i++) {
    if (at + i >= end || data[at + i] !== HTTP[i]) return false;
  }
  const after = at + HTTP.length;
  if (after >= end || !isDigit(data[after]!)) return false;
  return !lineEnds || after + 1 >= end || data[after + 1] === 0x0d || data[after + 1] === 0x0a;
}

/** Upper-case letters, digits, `-` and `_`: what methods in use are made of. */
function isMethodByte(byte: number): boolean {
  return (byte >= 0x41 && byte <= 0x5a) || byte === 0x2d || byte === 0x5f || isDigit(byte);
}

function isUsualTarget(byte: number): boolean {
  return byte === 0x2f || byte === 0x68;
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}
