import { missing, u16, u16le, type Cursor, type NextLayer } from './cursor.ts';
import { ethernet, etherType } from './ethernet.ts';
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6, ETHERTYPE_PPPOE_SESSION, LAYER_80211, LAYER_IP, LAYER_LLC, LAYER_PPP } from './layer.ts';
import { MALFORMED, NOT_IP, UNSUPPORTED_LINK } from './status.ts';
import { radiotap } from './wireless.ts';

/** Link types as capture files number them: https://www.tcpdump.org/linktypes.html */
export const LINKTYPE_ETHERNET = 1;

/** Every link type that `link` understands, with its name for messages. */
export const LINK_TYPES: ReadonlyMap<number, string> = new Map([
  [0, 'BSD loopback'],
  [1, 'Ethernet'],
  [6, 'Token Ring'],
  [7, 'ARCNET'],
  [8, 'SLIP'],
  [9, 'PPP'],
  [10, 'FDDI'],
  [12, 'raw IP'],
  [14, 'raw IP'],
  [50, 'PPP in HDLC'],
  [51, 'PPPoE'],
  [100, 'LLC in ATM'],
  [101, 'raw IP'],
  [104, 'Cisco HDLC'],
  [105, 'IEEE 802.11'],
  [107, 'Frame Relay'],
  [108, 'OpenBSD loopback'],
  [109, 'OpenBSD enc'],
  [113, 'Linux cooked'],
  [117, 'OpenBSD pflog'],
  [119, 'IEEE 802.11 with Prism header'],
  [122, 'IP over Fibre Channel'],
  [127, 'IEEE 802.11 with radiotap header'],
  [129, 'ARCNET (Linux)'],
  [138, 'IP over IEEE 1394'],
  [163, 'IEEE 802.11 with AVS header'],
  [192, 'PPI'],
  [204, 'PPP with direction'],
  [228, 'raw IPv4'],
  [229, 'raw IPv6'],
  [239, 'Linux nflog'],
  [258, 'Apple PKTAP'],
  [276, 'Linux cooked v2'],
]);

/** Reads the link layer's header. */
export function link(cursor: Cursor, linkType: number): NextLayer {
  switch (linkType) {
    case 1:
      return ethernet(cursor);
    case 12:
    case 14:
    case 101:
      return LAYER_IP;
    case 228:
      return ETHERTYPE_IPV4;
    case 229:
      return ETHERTYPE_IPV6;
    case 0:
    case 108:
      return bsdLoopback(cursor);
    case 113:
      return typeAt(cursor, 14, 16);
    case 276:
      return typeAt(cursor, 0, 20);
    case 104:
      return typeAt(cursor, 2, 4);
    case 138:
      return typeAt(cursor, 16, 18);
    case 9:
    case 50:
      return LAYER_PPP;
    case 204:
      return skip(cursor, 1, LAYER_PPP);
    case 51:
      return ETHERTYPE_PPPOE_SESSION;
    case 8:
      return skip(cursor, 16, LAYER_IP);
    case 109:
      return skip(cursor, 12, LAYER_IP);
    case 10:
      return skip(cursor, 13, LAYER_LLC);
    case 122:
      return skip(cursor, 16, LAYER_LLC);
    case 100:
      return LAYER_LLC;
    case 105:
      return LAYER_80211;
    case 119:
      return prism(cursor);
    case 127:
      return radiotap(cursor);
    case 163:
      return avs(cursor);
    case 6:
      return tokenRing(cursor);
    case 7:
      return arcnet(cursor, 2);
    case 129:
      return arcnet(cursor, 4);
    case 107:
      return frameRelay(cursor);
    case 117:
      return pflog(cursor);
    case 239:
      return nflog(cursor);
    case 192:
      return ppi(cursor);
    case 258:
      return pktap(cursor);
    default:
      return -UNSUPPORTED_LINK;
  }
}

function skip(cursor: Cursor, size: number, next: NextLayer): NextLayer {
  if (cursor.end - cursor.at < size) return missing(cursor, size);
  cursor.at += size;
  return next;
}

/** A fixed header with an EtherType in it. */
function typeAt(cursor: Cursor, offset: number, size: number): NextLayer {
  if (cursor.end - cursor.at < size) return missing(cursor, size);
  const type = u16(cursor.data, cursor.at + offset);
  cursor.at += size;
  if (type >= 0x600) return type;
  return type === 0x0004 ? LAYER_LLC : -NOT_IP; // 4: 802.2 frames in Linux cooked captures
}

/** Four bytes of address family in the byte order of the machine that captured: IPv6's number differs by system. */
function bsdLoopback(cursor: Cursor): NextLayer {
  if (cursor.end - cursor.at < 4) return missing(cursor, 4);
  const { data, at } = cursor;
  const little = data[at + 2] === 0 && data[at + 3] === 0;
  const family = little ? u16le(data, at) : u16(data, at + 2);
  cursor.at += 4;
  return familyLayer(family);
}

function familyLayer(family: number): NextLayer {
  switch (family) {
    case 2:
      return ETHERTYPE_IPV4;
    case 10: // Linux
    case 23: // Windows
    case 24: // NetBSD, OpenBSD
    case 28: // FreeBSD
    case 30: // macOS
      return ETHERTYPE_IPV6;
    default:
      return -NOT_IP;
  }
}

