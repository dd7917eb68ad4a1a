import { isUtf8 } from 'node:buffer';
import { LOOKED_AT } from '../examples/kinds.ts';
import { EXCERPT, type Shown } from '../examples/mask.ts';
import type { FoundList } from './found.ts';
import type { Place } from './json/json-places.ts';

const CR = 0x0d;
const LF = 0x0a;

const TEXT_TYPE = /^(?:text|multipart|message)\/|^image\/svg|^application\/(?:x-www-form-urlencoded|sql|toml)\b/i;
const TEXT_FORMAT = /^application\/[\w.+-]*(?:json|xml|javascript|ecmascript|yaml|graphql)\b/i;
const BINARY_TYPE = /^(?:image|audio|video|font)\/|^application\/(?:octet-stream|pdf|zip|gzip|wasm|x-tar)\b/i;
const BINARY_FORMAT = /^application\/[\w.+-]*(?:protobuf|msgpack|cbor|grpc)/i;
const CHARSET = /;[ \t]*charset[ \t]*=[ \t]*"?([\w.:-]{1,40})/i;

/**
 * @param type value of `Content-Type`, or empty
 * @returns text in UTF-8, which is `body` or a part of it where it needs no change; null for what is no text
 */
export function asText(body: Buffer, type: string): Buffer | null {
  if (body[0] === 0xff && body[1] === 0xfe) return inUtf8(body, 'utf-16le');
  if (body[0] === 0xfe && body[1] === 0xff) return inUtf8(body, 'utf-16be');
  const isText = TEXT_TYPE.test(type) || TEXT_FORMAT.test(type);
  if (!isText && (BINARY_TYPE.test(type) || BINARY_FORMAT.test(type))) return null;
  const charset = CHARSET.exec(type)?.[1]?.toLowerCase() ?? 'utf-8';
  if (charset !== 'utf-8' && charset !== 'utf8' && charset !== 'us-ascii') return inUtf8(body, charset);
  if (body.includes(0) || (!isText && !isUtf8(body))) return null;
  return body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf ? body.subarray(3) : body;
}

function inUtf8(body: Buffer, charset: string): Buffer | null {
  try {
    return Buffer.from(new TextDecoder(charset).decode(body));
  } catch {
    // A charset that nobody knows.
    return null;
  }
}

/** Compares texts; ends of lines are the same whether they are LF or CRLF. @param showsContent examples may quote it */
export function compareText(place: Place, a: Buffer, b: Buffer, showsContent: boolean, list: FoundList): void {
  let i = 0;
  let j = 0;
  let line = 1;
  let lineStart = 0;
  for (;;) {
    if (a[i] === CR && a[i + 1] === LF && b[j] === LF) i += 1;
    else if (b[j] === CR && b[j + 1] === LF && a[i] === LF) j += 1;
    if (i >= a.length || j >= b.length || a[i] !== b[j]) break;
    if (a[i] === LF) {
      line += 1;
      lineStart = i + 1;
    }
    i += 1;
    j += 1;
  }
  if (i >= a.length && j >= b.length) return;
  const found = list.add(place, 'text');
  if (found === null) return;
  const position = `line ${line}, character ${charactersIn(a, lineStart, i) + 1}`;
  quote(found.ofProduction, position, a, i, showsContent);
  quote(found.ofMirror, position, b, j, showsContent);
}

function charactersIn(text: Buffer, start: number, end: number): number {
  let count = 0;
  for (let at = start; at < end; at++) if ((text[at]! & 0xc0) !== 0x80) count += 1;
  return count;
}

/** Longest way back to where a word begins: a part of a word could hide that it is secret. */
const MAX_BACK = 128;

function quote(shown: Shown, position: string, text: Buffer, at: number, showsContent: boolean): void {
  if (at >= text.length) {
    shown.setText(EXCERPT, `${position}: the end`);
    return;
  }
  shown.text = position;
  let start = at;
  while (start > 0 && at - start < MAX_BACK && !isSpace(text[start - 1]!)) start -= 1;
  let end = Math.min(text.length, start + LOOKED_AT);
  if (end < text.length) while (end > start && !isSpace(text[end]!)) end -= 1;
  const isWhole = start === 0 || isSpace(text[start - 1]!);
  shown.setBytes(EXCERPT, text, start, showsContent && isWhole ? end : start);
}

function isSpace(byte: number): boolean {
  return byte <= 0x20;
}
