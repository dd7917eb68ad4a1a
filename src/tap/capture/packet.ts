/** One packet of a capture file; one object per reader, refilled for each packet. Its bytes are borrowed. */
export class CapturedPacket {
  /** `data[start..end)` is the frame as captured, valid until the reader is asked for the next one. */
  data: Buffer = EMPTY;
  start = 0;
  end = 0;
  /** Bytes that the frame had on the wire. */
  wireLength = 0;
  /** Microseconds since 1970, by the capturing machine's clock. */
  timeUs = 0;
  /** https://www.tcpdump.org/linktypes.html */
  linkType = 0;
}

const EMPTY = Buffer.alloc(0);

/** A packet was read. */
export const PACKET = 1;
/** What is buffered does not reach; more of the file is needed. */
export const NEED_MORE = 0;

export type ReadResult = typeof PACKET | typeof NEED_MORE;

/** A frame larger than this is damage: the largest super-packet that Linux makes has half a mebibyte. */
export const MAX_FRAME_BYTES = 1 << 20;

/** Reads one file format from the window of the file that is in memory. */
export interface CaptureParser {
  /** Goes on to the next packet. @throws ShadowtapError CAPTURE_FILE */
  next(packet: CapturedPacket): ReadResult;
}

/** A frame's length on the wire as the file claims it, made plausible: at least what was captured. */
export function plausibleWireLength(captured: number, claimed: number): number {
  return Math.max(captured, Math.min(claimed, MAX_FRAME_BYTES));
}
