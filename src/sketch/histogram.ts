/**
 * Counts of a log-linear histogram, sparse: bucket, count, bucket, count; in the order of buckets. Values below 32 have a bucket
 * each; above, every power of two is cut into 32 buckets, so that the middle of a bucket is at most 1.6 % from any value in it
 * (the layout of HdrHistogram, http://hdrhistogram.org).
 */
export type SparseHistogram = readonly number[];

const SUB_BITS = 5;
const SUB_BUCKETS = 1 << SUB_BITS;
/** An hour in microseconds; what is larger counts as this. */
export const LARGEST_VALUE = 3_600_000_000;
const BUCKETS = bucketOf(LARGEST_VALUE) + 1;
const MOST = 0xffff_ffff;

/** Counts whole numbers from 0 to `LARGEST_VALUE`, such as microseconds. Takes 3.5 KiB, whatever comes. */
export class Histogram {
  readonly #counts = new Uint32Array(BUCKETS);

  /** What is no number, or negative, counts as 0; a bucket that is full stays so. */
  record(value: number): void {
    const bucket = bucketOf(value);
    const count = this.#counts[bucket]!;
    if (count < MOST) this.#counts[bucket] = count + 1;
  }

  /** Counts what another has counted. */
  add(other: Histogram): void {
    for (let bucket = 0; bucket < BUCKETS; bucket++) this.#counts[bucket] = Math.min(MOST, this.#counts[bucket]! + other.#counts[bucket]!);
  }

  sparse(): SparseHistogram {
    const sparse: number[] = [];
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      const count = this.#counts[bucket]!;
      if (count > 0) sparse.push(bucket, count);
    }
    return sparse;
  }
}

function bucketOf(value: number): number {
  const whole = value >= LARGEST_VALUE ? LARGEST_VALUE : value >>> 0;
  if (!(value >= SUB_BUCKETS)) return value > 0 ? whole : 0;
  const shift = 31 - SUB_BITS - Math.clz32(whole);
  return shift * SUB_BUCKETS + (whole >>> shift);
}

/** The smallest value that is counted in a bucket. */
export function lowestOf(bucket: number): number {
  if (bucket < SUB_BUCKETS * 2) return bucket;
  const shift = (bucket >>> SUB_BITS) - 1;
  return (bucket - shift * SUB_BUCKETS) * 2 ** shift;
}

/** The value that stands for all in a bucket: its middle. */
function valueOf(bucket: number): number {
  return (lowestOf(bucket) + lowestOf(bucket + 1) - 1) / 2;
}

export function countOf(histogram: SparseHistogram): number {
  let count = 0;
  for (let i = 1; i < histogram.length; i += 2) count += histogram[i]!;
  return count;
}

/** The sum of all values, within 1.6 %. */
export function sumOf(histogram: SparseHistogram): number {
  let sum = 0;
  for (let i = 0; i < histogram.length; i += 2) sum += valueOf(histogram[i]!) * histogram[i + 1]!;
  return sum;
}

/**
 * The smallest value that at least the share `q` of all values does not exceed, within 1.6 %.
 * @param q 0 to 1
 * @returns NaN of an empty histogram
 */
export function quantileOf(histogram: SparseHistogram, q: number): number {
  const rank = Math.max(1, Math.ceil(countOf(histogram) * q));
  let below = 0;
  for (let i = 0; i < histogram.length; i += 2) {
    below += histogram[i + 1]!;
    if (below >= rank) return valueOf(histogram[i]!);
  }
  return NaN;
}

/** How many values are at most `value`; of the bucket that it lies in, all are counted as if they were the bucket's middle. */
export function countUpTo(histogram: SparseHistogram, value: number): number {
  let count = 0;
  for (let i = 0; i < histogram.length && valueOf(histogram[i]!) <= value; i += 2) count += histogram[i + 1]!;
  return count;
}

/** The histogram of all values of all parts. */
export function mergeHistograms(parts: readonly SparseHistogram[]): SparseHistogram {
  const counts = new Map<number, number>();
  for (const part of parts) {
    for (let i = 0; i < part.length; i += 2) counts.set(part[i]!, (counts.get(part[i]!) ?? 0) + part[i + 1]!);
  }
  return [...counts].sort(([a], [b]) => a - b).flat();
}
