import type { EndpointWatch } from './endpoint-watch.ts';
import type { KeyedHash } from './keyed-hash.ts';
import { SourceWatch } from './source-watch.ts';

/** Looked at for one that is not in use; then the next is given up all the same. */
const MAX_TRIES = 32;

/**
 * Sources of all endpoints, a bounded number: where there is no room, one that has not come back for a while makes it (the "clock"
 * of operating systems: Corbató, "A paging experiment with the Multics system", 1968).
 */
export class SourceTable {
  readonly #slots: (SourceWatch | null)[];
  readonly #hash: KeyedHash;
  #hand = 0;
  /** Sources that were given up for others. */
  evicted = 0;

  constructor(limit: number, hash: KeyedHash) {
    this.#slots = new Array<SourceWatch | null>(limit).fill(null);
    this.#hash = hash;
  }

  of(endpoint: EndpointWatch<SourceWatch>, address: string): SourceWatch {
    const known = endpoint.sources.get(address);
    if (known === undefined) return this.#add(endpoint, address);
    known.used = true;
    return known;
  }

  /** The endpoint is watched no more. */
  forget(endpoint: EndpointWatch<SourceWatch>): void {
    for (const [index, source] of this.#slots.entries()) if (source?.endpoint === endpoint) this.#slots[index] = null;
    endpoint.sources.clear();
  }

  #add(endpoint: EndpointWatch<SourceWatch>, address: string): SourceWatch {
    const slots = this.#slots;
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const there = slots[this.#hand];
      if (there === null || there?.used !== true) break;
      there.used = false;
      this.#hand = (this.#hand + 1) % slots.length;
    }
    const old = slots[this.#hand] ?? null;
    if (old !== null) {
      old.endpoint.sources.delete(old.address);
      this.evicted += 1;
    }
    const source = new SourceWatch(endpoint, address, this.#hash.of(address));
    slots[this.#hand] = source;
    this.#hand = (this.#hand + 1) % slots.length;
    endpoint.sources.set(address, source);
    return source;
  }
}
