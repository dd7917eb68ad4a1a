import { DIFFERENCE_KINDS, type Difference, type DifferenceKind } from '../difference.ts';
import { NOTHING, Shown, type Masker } from '../examples/mask.ts';
import { looksRandom } from '../examples/value-shape.ts';
import type { Place } from './json/json-places.ts';

/** More places of one pair are not told apart. */
export const MAX_DIFFERENCES = 64;

/** A difference that is used again. */
export class Found implements Difference {
  where = '';
  kind: DifferenceKind = 'status';
  /** What is shown in place of a secret, or empty. */
  instead = '';
  readonly ofProduction = new Shown();
  readonly ofMirror = new Shown();
  place: Place | null = null;
  readonly #masker: Masker;

  constructor(masker: Masker) {
    this.#masker = masker;
  }

  get production(): string {
    return this.#masker.show(this.ofProduction, this.instead);
  }

  get mirror(): string {
    return this.#masker.show(this.ofMirror, this.instead);
  }

  /** Lets go of content. */
  release(): void {
    this.ofProduction.release();
    this.ofMirror.release();
  }

  get random(): boolean {
    return looksRandom(this.ofProduction.value, this.ofMirror.value);
  }
}

const BIT = Object.fromEntries(DIFFERENCE_KINDS.map((kind, i) => [kind, 1 << i])) as Readonly<Record<DifferenceKind, number>>;

/** What has been found of one pair: each place and kind once. */
export class FoundList {
  readonly list: Found[] = [];
  /** How often something was reported that is not ignored, also where its place was in the list already. */
  reports = 0;
  /** There were more places than are told apart. */
  isOver = false;
  readonly #pool: Found[] = [];
  readonly #masker: Masker;
  #round = 0;

  constructor(masker: Masker) {
    this.#masker = masker;
  }

  begin(): void {
    for (const found of this.list) found.release();
    this.list.length = 0;
    this.reports = 0;
    this.isOver = false;
    this.#round += 1;
  }

  /** @returns null where there is nothing to fill in: the place is ignored or in the list already, or there is no room */
  add(place: Place, kind: DifferenceKind): Found | null {
    if (place.ignored) return null;
    this.reports += 1;
    if (place.round !== this.#round) {
      place.round = this.#round;
      place.kinds = 0;
    }
    if ((place.kinds & BIT[kind]) !== 0) return null;
    if (this.list.length === MAX_DIFFERENCES) {
      this.isOver = true;
      return null;
    }
    place.kinds |= BIT[kind];
    const found = (this.#pool[this.list.length] ??= new Found(this.#masker));
    found.where = place.where;
    found.kind = kind;
    found.instead = '';
    found.ofProduction.form = NOTHING;
    found.ofMirror.form = NOTHING;
    found.place = place;
    this.list.push(found);
    return found;
  }

  /** Takes back what was added since the list was this long. */
  takeBack(length: number, wasOver: boolean): void {
    this.isOver = wasOver;
    while (this.list.length > length) {
      const found = this.list.pop()!;
      found.place!.kinds &= ~BIT[found.kind];
      found.release();
    }
  }
}
