import { pseudoFieldsOf } from '../http/exchange.ts';
import { PREFACE } from '../http/h2/preface.ts';
import { CONTINUATION, DATA, DEFAULT_FRAME_SIZE, FRAME_HEADER_BYTES, HEADERS, SETTINGS } from '../tap/http2-frame.ts';
import { Faulty } from './json-fields.ts';
import { timesOf, type RawPart } from './raw-part.ts';
import type { RecordedMessage, RecordedRequest, RecordedResponse } from './record.ts';

/** The only stream of its connection. */
const STREAM = 1;
const END_STREAM = 0x1;
const END_HEADERS = 0x4;
const NOTHING = Buffer.alloc(0);
const NO_SETTINGS = frame(SETTINGS, 0, 0, NOTHING);

/**
 * A recorded request of HTTP/2 as the bytes of a connection of its own, RFC 9113. Whether it is one that servers take is
 * left to the decoder; nothing in it can be taken for the end of a frame.
 * @throws Faulty where it cannot be written
 */
export function http2Request(request: RecordedRequest): RawPart[] {
  return partsOf([PREFACE, NO_SETTINGS], pseudoFieldsOf(request), request, true);
}

/** Its response. @param hasContent false where a response to such a request, or with such a status, has none */
export function http2Response(response: RecordedResponse, hasContent: boolean): RawPart[] {
  return partsOf([NO_SETTINGS], [':status', String(response.status)], response, hasContent);
}

function partsOf(start: readonly Buffer[], pseudo: readonly string[], message: RecordedMessage, hasContent: boolean): RawPart[] {
  const { startUs, endUs } = timesOf(message);
  // Where content is missing, the stream has no end and is seen to be incomplete.
  const content = hasContent ? message.body : NOTHING;
  const trailers = content === null ? [] : message.trailers;
  const headers = hasContent && content !== null ? withLength(message.headers, content.length) : message.headers;
  const isOver = content?.length === 0 && trailers.length === 0;
  const parts: RawPart[] = [{ bytes: Buffer.concat([...start, ...headerFrames([...pseudo, ...headers], isOver)]), timeUs: startUs }];
  for (const bytes of dataFrames(content ?? NOTHING, trailers.length === 0)) parts.push({ bytes, timeUs: endUs });
  if (trailers.length > 0) parts.push({ bytes: Buffer.concat(headerFrames(trailers, true)), timeUs: endUs });
  return parts;
}

/** A length that does not fit the content is corrected where it stands. */
function withLength(headers: readonly string[], length: number): string[] {
  return headers.map((text, i) => (i % 2 === 1 && headers[i - 1] === 'content-length' ? String(length) : text));
}

function headerFrames(fields: readonly string[], endStream: boolean): Buffer[] {
  const block = Buffer.concat(fields.map((text, i) => (i % 2 === 0 ? Buffer.concat([LITERAL, string(text)]) : string(text))));
  const frames: Buffer[] = [];
  for (let at = 0; at === 0 || at < block.length; at += DEFAULT_FRAME_SIZE) {
    const piece = block.subarray(at, at + DEFAULT_FRAME_SIZE);
    const flags = (at === 0 && endStream ? END_STREAM : 0) | (at + piece.length === block.length ? END_HEADERS : 0);
    frames.push(frame(at === 0 ? HEADERS : CONTINUATION, flags, STREAM, piece));
  }
  return frames;
}

function dataFrames(content: Buffer, endStream: boolean): Buffer[] {
  const frames: Buffer[] = [];
  for (let at = 0; at < content.length; at += DEFAULT_FRAME_SIZE) {
    const piece = content.subarray(at, at + DEFAULT_FRAME_SIZE);
    frames.push(frame(DATA, endStream && at + piece.length === content.length ? END_STREAM : 0, STREAM, NOTHING, piece.length), piece);
  }
  return frames;
}

/** RFC 9113 section 4.1. @param length of the payload, which may follow in another buffer */
function frame(type: number, flags: number, stream: number, payload: Buffer, length = payload.length): Buffer {
  const bytes = Buffer.alloc(FRAME_HEADER_BYTES + payload.length);
  bytes.writeUIntBE(length, 0, 3);
  bytes[3] = type;
  bytes[4] = flags;
  bytes.writeUInt32BE(stream, 5);
  payload.copy(bytes, FRAME_HEADER_BYTES);
  return bytes;
}

/** A field that is not put into the table, with its name, RFC 7541 section 6.2.2. */
const LITERAL = Buffer.of(0);

/** Section 5.2, without Huffman coding. */
function string(text: string): Buffer {
  if (!/^[\0-\xff]*$/.test(text)) throw new Faulty('its head has characters that HTTP does not allow');
  return Buffer.concat([integer(text.length), Buffer.from(text, 'latin1')]);
}

/** Section 5.1, with a prefix of seven bits. */
function integer(value: number): Buffer {
  if (value < 127) return Buffer.of(value);
  const bytes = [127];
  let rest = value - 127;
  for (; rest >= 128; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return Buffer.from([...bytes, rest]);
}
