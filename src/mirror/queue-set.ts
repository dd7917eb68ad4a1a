/** What a target's copies wait in. */
export interface KeyedQueue {
  /** Accepted and not ended. */
  readonly pending: number;
  /** Of those. */
  readonly bytes: number;
  readonly breakerOpen: boolean;
  tick(nowMs: number): void;
  /** Accepts nothing more; what waits or is under way goes on. */
  drain(): void;
  /** Ends what is left as `incomplete: shutdown`. */
  close(): Promise<void>;
}

/** The queues of a snapshot's targets, and those of earlier ones that have not finished yet. */
export abstract class QueueSet<T extends { readonly key: string }, Q extends KeyedQueue> {
  #byKey: ReadonlyMap<string, Q> = new Map();
  /** Queues of targets that are gone from the snapshot and still have something to do. */
  readonly #retiring = new Set<Q>();

  protected abstract open(target: T): Q;

  /**
   * Takes over a snapshot's targets. Unchanged ones keep their queue; those of removed ones finish first.
   * @returns the queues by key
   */
  protected replace(targets: readonly T[]): ReadonlyMap<string, Q> {
    const next = new Map<string, Q>();
    for (const target of targets) {
      if (!next.has(target.key)) next.set(target.key, this.#byKey.get(target.key) ?? this.open(target));
    }
    for (const [key, queue] of this.#byKey) {
      if (next.has(key)) continue;
      queue.drain();
      this.#retiring.add(queue);
    }
    this.#byKey = next;
    return next;
  }

  /** Does what is due, and closes retired queues that are empty. Call it a few times a second. */
  tick(nowMs: number): void {
    for (const queue of this.#byKey.values()) queue.tick(nowMs);
    for (const queue of this.#retiring) {
      queue.tick(nowMs);
      if (queue.pending > 0) continue;
      this.#retiring.delete(queue);
      void queue.close();
    }
  }

  /** Waiting or under way. */
  get pending(): number {
    let pending = 0;
    for (const queue of this.#all()) pending += queue.pending;
    return pending;
  }

  /** Bytes of those. */
  get bytes(): number {
    let bytes = 0;
    for (const queue of this.#all()) bytes += queue.bytes;
    return bytes;
  }

  /** Targets whose circuit breaker is open. */
  get breakersOpen(): number {
    let open = 0;
    for (const queue of this.#byKey.values()) if (queue.breakerOpen) open += 1;
    return open;
  }

  /** Gives up what waits or is under way at targets that are gone from the snapshot, as `incomplete: shutdown`. */
  abandonRetired(): void {
    for (const queue of this.#retiring) void queue.close();
    this.#retiring.clear();
  }

  /** Ends what is left as `incomplete: shutdown`, and everything properly. */
  async close(): Promise<void> {
    await Promise.all(Array.from(this.#all(), (queue) => queue.close()));
  }

  *#all(): Iterable<Q> {
    yield* this.#byKey.values();
    yield* this.#retiring;
  }
}
