import { hpack, integer } from './hpack-encoder.ts';

export { hpack, integer };

export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

export const END_STREAM = 1;
export const END_HEADERS = 4;
export const PADDED = 8;
export const PRIORITY = 0x20;
const ACK = 1;

/** A frame as it lies on the wire, RFC 9113 section 4.1; nothing is checked. */
export function frame(type: number, flags: number, stream: number, payload: Buffer | string = ''): Buffer {
  const bytes = Buffer.from(payload as string, 'latin1');
  const header = Buffer.alloc(9);
  header.writeUIntBE(bytes.length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(stream, 5);
  return Buffer.concat([header, bytes]);
}

export const data = (stream: number, text: string | Buffer, flags = 0): Buffer => frame(0, flags, stream, text);
export const headers = (stream: number, block: Buffer, flags = END_HEADERS): Buffer => frame(1, flags, stream, block);
export const priority = (stream: number): Buffer => frame(2, 0, stream, '\0\0\0\0\x10');
export const reset = (stream: number, code: number): Buffer => frame(3, 0, stream, word(code));
export const settingsAck = (): Buffer => frame(4, ACK, 0);
export const pushPromise = (stream: number, promised: number, block: Buffer, flags = END_HEADERS): Buffer =>
  frame(5, flags, stream, Buffer.concat([word(promised), block]));
export const ping = (): Buffer => frame(6, 0, 0, 'opaque..');
export const goaway = (last: number, code: number, debug = ''): Buffer => frame(7, 0, 0, Buffer.concat([word(last), word(code), Buffer.from(debug)]));
export const windowUpdate = (stream: number, increment: number): Buffer => frame(8, 0, stream, word(increment));
export const continuation = (stream: number, block: Buffer, flags = END_HEADERS): Buffer => frame(9, flags, stream, block);

/** @param entries identifier, value, identifier, value */
export function settings(...entries: readonly number[]): Buffer {
  const payload = Buffer.alloc(entries.length * 3);
  for (let i = 0; i + 1 < entries.length; i += 2) {
    payload.writeUInt16BE(entries[i]!, i * 3);
    payload.writeUInt32BE(entries[i + 1]!, i * 3 + 2);
  }
  return frame(4, 0, 0, payload);
}

/** The head of a request, none of it in the table. */
export function requestBlock(path: string, method = 'GET', ...fields: readonly string[]): Buffer {
  return hpack.block(':method', method, ':scheme', 'http', ':authority', 'shop', ':path', path, ...fields);
}

export function responseBlock(status = 200, ...fields: readonly string[]): Buffer {
  return hpack.block(':status', `${status}`, ...fields);
}

export const get = (stream: number, path: string): Buffer => headers(stream, requestBlock(path), END_HEADERS | END_STREAM);
export const answer = (stream: number, status = 200): Buffer => headers(stream, responseBlock(status), END_HEADERS | END_STREAM);

/** Padding in front and behind, RFC 9113 section 6.1. */
export function padded(payload: Buffer | string, bytes: number): Buffer {
  return Buffer.concat([Buffer.from([bytes]), Buffer.from(payload as string, 'latin1'), Buffer.alloc(bytes)]);
}

export function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** Latin-1 of several frames, for `Case.turns`. */
export function wire(...parts: readonly Buffer[]): string {
  return Buffer.concat(parts).latin1Slice();
}
