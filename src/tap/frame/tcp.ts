import type { Segment } from '../segment.ts';
import { missing, u16, type Cursor } from './cursor.ts';
import { connectionHash } from './hash.ts';
import { MALFORMED, OK, type DecodeStatus } from './status.ts';

/**
 * RFC 9293 section 3.1: ports, numbers, flags and payload. The addresses are already in the segment.
 *
 * Options are stepped over by the data offset alone, never parsed. A SYN's payload (Fast Open, RFC 7413) is delivered;
 * it begins at seq + 1. Urgent bytes stay in the payload, as on the wire; the segment's URG flag tells of them.
 * Checksums are not verified: with offload, what a tap sees has none yet.
 */
export function tcp(cursor: Cursor, segment: Segment): DecodeStatus {
  const { data, at } = cursor;
  if (cursor.end - at < 20) return -missing(cursor, 20) as DecodeStatus;
  const payload = at + (data[at + 12]! >> 4) * 4;
  if (payload < at + 20 || payload > cursor.wireEnd) return MALFORMED;
  segment.sport = u16(data, at);
  segment.dport = u16(data, at + 2);
  segment.seq = data.readInt32BE(at + 4);
  segment.ack = data.readInt32BE(at + 8);
  segment.flags = data[at + 13]!;
  segment.data = data;
  segment.start = payload < cursor.end ? payload : cursor.end;
  segment.end = cursor.end;
  segment.wireLength = cursor.wireEnd - payload;
  segment.hash = connectionHash(segment);
  return OK;
}
