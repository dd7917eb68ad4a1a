import { randomInt } from 'node:crypto';

/** Longer texts are told apart by their ends: where tokens have their signatures, and paths their names. */
const REACH = 96;

/**
 * Hashes texts to 32 bits under a key of its own, so that nobody can choose texts that fall together, and nobody can tell from
 * the hash what the text was. FNV-1a with a final mix; good for counting, not for proving.
 */
export class KeyedHash {
  readonly #key: number;

  constructor(key = randomInt(2 ** 31)) {
    this.#key = key | 0;
  }

  /** @returns a signed integer of 32 bits */
  of(text: string): number {
    const end = text.length;
    let hash = this.#key ^ end;
    for (let i = end > REACH ? end - REACH : 0; i < end; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    return hash ^ (hash >>> 16);
  }
}
