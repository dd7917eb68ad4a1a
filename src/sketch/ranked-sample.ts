/**
 * A uniform random sample of a stream of numbers, or of pairs of them: each member gets a random rank, and the lowest ranks stay
 * (bottom-k sampling: E. Cohen and H. Kaplan, "Summarizing data using bottom-k sketches", PODC 2007). So two samples join into
 * the sample of both streams, in any order, whatever the streams' lengths.
 */
export class RankedSample {
  /** Members seen. */
  seen = 0;
  readonly #limit: number;
  readonly #width: 1 | 2;
  readonly #random: () => number;
  /** Flat: the member's numbers, its rank. */
  readonly #kept: number[] = [];
  /** Where the highest rank's member begins, once there is no more room; -1 before. */
  #highest = -1;

  /** @param width numbers of a member @param random uniform within [0, 1) */
  constructor(limit: number, width: 1 | 2, random: () => number = Math.random) {
    this.#limit = limit;
    this.#width = width;
    this.#random = random;
  }

  /** @param second of a pair */
  add(first: number, second = 0): void {
    this.seen++;
    this.#offer(first, second, Math.floor(this.#random() * RANKS));
  }

  /** Numbers and rank of each member, one after the other, by rank: of equal samples the same list. */
  ranked(): number[] {
    const step = this.#width + 1;
    const starts = Array.from({ length: this.#kept.length / step }, (_, i) => i * step);
    starts.sort((a, b) => this.#order(a, b));
    return starts.flatMap((start) => this.#kept.slice(start, start + step));
  }

  /** Takes up what another sample has seen. @param ranked as `ranked` gives it, of the same width */
  join(seen: number, ranked: readonly number[]): void {
    this.seen += seen;
    const step = this.#width + 1;
    for (let i = 0; i + step <= ranked.length; i += step) this.#offer(ranked[i]!, ranked[i + 1]!, ranked[i + step - 1]!);
  }

  #offer(first: number, second: number, rank: number): void {
    const kept = this.#kept;
    const step = this.#width + 1;
    const end = kept.length;
    const isFull = end >= this.#limit * step;
    if (isFull && this.#highest < 0) this.#highest = this.#findHighest();
    // What is surely too high is not even written; that is nearly all of a long stream.
    if (isFull && rank > kept[this.#highest + step - 1]!) return;
    kept.push(first);
    if (step === 3) kept.push(second);
    kept.push(rank);
    if (!isFull) return;
    if (this.#order(end, this.#highest) < 0) {
      for (let i = 0; i < step; i++) kept[this.#highest + i] = kept[end + i]!;
    }
    kept.length = end;
    this.#highest = this.#findHighest();
  }

  #findHighest(): number {
    const step = this.#width + 1;
    let highest = 0;
    for (let i = step; i < this.#kept.length; i += step) if (this.#order(i, highest) > 0) highest = i;
    return highest;
  }

  /** Of the members that begin there: by rank, and where two are equal by value, so that it does not matter who came first. */
  #order(a: number, b: number): number {
    const kept = this.#kept;
    const last = this.#width;
    return kept[a + last]! - kept[b + last]! || kept[a]! - kept[b]! || kept[a + last - 1]! - kept[b + last - 1]!;
  }
}

/** The members of a ranked list without their ranks. */
export function membersOf(ranked: readonly number[], width: 1 | 2): number[] {
  return ranked.filter((_, i) => i % (width + 1) !== width);
}

/** Enough that ranks are hardly ever equal, and short when written. */
const RANKS = 2 ** 32;
