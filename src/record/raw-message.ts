import { TO_CLIENT, TO_SERVER, type Direction } from '../tap/segment.ts';
import { http2Request, http2Response } from './http2-message.ts';
import { Faulty } from './json-fields.ts';
import { timesOf, type RawPart } from './raw-part.ts';
import type { ExchangeRecord, RecordedAddress, RecordedMessage } from './record.ts';

/** A message of a recording, as bytes that the decoder reads like captured ones. */
export interface RawMessage {
  /** The same for a request and its response. */
  readonly conversation: string;
  readonly direction: Direction;
  readonly client: RecordedAddress;
  readonly server: RecordedAddress;
  /** Borrowed: head and content, or pieces of them. */
  readonly parts: readonly RawPart[];
  /** Nothing more of the conversation follows. */
  readonly last: boolean;
}

/**
 * The request as HTTP/2 where it was recorded as that, else as HTTP/1.1, and its response likewise.
 * @throws Faulty where a message cannot be written so
 */
export function messagesOf(record: ExchangeRecord, conversation: string): RawMessage[] {
  const { client, server, request, response } = record;
  const common = { conversation, client, server };
  const isHttp2 = request.pseudo.length > 0;
  const requestLine = `${request.method} ${request.target} ${versionOf(request)}`;
  const sent: RawMessage = {
    ...common,
    direction: TO_SERVER,
    parts: isHttp2 ? http2Request(request) : partsOf(requestLine, request, true),
    last: response === null,
  };
  if (response === null) return [sent];
  if (!Number.isInteger(response.status) || response.status < 200 || response.status > 999) throw new Faulty('status is no number of a final response');
  const statusLine = `${versionOf(response)} ${response.status} ${response.reason}`;
  const hasContent = request.method !== 'HEAD' && response.status !== 204 && response.status !== 304;
  const parts = isHttp2 ? http2Response(response, hasContent) : partsOf(statusLine, response, hasContent);
  return [sent, { ...common, direction: TO_CLIENT, parts, last: true }];
}

/** Of HTTP/2 and 3 in recordings of other tools, which have no text form. */
function versionOf({ version }: RecordedMessage): string {
  return version.toUpperCase() === 'HTTP/1.0' ? 'HTTP/1.0' : 'HTTP/1.1';
}

function partsOf(startLine: string, message: RecordedMessage, hasContent: boolean): RawMessage['parts'] {
  const { headers, content } = hasContent ? framed(message) : { headers: message.headers, content: [] };
  let head = `${startLine}\r\n`;
  for (let i = 0; i + 1 < headers.length; i += 2) head += `${headers[i]!}: ${headers[i + 1]!}\r\n`;
  // What would end a line early would make another message of it.
  if (lineEnds(head) !== 1 + headers.length / 2 || !/^[\x01-\xff]*$/.test(head)) throw new Faulty('its head has characters that HTTP does not allow');
  const { startUs, endUs } = timesOf(message);
  return [{ bytes: Buffer.from(`${head}\r\n`, 'latin1'), timeUs: startUs }, ...content.map((bytes) => ({ bytes, timeUs: endUs }))];
}

/** CR, LF and CRLF. */
function lineEnds(text: string): number {
  return text.match(/\r\n|\r|\n/g)?.length ?? 0;
}

/**
 * Content with the framing that the head announces, where the two agree; else with its length. Content that is not
 * there is announced and not sent, so that the message is seen to be incomplete.
 */
function framed({ headers, trailers, body, bodyLength }: RecordedMessage): { headers: readonly string[]; content: readonly Buffer[] } {
  const lengths = valuesOf(headers, 'content-length');
  const codings = valuesOf(headers, 'transfer-encoding');
  if (body === null) return { headers: withLength(headers, Math.max(1, bodyLength)), content: [] };
  if (codings.length === 1 && codings[0]!.toLowerCase() === 'chunked' && lengths.length === 0) {
    return { headers, content: chunked(body, trailers) };
  }
  const announced = lengths.length === 1 && lengths[0] === String(body.length);
  const asItIs = codings.length === 0 && (announced || (lengths.length === 0 && body.length === 0));
  return { headers: asItIs ? headers : withLength(headers, body.length), content: body.length === 0 ? [] : [body] };
}

function valuesOf(headers: readonly string[], lowerName: string): string[] {
  const values: string[] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) if (headers[i]!.toLowerCase() === lowerName) values.push(headers[i + 1]!);
  return values;
}

function withLength(headers: readonly string[], length: number): string[] {
  const kept: string[] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i]!.toLowerCase();
    if (name !== 'content-length' && name !== 'transfer-encoding') kept.push(headers[i]!, headers[i + 1]!);
  }
  kept.push('Content-Length', String(length));
  return kept;
}

/** RFC 9112 section 7.1: all of it in one chunk. */
function chunked(body: Buffer, trailers: readonly string[]): Buffer[] {
  let end = '0\r\n';
  for (let i = 0; i + 1 < trailers.length; i += 2) end += `${trailers[i]!}: ${trailers[i + 1]!}\r\n`;
  if (lineEnds(end) !== 1 + trailers.length / 2) throw new Faulty('its trailers have characters that HTTP does not allow');
  const chunk = body.length === 0 ? [] : [Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from('\r\n')];
  return [...chunk, Buffer.from(`${end}\r\n`, 'latin1')];
}
