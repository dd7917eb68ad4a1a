/** What became of a frame. Numbers, so that a hot loop can count them in an array. */
export const OK = 0;
/** ARP, spanning tree, 802.11 management and other frames that carry no IP. */
export const NOT_IP = 1;
/** IP, but neither TCP nor a tunnel that we look into. */
export const NOT_TCP = 2;
/** An IP fragment: kept until the others arrive, or dropped with them. */
export const FRAGMENT = 3;
/** The capture was cut (snap length) before the end of the TCP header. */
export const TRUNCATED = 4;
/** A header contradicts itself, or headers are nested deeper than any network does. */
export const MALFORMED = 5;
/** 802.11 frame whose payload is encrypted. */
export const ENCRYPTED = 6;
/** The link type is not decoded, or a variant of it (802.11 A-MSDU and 802.11 or ARCNET fragments). */
export const UNSUPPORTED_LINK = 7;

export type DecodeStatus =
  | typeof OK
  | typeof NOT_IP
  | typeof NOT_TCP
  | typeof FRAGMENT
  | typeof TRUNCATED
  | typeof MALFORMED
  | typeof ENCRYPTED
  | typeof UNSUPPORTED_LINK;

/** Names for counters and messages, indexed by status. */
export const STATUS_NAMES = [
  'ok',
  'not-ip',
  'not-tcp',
  'fragment',
  'truncated',
  'malformed',
  'encrypted',
  'unsupported-link',
] as const satisfies readonly string[];
