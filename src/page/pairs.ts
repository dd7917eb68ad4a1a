/** What a sample of pairs says: production's and the mirror's time for one request. */
export interface PairSummary {
  readonly pairs: number;
  /** Percent, 1 to 99, with what either side takes there at most, milliseconds. */
  readonly percents: readonly number[];
  readonly production: readonly number[];
  readonly mirror: readonly number[];
  /** How often the mirror took so many times production's time: edges of bins, and counts. */
  readonly ratios: readonly number[];
  readonly counts: readonly number[];
}

const PERCENTS = [1, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 99];
const BINS = 24;
/** Bins from a quarter to four times, evenly by logarithm; what lies beyond counts in the outermost. */
const WIDEST = 4;

/** @param sample production, mirror, production, mirror; microseconds */
export function summarise(sample: readonly number[]): PairSummary {
  const production: number[] = [];
  const mirror: number[] = [];
  const counts = new Array<number>(BINS).fill(0);
  for (let i = 0; i + 1 < sample.length; i += 2) {
    const [before, after] = [sample[i]!, sample[i + 1]!];
    production.push(before / 1000);
    mirror.push(after / 1000);
    const position = (Math.log(Math.max(1, after) / Math.max(1, before)) / Math.log(WIDEST) + 1) / 2;
    counts[Math.min(BINS - 1, Math.max(0, Math.floor(position * BINS)))]! += 1;
  }
  production.sort((a, b) => a - b);
  mirror.sort((a, b) => a - b);
  return {
    pairs: production.length,
    percents: PERCENTS,
    production: PERCENTS.map((percent) => at(production, percent)),
    mirror: PERCENTS.map((percent) => at(mirror, percent)),
    ratios: counts.map((_, bin) => WIDEST ** ((2 * (bin + 0.5)) / BINS - 1)),
    counts,
  };
}

function at(sorted: readonly number[], percent: number): number {
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1))] ?? NaN;
}
