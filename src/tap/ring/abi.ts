/**
 * What a ring looks like in memory. Twin of `bpf/tap.h`; a test compares the two.
 *
 * The outer layout is the kernel's BPF_MAP_TYPE_RINGBUF (Documentation/bpf/ringbuf.rst): a page that holds the
 * consumer's position, a page that holds the producer's, then the data. Positions are u64 and only ever grow; the
 * place in the data area is `position & (bytes - 1)`. A record is a header of two u32 (length with two flag bits on
 * top, and a word for the kernel's own use), then its content, rounded up to 8 bytes.
 *
 * Two kinds of ring share it:
 * - `bpf`: the kernel's map. Its data area is mapped twice in a row, so a record may run over the end.
 * - `shared`: a memfd written by a process of ours, mapped once from its beginning, with the offsets below.
 *   A record never runs over the end: the producer fills the rest with a DISCARD record and starts at the front.
 *   The producer writes the content, then the header, then stores the producer position (Atomics).
 */

/** Offsets in a `shared` ring's file. In a `bpf` ring each of the first two areas is a page of the machine. */
export const SHARED_CONSUMER_OFFSET = 0;
export const SHARED_PRODUCER_OFFSET = 4096;
export const SHARED_DATA_OFFSET = 8192;

/** Bytes of the header before each record's content. */
export const RING_HEADER_BYTES = 8;
/** In the header's first word: the record is reserved but not yet written. */
export const RING_BUSY = 0x8000_0000 | 0;
/** In the header's first word: skip this record. */
export const RING_DISCARD = 0x4000_0000;
/** The header's first word without its flags: bytes of content. */
export const RING_LENGTH_MASK = 0x3fff_ffff;

/** Bytes from one record's header to the next one's. */
export function recordStride(contentBytes: number): number {
  return RING_HEADER_BYTES + ((contentBytes + 7) & ~7);
}

/** `struct tap_record`: the content of a record begins with these 32-bit words, the payload follows. */
export const RECORD_WORDS = 18;
export const RECORD_BYTES = RECORD_WORDS * 4;

/** Word offsets within `struct tap_record`. */
/** Payload bytes that follow the header words; the record may be larger. */
export const WORD_LEN = 0;
export const WORD_SEQ = 1;
export const WORD_ACK = 2;
/** TCP flags, direction and marks: see META_*. */
export const WORD_META = 3;
export const WORD_ENDPOINT = 4;
export const WORD_HASH = 5;
/** `sport << 16 | dport`, host byte order. */
export const WORD_PORTS = 6;
/** Payload bytes on the wire; equals WORD_LEN unless the capture was cut. */
export const WORD_WIRE_LEN = 7;
/** Nanoseconds of CLOCK_MONOTONIC, low half. */
export const WORD_TIME_LO = 8;
export const WORD_TIME_HI = 9;
/** Four words each: the 16 bytes of the (v4-mapped) IPv6 address in memory order. */
export const WORD_SADDR = 10;
export const WORD_DADDR = 14;

/** Bits 0 to 7 of WORD_META: the TCP flags as on the wire. */
export const META_FLAGS_MASK = 0xff;
/** Bits 8 and 9 of WORD_META: a `SegmentDirection`. */
export const META_DIRECTION_SHIFT = 8;
export const META_DIRECTION_MASK = 0x3;
/** Bit 16 of WORD_META: `Segment.resync`. */
export const META_RESYNC = 1 << 16;
