import { isSecretName, isValueLike } from '../../examples/kinds.ts';
import { HIDDEN, REDACTED } from '../../examples/mask.ts';
import { rulesBelow, type PointerRule, type Tolerance } from '../pointers.ts';
import { isIgnored, type CompareRules } from '../rules.ts';

/** A place in answers, there once for each name. */
export class Place {
  readonly where: string;
  /** By a pattern of the policy. */
  readonly ignored: boolean;
  /** The comparison that last found a difference here, and of which kinds: bits. */
  round = 0;
  kinds = 0;

  constructor(where: string, ignored: boolean) {
    this.where = where;
    this.ignored = ignored;
  }
}

/** More are forgotten all at once, and then made again. */
const MAX_PLACES = 8192;

/** Places by name. */
export class PlaceTable {
  readonly #rules: CompareRules;
  readonly #places = new Map<string, Place>();

  constructor(rules: CompareRules) {
    this.#rules = rules;
  }

  get isFull(): boolean {
    return this.#places.size >= MAX_PLACES;
  }

  of(where: string): Place {
    let place = this.#places.get(where);
    if (place === undefined) this.#places.set(where, (place = new Place(where, isIgnored(this.#rules, where))));
    return place;
  }

  clear(): void {
    this.#places.clear();
  }
}

/** Names longer than this are taken for values. */
const MAX_NAME = 64;
/** An object in which this many names have been seen is a map: whatever else is in it has one place. */
const MAX_CHILDREN = 256;

/** A place in content, and what the policy says of it. A place has several nodes where rules tell apart what it sums up. */
export class PlaceNode {
  readonly place: Place;
  readonly #table: PlaceTable;
  readonly #rules: readonly PointerRule[];
  /** Neither it nor what is in it is compared. */
  readonly #isCut: boolean;
  /** It is not compared. */
  readonly ignored: boolean;
  /** What is shown in place of a value that is secret, likewise: by the policy, or by a name as of a password. Else empty. */
  readonly instead: string;
  readonly tolerance: Tolerance | null = null;
  readonly key: readonly string[] | null = null;
  /** Rules say something of what is in it. */
  readonly hasRulesBelow: boolean;
  readonly #children = new Map<string, PlaceNode>();
  /** Positions that rules name. */
  readonly #positions = new Map<number, PlaceNode>();
  /** Every other position, and every name that is taken for a value. */
  #element: PlaceNode | null = null;
  #anyMember: PlaceNode | null = null;

  private constructor(table: PlaceTable, place: Place, rules: readonly PointerRule[], parent: PlaceNode | null, isHidden: boolean) {
    this.#table = table;
    this.place = place;
    this.#rules = rules;
    this.#isCut = (parent !== null && parent.#isCut) || rules.some(({ ignored }) => ignored);
    this.ignored = this.#isCut || place.ignored;
    this.instead = rules.some(({ secret }) => secret) ? REDACTED : parent !== null && parent.instead !== '' ? parent.instead : isHidden ? HIDDEN : '';
    this.hasRulesBelow = rules.some(({ children, every }) => children.size > 0 || every !== null);
    for (const { tolerance, key } of rules) {
      this.tolerance ??= tolerance;
      this.key ??= key;
    }
  }

  static root(table: PlaceTable, rule: PointerRule): PlaceNode {
    return new PlaceNode(table, table.of('body'), [rule], null, false);
  }

  /** @param name of a member of an object */
  member(name: string): PlaceNode {
    return this.#children.get(name) ?? this.#newMember(name);
  }

  /** @param index of an element of a list, or -1 for one without a position of its own */
  element(index: number): PlaceNode {
    if (index >= 0 && this.hasRulesBelow && this.#rules.some(({ children }) => children.has(String(index)))) return this.#position(index);
    return (this.#element ??= this.#make('-', rulesBelow(this.#rules, '-'), false));
  }

  /** @param number of a field of a message of Protocol Buffers */
  field(number: number): PlaceNode {
    const name = String(number);
    return this.#children.get(name) ?? this.#keep(name, this.#make(name, rulesBelow(this.#rules, name), false));
  }

  #newMember(name: string): PlaceNode {
    const rules = rulesBelow(this.#rules, name);
    const isFolded = name.length > MAX_NAME || isValueLike(name) || this.#children.size >= MAX_CHILDREN;
    if (!isFolded || this.#rules.some(({ children }) => children.has(name))) {
      return this.#keep(name, this.#make(isFolded ? '*' : name, rules, isSecretName(name)));
    }
    return (this.#anyMember ??= this.#make('*', rules, false));
  }

  #position(index: number): PlaceNode {
    let node = this.#positions.get(index);
    if (node === undefined) this.#positions.set(index, (node = this.#make('-', rulesBelow(this.#rules, String(index)), false)));
    return node;
  }

  #keep(name: string, node: PlaceNode): PlaceNode {
    this.#children.set(name, node);
    return node;
  }

  #make(shown: string, rules: readonly PointerRule[], isHidden: boolean): PlaceNode {
    const { where } = this.place;
    const name = shown.replace(UNPRINTABLE, '\ufffd').replaceAll('~', '~0').replaceAll('/', '~1');
    return new PlaceNode(this.#table, this.#table.of(`${where === 'body' ? 'body ' : where}/${name}`), rules, this, isHidden);
  }
}

const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/gu;
