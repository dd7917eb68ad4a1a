/** A key and how often it came: at least `count - error` times and at most `count`. */
export interface HeavyHitter {
  readonly key: string;
  readonly count: number;
  readonly error: number;
}

interface Counter {
  key: string;
  count: number;
  error: number;
  /** Where it is in the heap. */
  at: number;
}

/**
 * The most frequent keys of a stream in bounded memory: Space-Saving (Metwally, Agrawal, El Abbadi: Efficient Computation of
 * Frequent and Top-k Elements in Data Streams, 2005). Every key that came more than `total / capacity` times is among them, and
 * no error is larger than that.
 */
export class HeavyHitters {
  readonly #capacity: number;
  readonly #byKey = new Map<string, Counter>();
  /** A heap: the smallest first. */
  readonly #heap: Counter[] = [];

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  add(key: string): void {
    const known = this.#byKey.get(key);
    if (known !== undefined) {
      known.count++;
      this.#sink(known);
    } else if (this.#heap.length < this.#capacity) {
      const counter = { key, count: 1, error: 0, at: this.#heap.length };
      this.#heap.push(counter);
      this.#byKey.set(key, counter);
      this.#rise(counter);
    } else {
      // The newcomer may be any of those that the smallest stood for.
      const smallest = this.#heap[0]!;
      this.#byKey.delete(smallest.key);
      smallest.key = key;
      smallest.error = smallest.count++;
      this.#byKey.set(key, smallest);
      this.#sink(smallest);
    }
  }

  /** The most frequent first. */
  top(most = this.#capacity): HeavyHitter[] {
    const sorted = this.#heap.toSorted((a, b) => b.count - a.count);
    return sorted.slice(0, most).map(({ key, count, error }) => ({ key, count, error }));
  }

  #rise(counter: Counter): void {
    while (counter.at > 0) {
      const parent = this.#heap[(counter.at - 1) >> 1]!;
      if (parent.count <= counter.count) return;
      this.#swap(parent, counter);
    }
  }

  #sink(counter: Counter): void {
    for (;;) {
      const left = this.#heap[counter.at * 2 + 1];
      if (left === undefined) return;
      const right = this.#heap[counter.at * 2 + 2];
      const smaller = right !== undefined && right.count < left.count ? right : left;
      if (smaller.count >= counter.count) return;
      this.#swap(counter, smaller);
    }
  }

  #swap(upper: Counter, lower: Counter): void {
    const { at } = upper;
    this.#heap[at] = lower;
    this.#heap[lower.at] = upper;
    upper.at = lower.at;
    lower.at = at;
  }
}

/**
 * The most frequent keys of several streams (Agarwal et al.: Mergeable Summaries, 2012). A key that a full list does not name may
 * have come as often as the least that it names.
 * @param most how long a list may be: shorter ones name every key that came
 */
export function mergeHeavyHitters(parts: readonly (readonly HeavyHitter[])[], most: number): HeavyHitter[] {
  const unnamed = parts.map((part) => (part.length < most ? 0 : Math.min(...part.map(({ count }) => count))));
  const all = unnamed.reduce((sum, count) => sum + count, 0);
  const merged = new Map<string, { key: string; count: number; error: number }>();
  for (const [index, part] of parts.entries()) {
    for (const { key, count, error } of part) {
      const into = merged.get(key) ?? { key, count: all, error: all };
      into.count += count - unnamed[index]!;
      into.error += error - unnamed[index]!;
      merged.set(key, into);
    }
  }
  return [...merged.values()].sort((a, b) => b.count - a.count).slice(0, most);
}
