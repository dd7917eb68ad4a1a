import { missing, narrow, u16, type Cursor, type NextLayer } from './cursor.ts';
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6, ETHERTYPE_MPLS, LAYER_ETHERNET, LAYER_IP, LAYER_LLC, LAYER_PPP } from './layer.ts';
import { MALFORMED, NOT_IP } from './status.ts';

/** Values below this in the type field are the length of an IEEE 802.3 frame. */
const FIRST_ETHERTYPE = 0x600;

export function ethernet(cursor: Cursor): NextLayer {
  if (cursor.end - cursor.at < 14) return missing(cursor, 14);
  cursor.at += 12;
  return etherType(cursor);
}

/** IEEE 802.1Q tag: its two bytes are skipped, the type behind it counts. */
export function vlan(cursor: Cursor): NextLayer {
  if (cursor.end - cursor.at < 4) return missing(cursor, 4);
  cursor.at += 2;
  return etherType(cursor);
}

/** Reads the two bytes at the cursor as an EtherType, or as the length of an 802.3 frame. */
export function etherType(cursor: Cursor): NextLayer {
  if (cursor.end - cursor.at < 2) return missing(cursor, 2);
  const type = u16(cursor.data, cursor.at);
  cursor.at += 2;
  if (type >= FIRST_ETHERTYPE) return type;
  if (type < cursor.wireEnd - cursor.at) narrow(cursor, type);
  return LAYER_LLC;
}

/** IEEE 802.2: IP directly (SAP 6), or behind a SNAP header (RFC 1042). */
export function llc(cursor: Cursor): NextLayer {
  const { data, at } = cursor;
  if (cursor.end - at < 3) return missing(cursor, 3);
  const dsap = data[at]!;
  const unnumbered = data[at + 2] === 0x03;
  if (dsap === 0x06 && unnumbered) {
    cursor.at += 3;
    return LAYER_IP;
  }
  if (dsap !== 0xaa || data[at + 1] !== 0xaa || !unnumbered) return -NOT_IP;
  if (cursor.end - at < 8) return missing(cursor, 8);
  // Organisation 0 is RFC 1042; 00-00-F8 is the 802.1H bridge tunnel, which uses the same types.
  if (data[at + 3] !== 0 || data[at + 4] !== 0 || (data[at + 5] !== 0 && data[at + 5] !== 0xf8)) return -NOT_IP;
  cursor.at += 6;
  const type = u16(data, cursor.at);
  cursor.at += 2;
  return type >= FIRST_ETHERTYPE ? type : -NOT_IP;
}

/** RFC 3032 label stack. What it carries is not written in it: IP by its version, or Ethernet behind a control word. */
export function mpls(cursor: Cursor): NextLayer {
  for (;;) {
    if (cursor.end - cursor.at < 4) return missing(cursor, 4);
    const bottom = (cursor.data[cursor.at + 2]! & 1) === 1;
    cursor.at += 4;
    if (bottom) break;
  }
  if (cursor.end - cursor.at < 4) return missing(cursor, 4);
  const nibble = cursor.data[cursor.at]! >> 4;
  if (nibble === 4 || nibble === 6) return LAYER_IP;
  if (nibble !== 0) return -NOT_IP;
  cursor.at += 4; // RFC 4448 control word
  return LAYER_ETHERNET;
}

/** RFC 2516 session stage. */
export function pppoe(cursor: Cursor): NextLayer {
  if (cursor.end - cursor.at < 6) return missing(cursor, 6);
  const { data, at } = cursor;
  if (data[at] !== 0x11) return -MALFORMED;
  if (data[at + 1] !== 0) return -NOT_IP;
  const length = u16(data, at + 4);
  cursor.at += 6;
  if (length < cursor.wireEnd - cursor.at) narrow(cursor, length);
  return LAYER_PPP;
}

export function ppp(cursor: Cursor): NextLayer {
  const { data } = cursor;
  if (cursor.end - cursor.at < 2) return missing(cursor, 2);
  if (data[cursor.at] === 0xff && data[cursor.at + 1] === 0x03) cursor.at += 2;
  if (cursor.end - cursor.at < 2) return missing(cursor, 2);
  const compressed = (data[cursor.at]! & 1) === 1; // RFC 1661 section 6.5
  const protocol = compressed ? data[cursor.at]! : u16(data, cursor.at);
  cursor.at += compressed ? 1 : 2;
  switch (protocol) {
    case 0x0021:
      return ETHERTYPE_IPV4;
    case 0x0057:
      return ETHERTYPE_IPV6;
    case 0x0281:
      return ETHERTYPE_MPLS;
    default:
      return -NOT_IP;
  }
}
