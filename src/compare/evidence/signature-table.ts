import type { ByteBudget } from '../../flow/budget.ts';
import type { CountedPlace } from './place-counts.ts';

/** About what a signature takes beside its characters, bytes. */
const SIGNATURE_BYTES = 96;

/**
 * How many exchanges differed at the same set of places, so that it can be told afterwards how many are different, whichever
 * places turn out to be noise. Where sets become too many, as places that vary independently make them, the place that varies
 * most by itself is left out of all of them, and counted by itself (`CountedPlace.unlisted`): nothing is lost as long as it stays noise.
 */
export class SignatureTable {
  /** By the numbers of places, as characters, ascending. */
  readonly #counts = new Map<string, number>();
  readonly #limit: number;
  readonly #places: readonly CountedPlace[];
  readonly #room: ByteBudget;
  #taken = 0;

  constructor(limit: number, places: readonly CountedPlace[], room: ByteBudget) {
    this.#limit = limit;
    this.#places = places;
    this.#room = room;
  }

  /** @param at numbers of places, each once, in any order; kept by nobody, but sorted */
  add(at: number[], count: number): void {
    for (;;) {
      const key = this.#keyOf(at);
      const known = this.#counts.get(key);
      if (known === undefined && !this.#takeRoom(key)) {
        // The empty set has no places to leave out, and there is one of it.
        if (this.#leaveOneOut(at)) continue;
      }
      this.#counts.set(key, (known ?? 0) + count);
      for (const index of at) if (this.#places[index]!.isApart) this.#places[index]!.unlisted += count;
      return;
    }
  }

  data(): { places: number[]; count: number }[] {
    return [...this.#counts].map(([key, count]) => ({ places: Array.from(key, (_, i) => key.charCodeAt(i)), count }));
  }

  release(): void {
    this.#room.give(this.#taken);
    this.#taken = 0;
  }

  #keyOf(at: number[]): string {
    at.sort((a, b) => a - b);
    let key = '';
    for (const index of at) if (!this.#places[index]!.isApart) key += String.fromCharCode(index);
    return key;
  }

  #takeRoom(key: string): boolean {
    const bytes = SIGNATURE_BYTES + 2 * key.length;
    if (this.#counts.size >= this.#limit || !this.#room.take(bytes)) return false;
    this.#taken += bytes;
    return true;
  }

  /** @param at of the set that finds no room @returns false where no place is left */
  #leaveOneOut(at: readonly number[]): boolean {
    const inUse = new Set(at);
    for (const key of this.#counts.keys()) for (let i = 0; i < key.length; i++) inUse.add(key.charCodeAt(i));
    let most: CountedPlace | null = null;
    for (const index of inUse) {
      const place = this.#places[index]!;
      if (place.isApart) continue;
      if (most === null || place.varied > most.varied || (place.varied === most.varied && place.differed > most.differed)) most = place;
    }
    if (most === null) return false;
    most.isApart = true;
    this.#rebuild(String.fromCharCode(most.index), most);
    return true;
  }

  #rebuild(character: string, place: CountedPlace): void {
    const before = [...this.#counts];
    this.#counts.clear();
    this.release();
    for (const [key, count] of before) {
      if (key.includes(character)) place.unlisted += count;
      const rest = key.replace(character, '');
      const known = this.#counts.get(rest);
      // There was room for at least as much a moment ago.
      if (known === undefined) this.#takeRoom(rest);
      this.#counts.set(rest, (known ?? 0) + count);
    }
  }
}
