/**
 * TCP sequence arithmetic, RFC 9293 section 3.4. Sequence numbers are signed 32-bit integers; they wrap.
 */

/** Bytes from `from` to `to`: negative where `to` lies behind. Exact while they are less than 2 GiB apart. */
export function distance(from: number, to: number): number {
  return (to - from) | 0;
}

/** The sequence number `bytes` after `seq`. */
export function advance(seq: number, bytes: number): number {
  return (seq + bytes) | 0;
}
