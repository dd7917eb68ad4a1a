import { missing, u16, type Cursor, type NextLayer } from './cursor.ts';
import { ETHERTYPE_ERSPAN, ETHERTYPE_ERSPAN3, ETHERTYPE_IPV6, ETHERTYPE_PPP, LAYER_ETHERNET, LAYER_IP } from './layer.ts';
import { MALFORMED, NOT_IP, NOT_TCP } from './status.ts';

/**
 * Tunnels that captures from a node, rather than from a pod's own interface, are full of: overlay networks (VXLAN,
 * Geneve, IP in IP), port mirroring (GRE, ERSPAN) and mobile networks (GTP). A live tap's filter never lets them in.
 */

/** RFC 2784 and 2890; version 1 is PPTP (RFC 2637). */
export function gre(cursor: Cursor): NextLayer {
  const { data, at } = cursor;
  if (cursor.end - at < 4) return missing(cursor, 4);
  const flags = u16(data, at);
  const type = u16(data, at + 2);
  const hasChecksum = (flags & 0x8000) !== 0;
  const hasRouting = (flags & 0x4000) !== 0;
  const hasKey = (flags & 0x2000) !== 0;
  const hasSequence = (flags & 0x1000) !== 0;
  const version = flags & 0x07;
  if (version > 1 || hasRouting) return -NOT_TCP;
  let size = 4 + (hasChecksum ? 4 : 0) + (hasKey ? 4 : 0) + (hasSequence ? 4 : 0);
  if (version === 1) {
    if (type !== ETHERTYPE_PPP || !hasKey) return -MALFORMED;
    if ((flags & 0x0080) !== 0) size += 4;
  }
  if (cursor.end - at < size) return missing(cursor, size);
  cursor.at += size;
  if (type === ETHERTYPE_ERSPAN) return hasSequence ? erspan(cursor, 8) : LAYER_ETHERNET;
  if (type === ETHERTYPE_ERSPAN3) return erspan3(cursor);
  return type;
}

function erspan(cursor: Cursor, size: number): NextLayer {
  if (cursor.end - cursor.at < size) return missing(cursor, size);
  cursor.at += size;
  return LAYER_ETHERNET;
}

/** Twelve bytes, and eight more where the last bit says so (draft-foschiano-erspan). */
function erspan3(cursor: Cursor): NextLayer {
  if (cursor.end - cursor.at < 12) return missing(cursor, 12);
  const hasMore = (cursor.data[cursor.at + 11]! & 1) === 1;
  return erspan(cursor, hasMore ? 20 : 12);
}

/** RFC 3378. */
export function etherIp(cursor: Cursor): NextLayer {
  if (cursor.end - cursor.at < 2) return missing(cursor, 2);
  if (cursor.data[cursor.at]! >> 4 !== 3) return -MALFORMED;
  cursor.at += 2;
  return LAYER_ETHERNET;
}

/** Tunnels over UDP are known by their port alone. */
export function udp(cursor: Cursor): NextLayer {
  const { data, at } = cursor;
  if (cursor.end - at < 8) return missing(cursor, 8);
  const source = u16(data, at);
  const destination = u16(data, at + 2);
  cursor.at += 8;
  switch (destination) {
    case 4789: // RFC 7348
    case 8472: // what Linux, and with it flannel and Cilium, used before
      return vxlan(cursor);
    case 6081:
      return geneve(cursor);
    case 2152:
      return gtpUser(cursor);
    case 3544:
      return teredo(cursor);
    default:
      return source === 3544 ? teredo(cursor) : -NOT_TCP;
  }
}

/** RFC 7348. Reserved fields are ignored, as receivers must. */
function vxlan(cursor: Cursor): NextLayer {
  if (cursor.end - cursor.at < 8) return missing(cursor, 8);
  const hasNetwork = (cursor.data[cursor.at]! & 0x08) !== 0;
  if (!hasNetwork) return -NOT_TCP;
  cursor.at += 8;
  return LAYER_ETHERNET;
}

/** RFC 8926. */
function geneve(cursor: Cursor): NextLayer {
  const { data, at } = cursor;
  if (cursor.end - at < 8) return missing(cursor, 8);
  if (data[at]! >> 6 !== 0) return -NOT_TCP;
  const size = 8 + (data[at]! & 0x3f) * 4;
  if (cursor.end - at < size) return missing(cursor, size);
  cursor.at += size;
  return u16(data, at + 2);
}

const GTP_GPDU = 255;
/** Chained extension headers; real ones carry one or two. */
const MAX_GTP_EXTENSIONS = 8;

/** 3GPP TS 29.281 section 5: user data of mobile networks, version 1. */
function gtpUser(cursor: Cursor): NextLayer {
  const { data, at } = cursor;
  if (cursor.end - at < 8) return missing(cursor, 8);
  const flags = data[at]!;
  if (flags >> 5 !== 1 || (flags & 0x10) === 0 || data[at + 1] !== GTP_GPDU) return -NOT_TCP;
  cursor.at += 8;
  if ((flags & 0x07) === 0) return LAYER_IP;
  if (cursor.end - cursor.at < 4) return missing(cursor, 4);
  let extension = (flags & 0x04) === 0 ? 0 : data[cursor.at + 3]!;
  cursor.at += 4;
  for (let i = 0; extension !== 0; i++) {
    if (cursor.end - cursor.at < 4) return missing(cursor, 4);
    const size = data[cursor.at]! * 4;
    if (size === 0 || i === MAX_GTP_EXTENSIONS) return -MALFORMED;
    if (cursor.end - cursor.at < size) return missing(cursor, size);
    cursor.at += size;
    extension = data[cursor.at - 1]!;
  }
  return LAYER_IP;
}

/** RFC 4380 section 5.1.1: IPv6, behind an optional authentication and an optional origin header. */
function teredo(cursor: Cursor): NextLayer {
  const { data } = cursor;
  if (cursor.end - cursor.at < 8) return -NOT_IP;
  if (data[cursor.at] === 0 && data[cursor.at + 1] === 1) {
    const size = 13 + data[cursor.at + 2]! + data[cursor.at + 3]!;
    if (cursor.end - cursor.at < size) return -NOT_IP;
    cursor.at += size;
  }
  if (cursor.end - cursor.at < 8) return -NOT_IP;
  if (data[cursor.at] === 0 && data[cursor.at + 1] === 0) cursor.at += 8;
  const isIpv6 = cursor.end > cursor.at && data[cursor.at]! >> 4 === 6;
  return isIpv6 ? ETHERTYPE_IPV6 : -NOT_IP;
}
