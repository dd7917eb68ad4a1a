/**
 * What the header of an HTTP/2 frame may be, RFC 9113 sections 4.1 and 6. This is asked where a connection is joined in its
 * middle: by the kernel (bpf/http.h, the twin of this for clients), by the pcap tap, when a flow is picked up, and by
 * the decoder.
 */

export const FRAME_HEADER_BYTES = 9;

/** Types of frames, section 6 and later RFCs. */
export const DATA = 0;
export const HEADERS = 1;
export const PRIORITY = 2;
export const RST_STREAM = 3;
export const SETTINGS = 4;
export const PUSH_PROMISE = 5;
export const PING = 6;
export const GOAWAY = 7;
export const WINDOW_UPDATE = 8;
export const CONTINUATION = 9;
/** RFC 7838, RFC 8336, RFC 9218. */
export const ALTSVC = 0xa;
export const ORIGIN = 0xc;
export const PRIORITY_UPDATE = 0x10;

export const ACK_FLAG = 0x1;
export const END_STREAM = 0x1;
export const END_HEADERS = 0x4;
export const PADDED = 0x8;
export const PRIORITY_FLAG = 0x20;

/** SETTINGS_MAX_FRAME_SIZE unless it is set: all but a few peers leave it. */
export const DEFAULT_FRAME_SIZE = 16_384;

/**
 * Whether a frame with a header like the first nine bytes of `data[start..end)` may begin there: a length of 16 KiB at
 * most, no reserved bit, flags, length and stream as the type demands. Of random bytes, one in 13 million for clients: see
 * docs/http2.md.
 */
export function beginsFrame(data: Uint8Array, start: number, end: number, fromClient: boolean): boolean {
  if (end - start < FRAME_HEADER_BYTES) return false;
  const length = (data[start]! << 16) | (data[start + 1]! << 8) | data[start + 2]!;
  const stream = (data[start + 5]! << 24) | (data[start + 6]! << 16) | (data[start + 7]! << 8) | data[start + 8]!;
  // The sign is the reserved bit.
  if (length > DEFAULT_FRAME_SIZE || stream < 0) return false;
  return isPlausible(length, data[start + 3]!, data[start + 4]!, stream, fromClient);
}

function isPlausible(length: number, type: number, flags: number, stream: number, fromClient: boolean): boolean {
  // Only streams that a client opened: pushed ones are even, and rare enough to wait for another frame.
  const opened = (stream & 1) === 1;
  switch (type) {
    case DATA:
      return opened && (flags & ~(END_STREAM | PADDED)) === 0 && length >= ((flags & PADDED) >> 3);
    case HEADERS: {
      const extra = ((flags & PADDED) >> 3) + (flags & PRIORITY_FLAG ? 5 : 0);
      return opened && (flags & ~(END_STREAM | END_HEADERS | PADDED | PRIORITY_FLAG)) === 0 && length > extra;
    }
    case PRIORITY:
      return stream !== 0 && flags === 0 && length === 5;
    case RST_STREAM:
      return opened && flags === 0 && length === 4;
    case SETTINGS:
      return stream === 0 && (flags === 0 ? length % 6 === 0 && length <= MAX_SETTINGS : flags === ACK_FLAG && length === 0);
    case PUSH_PROMISE:
      return !fromClient && opened && (flags & ~(END_HEADERS | PADDED)) === 0 && length > 4;
    case PING:
      return stream === 0 && (flags & ~ACK_FLAG) === 0 && length === 8;
    case GOAWAY:
      return stream === 0 && flags === 0 && length >= 8;
    case WINDOW_UPDATE:
      return flags === 0 && length === 4;
    default:
      return false;
  }
}

/** More settings than there are, in bytes. */
const MAX_SETTINGS = 6 * 32;
