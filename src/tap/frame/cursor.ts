import { MALFORMED, TRUNCATED } from './status.ts';

/**
 * Where decoding stands in a frame; one per decoder, refilled for each frame (no allocation).
 *
 * Each layer checks its header, moves `at` past it and tightens the two ends. `end` is where the captured bytes end,
 * `wireEnd` where the layer's bytes ended on the wire: they differ where the capture was cut short, and only there.
 */
export class Cursor {
  data: Buffer = EMPTY;
  at = 0;
  end = 0;
  wireEnd = 0;
}

const EMPTY = Buffer.alloc(0);

/**
 * What a layer returns: the layer that follows (0 or more, see layer.ts), or minus a DecodeStatus.
 */
export type NextLayer = number;

/** The result for a header of `size` bytes that is not there: was the capture cut, or the packet too small for it? */
export function missing(cursor: Cursor, size: number): NextLayer {
  return cursor.wireEnd - cursor.at < size ? -MALFORMED : -TRUNCATED;
}

/** The current layer holds `length` bytes from here on: what follows in the frame is padding or a trailer. */
export function narrow(cursor: Cursor, length: number): void {
  cursor.wireEnd = cursor.at + length;
  if (cursor.end > cursor.wireEnd) cursor.end = cursor.wireEnd;
}

/** Network order; the caller has checked that the bytes are there. */
export function u16(data: Buffer, at: number): number {
  return (data[at]! << 8) | data[at + 1]!;
}

/** Little endian; the caller has checked that the bytes are there. */
export function u16le(data: Buffer, at: number): number {
  return data[at]! | (data[at + 1]! << 8);
}
