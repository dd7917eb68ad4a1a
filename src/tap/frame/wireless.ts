import { missing, u16le, type Cursor, type NextLayer } from './cursor.ts';
import { LAYER_LLC, LAYER_80211 } from './layer.ts';
import { ENCRYPTED, MALFORMED, NOT_IP, UNSUPPORTED_LINK } from './status.ts';

const FLAG_TO_AND_FROM_DS = 0x03;
const FLAG_MORE_FRAGMENTS = 0x04;
const FLAG_PROTECTED = 0x40;
const FLAG_HT_CONTROL = 0x80;
const SUBTYPE_NO_DATA = 0x40;
const SUBTYPE_QOS = 0x80;

/** IEEE 802.11 data frame. `padded`: the receiver put padding behind the header, up to a multiple of four bytes. */
export function ieee80211(cursor: Cursor, padded: boolean): NextLayer {
  const { data, at } = cursor;
  if (cursor.end - at < 24) return missing(cursor, 24);
  const control = data[at]!;
  const flags = data[at + 1]!;
  if ((control & 0x03) !== 0) return -MALFORMED; // the protocol version is always 0
  if ((control & 0x0c) !== 0x08 || (control & SUBTYPE_NO_DATA) !== 0) return -NOT_IP;
  if ((flags & FLAG_PROTECTED) !== 0) return -ENCRYPTED;
  if ((flags & FLAG_MORE_FRAGMENTS) !== 0 || (data[at + 22]! & 0x0f) !== 0) return -UNSUPPORTED_LINK;
  let size = (flags & FLAG_TO_AND_FROM_DS) === FLAG_TO_AND_FROM_DS ? 30 : 24;
  if ((control & SUBTYPE_QOS) !== 0) {
    if (cursor.end - at < size + 2) return missing(cursor, size + 2);
    const aggregated = (data[at + size]! & 0x80) !== 0; // A-MSDU: several packets in one frame
    if (aggregated) return -UNSUPPORTED_LINK;
    size += (flags & FLAG_HT_CONTROL) !== 0 ? 6 : 2;
  }
  if (padded) size = (size + 3) & ~3;
  if (cursor.end - at < size) return missing(cursor, size);
  cursor.at += size;
  return LAYER_LLC;
}

/** Radiotap header (radiotap.org): its length is in it; of its fields only the flags matter, for the padding bit. */
export function radiotap(cursor: Cursor): NextLayer {
  const { data, at } = cursor;
  if (cursor.end - at < 8) return missing(cursor, 8);
  const size = u16le(data, at + 2);
  if (size < 8) return -MALFORMED;
  if (cursor.end - at < size) return missing(cursor, size);
  const present = data[at + 4]!;
  const padded = (present & 0x02) !== 0 && (flagsOf(cursor, size, present) & 0x20) !== 0;
  cursor.at += size;
  return padded ? ieee80211(cursor, true) : LAYER_80211;
}

/** Fields follow the chain of presence words, in bit order, each aligned to its size from the header's start. */
function flagsOf(cursor: Cursor, size: number, present: number): number {
  let offset = 4;
  while (offset + 4 <= size) {
    const another = (cursor.data[cursor.at + offset + 3]! & 0x80) !== 0;
    offset += 4;
    if (!another) break;
  }
  const hasTimestamp = (present & 0x01) !== 0;
  if (hasTimestamp) offset = ((offset + 7) & ~7) + 8;
  return offset < size ? cursor.data[cursor.at + offset]! : 0;
}
