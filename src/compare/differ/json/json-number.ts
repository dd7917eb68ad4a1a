import type { Tolerance } from '../pointers.ts';

/** A number of JSON as digits and a power of ten; not rounded, however long it is. */
export class Decimal {
  isNegative = false;
  /** From the first digit that is not 0 to the last that is not: positions in the text; first > last for zero. */
  first = 0;
  last = -1;
  /** The last digit counts 10 to this. Infinite where it has more digits than a number here. */
  power = 0;

  /** @param start of a number that is known to be one */
  read(json: Buffer, start: number, end: number): void {
    this.isNegative = json[start] === 0x2d;
    let point = -1;
    let at = start + (this.isNegative ? 1 : 0);
    this.first = end;
    this.last = -1;
    for (; at < end; at++) {
      const byte = json[at]!;
      if (byte === 0x2e) point = at;
      else if (byte < 0x30 || byte > 0x39) break;
      else if (byte !== 0x30) {
        if (this.last < 0) this.first = at;
        this.last = at;
      }
    }
    if (point < 0) point = at;
    this.power = this.last < point ? point - 1 - this.last : point - this.last;
    if (at < end) this.power += Number(json.latin1Slice(at + 1, Math.min(end, at + 16))) + (end > at + 16 ? Infinity : 0);
  }

  get isZero(): boolean {
    return this.last < 0;
  }
}

const left = new Decimal();
const right = new Decimal();

/** Whether two numbers are one and the same: 1, 1.0 and 1e0 are. */
export function isSameNumber(a: Buffer, aStart: number, aEnd: number, b: Buffer, bStart: number, bEnd: number): boolean {
  left.read(a, aStart, aEnd);
  right.read(b, bStart, bEnd);
  if (left.isZero || right.isZero) return left.isZero && right.isZero;
  if (left.isNegative !== right.isNegative || left.power !== right.power) return false;
  if (!Number.isFinite(left.power)) return a.compare(b, bStart, bEnd, aStart, aEnd) === 0;
  let i = left.first;
  let j = right.first;
  while (i <= left.last && j <= right.last) {
    if (a[i] === 0x2e) i += 1;
    else if (b[j] === 0x2e) j += 1;
    else if (a[i++] !== b[j++]) return false;
  }
  return i > left.last && j > right.last;
}

/** Whether a number is as near to production's as the policy wants. */
export function isWithin({ absolute, relative }: Tolerance, production: number, mirror: number): boolean {
  const apart = Math.abs(production - mirror);
  return apart <= absolute || apart <= relative * Math.abs(production);
}

export function isSameBytes(a: Buffer, start: number, end: number, b: Buffer, bStart: number, bEnd: number): boolean {
  if (end - start !== bEnd - bStart) return false;
  for (let at = start, bt = bStart; at < end; at++, bt++) if (a[at] !== b[bt]) return false;
  return true;
}
