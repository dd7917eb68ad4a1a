/** Lets one item of each lane through at a time, in order. Holds nothing of a lane in which nothing is. */
export class Lanes<T> {
  /** Lanes in which an item is, with those that wait behind it. */
  readonly #waiting = new Map<object, T[]>();

  isBusy(lane: object): boolean {
    return this.#waiting.has(lane);
  }

  /** @returns whether the item may go; else it waits here for its turn */
  enter(lane: object, item: T): boolean {
    const waiting = this.#waiting.get(lane);
    if (waiting === undefined) this.#waiting.set(lane, []);
    else waiting.push(item);
    return waiting === undefined;
  }

  /** The lane's item has gone. @returns the next one, whose turn it is now */
  leave(lane: object): T | undefined {
    const next = this.#waiting.get(lane)?.shift();
    if (next === undefined) this.#waiting.delete(lane);
    return next;
  }
}
