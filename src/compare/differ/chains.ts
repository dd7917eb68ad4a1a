/** Finds each item by its key, and those with the same key one after the other. */
export class Chains<Key> {
  /** The first of each key that was not taken. */
  readonly #first = new Map<Key, number>();
  /** The next with the same key, or NONE. */
  readonly #next: Int32Array;

  constructor(keys: readonly Key[]) {
    this.#next = new Int32Array(keys.length);
    for (let i = keys.length - 1; i >= 0; i--) {
      this.#next[i] = this.#first.get(keys[i]!) ?? NONE;
      this.#first.set(keys[i]!, i);
    }
  }

  /** @returns position of the next item with this key, or -1 */
  take(key: Key): number {
    const item = this.#first.get(key);
    if (item === undefined) return NONE;
    const next = this.#next[item]!;
    if (next === NONE) this.#first.delete(key);
    else this.#first.set(key, next);
    return item;
  }

  /** Positions of those that were not taken, in their order. */
  rest(): readonly number[] {
    const rest: number[] = [];
    for (const first of this.#first.values()) for (let item = first; item !== NONE; item = this.#next[item]!) rest.push(item);
    return rest.sort((a, b) => a - b);
  }
}

const NONE = -1;