/** Access and frame control, two addresses, a source route where the source address says so. */
function tokenRing(cursor: Cursor): NextLayer {
  if (cursor.end - cursor.at < 14) return missing(cursor, 14);
  const { data, at } = cursor;
  if ((data[at + 1]! & 0xc0) !== 0x40) return -NOT_IP; // not an LLC frame
  if ((data[at + 8]! & 0x80) === 0) return skip(cursor, 14, LAYER_LLC);
  if (cursor.end - at < 16) return missing(cursor, 16);
  return skip(cursor, 14 + (data[at + 14]! & 0x1f), LAYER_LLC);
}

/** RFC 1051 (types 240, 241) has the short header, RFC 1201 adds a flag and a number for its own fragments. */
function arcnet(cursor: Cursor, typeOffset: number): NextLayer {
  const size = typeOffset + 1;
  if (cursor.end - cursor.at < size) return missing(cursor, size);
  const { data, at } = cursor;
  const type = data[at + typeOffset]!;
  if (type === 240) return skip(cursor, size, ETHERTYPE_IPV4);
  const next = type === 212 ? ETHERTYPE_IPV4 : type === 196 ? ETHERTYPE_IPV6 : -NOT_IP;
  if (next < 0) return next;
  if (cursor.end - at < size + 3) return missing(cursor, size + 3);
  const flag = data[at + size]!;
  if (flag === 0xff) return skip(cursor, size + 7, next); // exception frame: the header follows once more
  return flag === 0 ? skip(cursor, size + 3, next) : -UNSUPPORTED_LINK;
}

/** RFC 2427 with a two-byte address. */
function frameRelay(cursor: Cursor): NextLayer {
  if (cursor.end - cursor.at < 4) return missing(cursor, 4);
  const { data, at } = cursor;
  if (data[at + 2] !== 0x03) return typeAt(cursor, 2, 4); // Cisco's encapsulation: an EtherType
  const padded = data[at + 3] === 0;
  if (padded && cursor.end - at < 5) return missing(cursor, 5);
  const protocol = padded ? data[at + 4] : data[at + 3];
  cursor.at += padded ? 5 : 4;
  if (protocol === 0xcc) return ETHERTYPE_IPV4;
  if (protocol === 0x8e) return ETHERTYPE_IPV6;
  if (protocol !== 0x80) return -NOT_IP;
  return skip(cursor, 3, 0) < 0 ? missing(cursor, 3) : etherType(cursor);
}

function pflog(cursor: Cursor): NextLayer {
  if (cursor.end - cursor.at < 4) return missing(cursor, 4);
  const size = (cursor.data[cursor.at]! + 3) & ~3;
  if (size < 4) return -MALFORMED;
  const family = cursor.data[cursor.at + 1]!;
  return skip(cursor, size, familyLayer(family));
}

const NFULA_PAYLOAD = 9;

/** Netfilter log: attributes (length, type, value) in the byte order of the machine that captured. */
function nflog(cursor: Cursor): NextLayer {
  if (cursor.end - cursor.at < 4) return missing(cursor, 4);
  const { data } = cursor;
  const next = familyLayer(data[cursor.at]!);
  if (next < 0) return next;
  cursor.at += 4;
  if (cursor.end - cursor.at < 4) return missing(cursor, 4);
  // Attribute types are small: the byte that is not zero tells the order.
  const little = data[cursor.at + 2] !== 0;
  for (;;) {
    if (cursor.end - cursor.at < 4) return missing(cursor, 4);
    const length = little ? u16le(data, cursor.at) : u16(data, cursor.at);
    const type = (little ? u16le(data, cursor.at + 2) : u16(data, cursor.at + 2)) & 0x7fff;
    if (length < 4) return -MALFORMED;
    if (type === NFULA_PAYLOAD) return skip(cursor, 4, next);
    const padded = (length + 3) & ~3;
    if (cursor.end - cursor.at < padded) return missing(cursor, padded);
    cursor.at += padded;
  }
}

/** The 144-byte header of Prism II drivers; some put an AVS header under the same number. */
function prism(cursor: Cursor): NextLayer {
  if (cursor.end - cursor.at < 8) return missing(cursor, 8);
  const isAvs = cursor.data[cursor.at] === 0x80 && cursor.data[cursor.at + 1] === 0x21;
  return isAvs ? avs(cursor) : skip(cursor, 144, LAYER_80211);
}

function avs(cursor: Cursor): NextLayer {
  if (cursor.end - cursor.at < 8) return missing(cursor, 8);
  const size = cursor.data.readUInt32BE(cursor.at + 4);
  return size < 8 ? -MALFORMED : skip(cursor, size, LAYER_80211);
}

/** Per-packet information: the link type of what follows is in the header. */
function ppi(cursor: Cursor): NextLayer {
  if (cursor.end - cursor.at < 8) return missing(cursor, 8);
  const size = u16le(cursor.data, cursor.at + 2);
  const inner = cursor.data.readUInt32LE(cursor.at + 4);
  return nested(cursor, size, inner);
}

function pktap(cursor: Cursor): NextLayer {
  if (cursor.end - cursor.at < 12) return missing(cursor, 12);
  const size = cursor.data.readUInt32LE(cursor.at);
  const inner = cursor.data.readUInt32LE(cursor.at + 8);
  return nested(cursor, size, inner);
}

function nested(cursor: Cursor, size: number, linkType: number): NextLayer {
  if (size < 8) return -MALFORMED;
  if (cursor.end - cursor.at < size) return missing(cursor, size);
  if (linkType === 192 || linkType === 258) return -MALFORMED; // one inside the other: no one does that
  cursor.at += size;
  return link(cursor, linkType);
}
