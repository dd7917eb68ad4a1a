/** Consumed places at which it is worth cutting them off. */
const MANY = 32;

/** First in, first out, in amortised constant time. What was taken out is not held on to. */
export class Fifo<T> {
  #items: (T | undefined)[] = [];
  /** Index of the oldest. */
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  /** @returns the oldest, which is no longer in it; undefined where it is empty */
  shift(): T | undefined {
    if (this.#head === this.#items.length) return undefined;
    const item = this.#items[this.#head];
    // The array may be old and stay for long, cut off or not: it would keep the item alive, and all that came after.
    this.#items[this.#head] = undefined;
    this.#head += 1;
    if (this.#head >= MANY && this.#head * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  /** Oldest first: a list of its own. */
  list(): T[] {
    return this.#items.slice(this.#head) as T[];
  }
}
