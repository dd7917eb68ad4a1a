import { seededRandom, type Random } from './random.ts';

/** Numbers that make up one pair in a flat sample: when it was seen, and its two values. */
export const PAIR_FIELDS = 3;

/** A uniform sample of a stream of pairs. Plain data; those of several streams can be merged. */
export interface PairSample {
  /** Pairs seen. */
  readonly pairs: number;
  /** Flat: when, first, second, and so on; in no order. */
  readonly sample: readonly number[];
}

/**
 * Keeps a uniform sample of a stream of pairs in bounded memory: every pair seen so far is in it with the same probability.
 * Algorithm L (K.-H. Li, ACM Transactions on Mathematical Software 20, 1994): once full, it draws how many pairs to pass over, so
 * that most cost one comparison.
 */
export class PairReservoir implements PairSample {
  readonly capacity: number;
  readonly sample: number[] = [];
  pairs = 0;
  readonly #random: Random;
  /** Distributed as the largest of `capacity` random numbers; shrinks with each pair that is taken. */
  #threshold = 1;
  /** Count of the pair that is taken next. */
  #next: number;

  constructor(capacity: number, random: Random = Math.random) {
    this.capacity = capacity;
    this.#random = random;
    this.#next = capacity + 1;
    this.#passOver(capacity);
  }

  /** @param at when, in any unit that is the same for all streams that are merged */
  add(at: number, first: number, second: number): void {
    this.pairs++;
    if (this.pairs <= this.capacity) {
      this.sample.push(at, first, second);
      return;
    }
    if (this.pairs < this.#next) return;
    const slot = Math.floor(this.#random() * this.capacity) * PAIR_FIELDS;
    this.sample[slot] = at;
    this.sample[slot + 1] = first;
    this.sample[slot + 2] = second;
    this.#passOver(this.pairs);
  }

  #passOver(count: number): void {
    this.#threshold *= Math.exp(Math.log(positive(this.#random())) / this.capacity);
    this.#next = count + 1 + Math.floor(Math.log(positive(this.#random())) / Math.log1p(-this.#threshold));
  }
}

/**
 * A uniform sample of all pairs that several samples stand for: how many are taken of each is drawn by how many pairs it saw.
 *
 * @param random the same numbers by default, so that the same data give the same sample
 */
export function mergePairs(parts: readonly PairSample[], capacity: number, random?: Random): PairSample {
  const left = parts.map((part) => ({ pairs: Math.max(part.pairs, part.sample.length / PAIR_FIELDS), sample: [...part.sample] }));
  const sample: number[] = [];
  let population = left.reduce((sum, part) => sum + part.pairs, 0);
  const pairs = population;
  random ??= seededRandom(pairs);
  while (sample.length < capacity * PAIR_FIELDS) {
    let ticket = random() * population;
    const from = left.find((part) => part.sample.length > 0 && (ticket -= part.pairs) < 0) ?? left.find((part) => part.sample.length > 0);
    if (from === undefined) break;
    const slot = Math.floor((random() * from.sample.length) / PAIR_FIELDS) * PAIR_FIELDS;
    sample.push(...from.sample.slice(slot, slot + PAIR_FIELDS));
    // The last pair takes the place of the one that was drawn.
    const last = from.sample.splice(-PAIR_FIELDS);
    if (slot < from.sample.length) from.sample.splice(slot, PAIR_FIELDS, ...last);
    from.pairs--;
    population--;
  }
  return { pairs, sample };
}

/** The logarithm of 0 would stop the sampling for good. */
function positive(random: number): number {
  return Math.max(random, Number.EPSILON);
}
