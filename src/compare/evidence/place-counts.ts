import type { ByteBudget } from '../../flow/budget.ts';
import type { Example, PlaceEvidence } from '../data.ts';
import type { Difference, DifferenceKind } from '../difference.ts';

/** What is known of one place: see `PlaceEvidence`. */
export interface CountedPlace {
  readonly where: string;
  readonly kind: DifferenceKind;
  /** Its number in the endpoint. */
  readonly index: number;
  differed: number;
  unlisted: number;
  looked: number;
  random: number;
  varied: number;
  variedSoon: number;
  /** Left out of signatures from now on. */
  isApart: boolean;
  /** The pass that it was last counted in, so that it is counted once in each. */
  pass: number;
  examples: Example[];
  /** At the same `where`, of another kind. */
  next: CountedPlace | null;
}

/** Stands for all places that found no room. */
const ELSEWHERE = 'elsewhere';

const EXAMPLES = 3;
/** Differences of a place that are looked at from the beginning on; after them one in as many. */
const LOOKS = 32;
/** Characters of a place's name; what is longer is cut, and may so meet another. */
const LONGEST_NAME = 256;
/** About what a place and an example take beside their characters, bytes. */
const PLACE_BYTES = 256;
const EXAMPLE_BYTES = 160;

/** The places of one endpoint at which answers have differed. Bounded; what finds no room is `elsewhere`. */
export class PlaceCounts {
  readonly list: CountedPlace[] = [];
  readonly #byName = new Map<string, CountedPlace>();
  readonly #limit: number;
  readonly #room: ByteBudget;
  #taken = 0;

  /** @param limit places, `elsewhere` included; at most 65,536 @param room that tables share */
  constructor(limit: number, room: ByteBudget) {
    this.#limit = limit;
    this.#room = room;
  }

  /** Finds it, or makes room for it. */
  at(name: string, kind: DifferenceKind): CountedPlace {
    const where = name.length > LONGEST_NAME ? name.slice(0, LONGEST_NAME) : name;
    const first = this.#byName.get(where) ?? null;
    for (let place = first; place !== null; place = place.next) if (place.kind === kind) return place;
    if (where === ELSEWHERE) return this.#make(ELSEWHERE, 'field', null);
    const bytes = PLACE_BYTES + 2 * where.length;
    if (this.list.length + 1 >= this.#limit || !this.#room.take(bytes)) return this.#byName.get(ELSEWHERE) ?? this.#make(ELSEWHERE, 'field', null);
    this.#taken += bytes;
    return this.#make(ownCopy(where), kind, first);
  }

  /** Looks at what either side has there, which costs more than to count it: so at the first few differences, and rarely later. */
  look(place: CountedPlace, difference: Difference, keepExamples: boolean): void {
    if (place.differed > LOOKS && place.differed % LOOKS !== 0) return;
    place.looked++;
    if (difference.random === true) place.random++;
    if (keepExamples && place.examples.length < EXAMPLES) this.#addExample(place, difference.production, difference.mirror);
  }

  /** Those of both, as many as there may be; which ones depends on neither's order. */
  joinExamples(place: CountedPlace, more: readonly Example[]): void {
    const all = [...place.examples, ...more].sort(byText).filter((example, i, sorted) => i === 0 || byText(example, sorted[i - 1]!) !== 0);
    place.examples = [];
    for (const { production, mirror } of all) this.#addExample(place, production, mirror);
  }

  /** Gives its room back. */
  release(): void {
    this.#room.give(this.#taken);
    this.#taken = 0;
  }

  #addExample(place: CountedPlace, production: string, mirror: string): void {
    if (place.examples.length >= EXAMPLES || place.where === ELSEWHERE) return;
    if (place.examples.some((example) => example.production === production && example.mirror === mirror)) return;
    const bytes = EXAMPLE_BYTES + 2 * (production.length + mirror.length);
    if (!this.#room.take(bytes)) return;
    this.#taken += bytes;
    place.examples.push({ production: ownCopy(production), mirror: ownCopy(mirror) });
  }

  #make(where: string, kind: DifferenceKind, next: CountedPlace | null): CountedPlace {
    const place: CountedPlace = { where, kind, index: this.list.length, differed: 0, unlisted: 0, looked: 0, random: 0, varied: 0, variedSoon: 0, isApart: false, pass: 0, examples: [], next };
    this.list.push(place);
    this.#byName.set(where, place);
    return place;
  }
}

export function placeData({ where, kind, differed, unlisted, looked, random, varied, variedSoon, examples }: CountedPlace): PlaceEvidence {
  return { where, kind, differed, unlisted, looked, random, varied, variedSoon, examples: [...examples].sort(byText) };
}

function byText(a: Example, b: Example): number {
  return compareText(a.production, b.production) || compareText(a.mirror, b.mirror);
}

/** By code units: the same on every machine. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** A text that keeps no other alive, as a part of a content would the whole. */
function ownCopy(text: string): string {
  return Buffer.from(text, 'utf16le').toString('utf16le');
}
