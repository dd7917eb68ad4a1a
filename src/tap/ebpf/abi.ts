/** What the BPF side and this side agree on besides records. Twin of `bpf/tap.h`; a test compares the two. */

import { TO_SERVER, type Segment } from '../segment.ts';

/** `struct tap_config` */
export const CONFIG_BYTES = 152;
export const CONFIG_ENDPOINT = 0;
export const CONFIG_RINGS = 4;
export const CONFIG_WAKE_BYTES = 8;
export const CONFIG_RESYNC_BYTES = 12;
export const CONFIG_RESERVE_BYTES = 16;
export const CONFIG_ADDRESS_COUNT = 20;
export const CONFIG_ADDRESSES = 24;
export const MAX_ADDRESSES = 8;
export const ADDRESS_BYTES = 16;

/** `tapped_ports`: bit `port & 31` of word `port >> 5`. */
export const PORT_WORDS = 65536 / 32;

/** `struct flow_key`, in words. */
export const KEY_WORDS = 10;
export const KEY_CLIENT = 0;
export const KEY_SERVER = 4;
export const KEY_PORTS = 8;
export const KEY_ENDPOINT = 9;

/** `struct flow_mark`, in words, and of its states those that are used on this side, too. */
export const MARK_WORDS = 2;
export const MARK_STATE = 0;
export const FLOW_AWAIT = 3;
export const FLOW_MUTED = 4;
export const FLOW_HTTP2 = 5;

/** `struct tap_counters`: u64 each, in this order. */
export const COUNTERS = [
  'seen',
  'copied',
  'bytes',
  'acks',
  'shed',
  'shed_flows',
  'not_http',
  'awaiting',
  'resyncs',
  'muted_flows',
  'fragments',
  'unreadable',
  'unmarked',
] as const;

export type Counter = (typeof COUNTERS)[number];

/** Writes the `struct flow_key` of a segment's connection to `key`. The segment's direction must be known. */
export function writeFlowKey(key: Uint32Array, segment: Segment): void {
  const source = segment.direction === TO_SERVER ? KEY_CLIENT : KEY_SERVER;
  const destination = segment.direction === TO_SERVER ? KEY_SERVER : KEY_CLIENT;
  key[source] = segment.src0;
  key[source + 1] = segment.src1;
  key[source + 2] = segment.src2;
  key[source + 3] = segment.src3;
  key[destination] = segment.dst0;
  key[destination + 1] = segment.dst1;
  key[destination + 2] = segment.dst2;
  key[destination + 3] = segment.dst3;
  key[KEY_PORTS] =
    segment.direction === TO_SERVER
      ? (segment.sport << 16) | segment.dport
      : (segment.dport << 16) | segment.sport;
  key[KEY_ENDPOINT] = segment.endpoint;
}
