/** From the client to the pod: requests. */
export const TO_SERVER = 0;
/** From the pod to the client: responses. */
export const TO_CLIENT = 1;
/** The tap cannot tell (a capture file); the flow table finds out from the handshake or the first bytes. */
export const UNKNOWN_DIRECTION = 2;

/** Which way a segment travels, as seen from the tapped server. */
export type Direction = typeof TO_SERVER | typeof TO_CLIENT;
export type SegmentDirection = Direction | typeof UNKNOWN_DIRECTION;

/** TCP control bits, RFC 9293 section 3.1. */
export const FIN = 0x01;
export const SYN = 0x02;
export const RST = 0x04;
export const ACK = 0x10;
export const URG = 0x20;

/**
 * One TCP segment as a tap delivers it: headers already decoded, payload borrowed.
 *
 * There is one `Segment` per source, refilled for each packet (no allocation on the hot path). It and the bytes
 * `data[start..end)` are valid only until the handler returns: whatever must outlive the call is copied.
 *
 * Addresses are four 32-bit words, the 16 bytes of the IPv6 address in memory order, each word read little-endian and
 * signed; IPv4 is v4-mapped (::ffff:a.b.c.d). Sequence and acknowledgement numbers are signed 32-bit, so that
 * `(b - a) | 0` is their distance (RFC 9293 section 3.4).
 */
export class Segment {
  /** The endpoint whose tap saw it; 0 where there is none (capture files). */
  endpoint = 0;
  direction: SegmentDirection = UNKNOWN_DIRECTION;
  /**
   * The kernel had stopped copying this flow and starts again here, at a request line or at what looks like a frame of
   * HTTP/2: forget all state of the flow.
   */
  resync = false;
  flags = 0;
  seq = 0;
  ack = 0;
  src0 = 0;
  src1 = 0;
  src2 = 0;
  src3 = 0;
  dst0 = 0;
  dst1 = 0;
  dst2 = 0;
  dst3 = 0;
  sport = 0;
  dport = 0;
  /** Symmetric hash of the connection: equal for both directions, well mixed. */
  hash = 0;
  data: Buffer = EMPTY;
  start = 0;
  end = 0;
  /** Payload bytes that were on the wire; more than `end - start` where the capture was cut. */
  wireLength = 0;
  /** Microseconds; CLOCK_MONOTONIC for live taps, the file's own clock for captures. */
  timeUs = 0;
}

const EMPTY = Buffer.alloc(0);

/** Receives segments in the order in which the tap saw them. */
export interface SegmentHandler {
  onSegment(segment: Segment): void;
}
