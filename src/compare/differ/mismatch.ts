/** Bytes that are looked at one by one; more are left to memcmp. */
const NEAR = 96;

/**
 * Where two buffers cease to be equal.
 * @returns position in `a` of the first byte that differs from the one in `b`, which is `offset` further; or where either ends
 */
export function mismatch(a: Buffer, at: number, b: Buffer, offset: number): number {
  const end = Math.min(a.length, b.length - offset);
  const near = Math.min(end, at + NEAR);
  for (; at < near; at++) if (a[at] !== b[at + offset]) return at;
  for (let step = 4 * NEAR; at < end; step *= 4) {
    const next = Math.min(end, at + step);
    if (isSame(a, at, next, b, offset)) at = next;
    else return firstWithin(a, at, next, b, offset);
  }
  return end;
}

/** The first that differs, of bytes that are known to differ. */
function firstWithin(a: Buffer, start: number, end: number, b: Buffer, offset: number): number {
  while (end - start > NEAR) {
    const middle = (start + end) >> 1;
    if (isSame(a, start, middle, b, offset)) start = middle;
    else end = middle;
  }
  while (a[start] === b[start + offset]) start += 1;
  return start;
}

function isSame(a: Buffer, start: number, end: number, b: Buffer, offset: number): boolean {
  return a.compare(b, start + offset, end + offset, start, end) === 0;
}
