import type { Segment } from '../segment.ts';

/**
 * Hash of a connection, signed 32-bit. Each end is mixed by itself and the two are added, so that both directions
 * agree; every bit of the result depends on every bit of the ends (murmur3's finaliser).
 */
export function connectionHash(segment: Segment): number {
  const source = mixEnd(segment.src0, segment.src1, segment.src2, segment.src3, segment.sport);
  const destination = mixEnd(segment.dst0, segment.dst1, segment.dst2, segment.dst3, segment.dport);
  return finalise((source + destination) | 0);
}

function mixEnd(w0: number, w1: number, w2: number, w3: number, port: number): number {
  let h = Math.imul(w0, 0x9e3779b1);
  h = Math.imul(rotate(h ^ w1), 0x85ebca77);
  h = Math.imul(rotate(h ^ w2), 0xc2b2ae3d);
  h = Math.imul(rotate(h ^ w3), 0x27d4eb2f);
  return finalise(h ^ port);
}

function rotate(x: number): number {
  return (x << 15) | (x >>> 17);
}

function finalise(x: number): number {
  let h = x;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
