import { PAIR_FIELDS } from '../sketch/reservoir.ts';

/** What a sample of pairs says: production's and the mirror's time for one request. */
export interface PairSummary {
  readonly pairs: number;
  /** Percent, 1 to 99, with what either side takes there at most, milliseconds. */
  readonly percents: readonly number[];
  readonly production: readonly number[];
  readonly mirror: readonly number[];
  /** How many times production's time the mirror took: middles of bins, and counts. */
  readonly ratios: readonly number[];
  readonly counts: readonly number[];
  readonly overTime: TimeSeries;
}

/** One value for each span of time in which there are pairs enough; times in milliseconds. */
export interface TimeSeries {
  /** Unix time, seconds: middles of the spans. */
  readonly at: readonly number[];
  readonly production50: readonly number[];
  readonly mirror50: readonly number[];
  readonly production90: readonly number[];
  readonly mirror90: readonly number[];
}

const PERCENTS = [1, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 99];
const BINS = 24;
/** Bins from a quarter to four times, evenly by logarithm; what lies beyond counts in the outermost. */
const WIDEST = 4;
const SPANS = 40;
/** A span with fewer pairs says nothing. */
const LEAST_PAIRS = 5;

interface Pair {
  readonly atMs: number;
  readonly production: number;
  readonly mirror: number;
}

/** @param sample flat, as PairSample has it: Unix time in milliseconds, production, mirror; microseconds */
export function summarise(sample: readonly number[]): PairSummary {
  const pairs: Pair[] = [];
  for (let i = 0; i + PAIR_FIELDS <= sample.length; i += PAIR_FIELDS) {
    pairs.push({ atMs: sample[i]!, production: sample[i + 1]! / 1000, mirror: sample[i + 2]! / 1000 });
  }
  const [production, mirror] = sides(pairs);
  const counts = new Array<number>(BINS).fill(0);
  for (const pair of pairs) counts[binOf(pair)]! += 1;
  return {
    pairs: pairs.length,
    percents: PERCENTS,
    production: PERCENTS.map((percent) => percentile(production, percent)),
    mirror: PERCENTS.map((percent) => percentile(mirror, percent)),
    ratios: counts.map((_, bin) => WIDEST ** ((2 * (bin + 0.5)) / BINS - 1)),
    counts,
    overTime: overTime(pairs),
  };
}

function binOf({ production, mirror }: Pair): number {
  const position = (Math.log(Math.max(1e-3, mirror) / Math.max(1e-3, production)) / Math.log(WIDEST) + 1) / 2;
  return Math.min(BINS - 1, Math.max(0, Math.floor(position * BINS)));
}

function overTime(pairs: readonly Pair[]): TimeSeries {
  const times = pairs.map(({ atMs }) => atMs);
  const first = times.reduce((least, time) => Math.min(least, time), Infinity);
  const length = (times.reduce((most, time) => Math.max(most, time), -Infinity) - first + 1) / SPANS;
  const spans = Map.groupBy(pairs, ({ atMs }) => Math.floor((atMs - first) / length));
  const full = [...spans].filter(([, inSpan]) => inSpan.length >= LEAST_PAIRS).sort(([a], [b]) => a - b);
  const sorted = full.map(([, inSpan]) => sides(inSpan));
  return {
    at: full.map(([span]) => (first + (span + 0.5) * length) / 1000),
    production50: sorted.map(([production]) => percentile(production, 50)),
    mirror50: sorted.map(([, mirror]) => percentile(mirror, 50)),
    production90: sorted.map(([production]) => percentile(production, 90)),
    mirror90: sorted.map(([, mirror]) => percentile(mirror, 90)),
  };
}

/** Both sides' times, ascending. */
function sides(pairs: readonly Pair[]): [production: number[], mirror: number[]] {
  const ascending = (a: number, b: number): number => a - b;
  return [pairs.map(({ production }) => production).sort(ascending), pairs.map(({ mirror }) => mirror).sort(ascending)];
}

function percentile(sorted: readonly number[], percent: number): number {
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1))] ?? NaN;
}
