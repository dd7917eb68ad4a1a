/**
 * Finds the places where a byte stream that was not seen from its beginning can be read: a segment that begins with
 * a request line or a status line (RFC 9112 sections 3 and 4). Strict on purpose: a body that merely starts with
 * "GET " must not pass for a request.
 */

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
