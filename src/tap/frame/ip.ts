import type { Segment } from '../segment.ts';
import { missing, narrow, u16, type Cursor, type NextLayer } from './cursor.ts';
import type { FragmentCache } from './fragments.ts';
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6, IP_PROTOCOL } from './layer.ts';
import { MALFORMED } from './status.ts';

/** Bytes 8 to 11 of an IPv4-mapped IPv6 address, as Segment has them: 00 00 ff ff read little endian. */
const MAPPED_PREFIX = -65536;
/** More extension headers than this are an attack, not a packet (RFC 8504 section 5.3 allows such a limit). */
const MAX_EXTENSIONS = 16;

/** IPv4 or IPv6 as the version nibble says. */
export function ip(cursor: Cursor): NextLayer {
  if (cursor.end - cursor.at < 1) return missing(cursor, 1);
  const version = cursor.data[cursor.at]! >> 4;
  return version === 4 ? ETHERTYPE_IPV4 : version === 6 ? ETHERTYPE_IPV6 : -MALFORMED;
}

/** RFC 791. Puts the addresses into the segment and goes on to the protocol, of a whole datagram. */
export function ipv4(cursor: Cursor, segment: Segment, fragments: FragmentCache): NextLayer {
  const { data, at } = cursor;
  if (cursor.end - at < 20) return missing(cursor, 20);
  const header = (data[at]! & 0x0f) * 4;
  if (data[at]! >> 4 !== 4 || header < 20) return -MALFORMED;
  const total = u16(data, at + 2);
  // 0 is a super-packet captured before the network card cut it up: the frame's own length counts.
  if (total !== 0) {
    if (total < header) return -MALFORMED;
    narrow(cursor, total);
  }
  if (cursor.end - at < header) return missing(cursor, header);
  const protocol = data[at + 9]!;
  segment.src0 = 0;
  segment.src1 = 0;
  segment.src2 = MAPPED_PREFIX;
  segment.src3 = data.readInt32LE(at + 12);
  segment.dst0 = 0;
  segment.dst1 = 0;
  segment.dst2 = MAPPED_PREFIX;
  segment.dst3 = data.readInt32LE(at + 16);
  cursor.at += header;
  const fragment = u16(data, at + 6);
  if ((fragment & 0x3fff) === 0) return IP_PROTOCOL + protocol;
  const offset = (fragment & 0x1fff) * 8;
  const last = (fragment & 0x2000) === 0;
  return fragments.add(cursor, segment, u16(data, at + 4), protocol, offset, last);
}

/** RFC 8200. Walks the extension headers: each step moves on by eight bytes or more, and their number is bounded. */
export function ipv6(cursor: Cursor, segment: Segment, fragments: FragmentCache): NextLayer {
  const { data, at } = cursor;
  if (cursor.end - at < 40) return missing(cursor, 40);
  if (data[at]! >> 4 !== 6) return -MALFORMED;
  const length = u16(data, at + 4);
  // 0 is a jumbogram or a super-packet: the frame's own length counts.
  if (length !== 0) narrow(cursor, 40 + length);
  segment.src0 = data.readInt32LE(at + 8);
  segment.src1 = data.readInt32LE(at + 12);
  segment.src2 = data.readInt32LE(at + 16);
  segment.src3 = data.readInt32LE(at + 20);
  segment.dst0 = data.readInt32LE(at + 24);
  segment.dst1 = data.readInt32LE(at + 28);
  segment.dst2 = data.readInt32LE(at + 32);
  segment.dst3 = data.readInt32LE(at + 36);
  let next = data[at + 6]!;
  cursor.at += 40;
  for (let i = 0; i < MAX_EXTENSIONS; i++) {
    const kind = extensionKind(next);
    if (kind === NO_EXTENSION) return IP_PROTOCOL + next;
    if (cursor.end - cursor.at < 8) return missing(cursor, 8);
    const here = cursor.at;
    const following = data[here]!;
    const size = kind === FRAGMENT_HEADER ? 8 : kind === AUTHENTICATION ? (data[here + 1]! + 2) * 4 : (data[here + 1]! + 1) * 8;
    if (cursor.end - here < size) return missing(cursor, size);
    cursor.at += size;
    if (kind === FRAGMENT_HEADER) {
      const field = u16(data, here + 2);
      const alone = (field & 0xfff9) === 0; // RFC 6946: a fragment that is the whole packet
      if (!alone) {
        return fragments.add(cursor, segment, data.readInt32BE(here + 4), following, field & 0xfff8, (field & 1) === 0);
      }
    }
    next = following;
  }
  return -MALFORMED;
}

const NO_EXTENSION = 0;
const OPTIONS = 1;
const FRAGMENT_HEADER = 2;
const AUTHENTICATION = 3;

/** https://www.iana.org/assignments/ipv6-parameters: ESP is none of them, what it hides cannot be read. */
function extensionKind(header: number): number {
  switch (header) {
    case 0: // hop-by-hop options
    case 43: // routing
    case 60: // destination options
    case 135: // mobility
    case 139: // host identity
    case 140: // shim6
      return OPTIONS;
    case 44:
      return FRAGMENT_HEADER;
    case 51:
      return AUTHENTICATION;
    default:
      return NO_EXTENSION;
  }
}
