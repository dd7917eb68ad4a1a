import type { DifferenceKind } from '../../difference.ts';
import { Chains } from '../chains.ts';
import type { Found, FoundList } from '../found.ts';
import { readElements } from './json-elements.ts';
import { ElementKeys } from './json-keys.ts';
import { endOfName, Members } from './json-members.ts';
import { isSameBytes, isSameNumber, isWithin } from './json-number.ts';
import { JsonPath } from './json-path.ts';
import type { PlaceNode } from './json-places.ts';
import {
  CLOSE_LIST, CLOSE_OBJECT, endOfNumber, endOfValue, LIST, MAX_DEPTH, nextItem, NUMBER, OBJECT, QUOTE, skipSpace, startOfNamed, STRING, TYPE_OF,
} from './json-scan.ts';
import { BROKEN, OTHER, SAME, StringPair } from './json-string-pair.ts';
import { count, JSON_VALUE, PLAIN } from '../../examples/mask.ts';
import type { CompareRules } from '../rules.ts';

/** How often content may be gone over again, on average, where it is in another order: what bounds the work. */
const MAX_PASSES = 16;

/**
 * Walks over two documents of JSON at once, value by value, whatever their spaces, escapes and order of members. A name that
 * is there several times is compared time by time, as readers differ in which they take.
 */
export class JsonWalk {
  readonly #found: FoundList;
  readonly #path: JsonPath;
  readonly #keys: ElementKeys;
  readonly #strings = new StringPair();
  readonly #hasKeyed: boolean;
  /** Production's, and where we are in it; likewise the mirror's. */
  #a: Buffer = Buffer.alloc(0);
  #b: Buffer = Buffer.alloc(0);
  #i = 0;
  #j = 0;
  /** Bytes that may still be gone over again. */
  #work = 0;
  /** Hashes of production's values that differed, less those of the mirror's; NaN once something else differed than single values. */
  balance = 0;

  constructor(rules: CompareRules, found: FoundList, path: JsonPath) {
    this.#found = found;
    this.#path = path;
    this.#keys = new ElementKeys(rules);
    this.#hasKeyed = rules.hasKeyed;
  }

  /** @param production borrowed, as `mirror` */
  begin(production: Buffer, mirror: Buffer): void {
    this.#a = production;
    this.#b = mirror;
    this.balance = 0;
    this.#work = MAX_PASSES * (production.length + mirror.length);
  }

  /** Behind production's value, once it was compared. */
  get i(): number {
    return this.#i;
  }

  /** Likewise the mirror's. */
  get j(): number {
    return this.#j;
  }

  /**
   * Compares the values that begin at `i` and `j`, and whose place the path tells.
   * @returns false where one of them is not JSON, too deep, or in too different an order
   */
  compare(i: number, j: number): boolean {
    this.#i = i;
    this.#j = j;
    return this.#value();
  }

  /**
   * Whether elements of a list that differ, position by position, are the same in another order.
   * @param differing start and end of production's element, and of the mirror's; and so on
   * @param balance what it was when the list began
   */
  isReordered(differing: readonly number[], balance: number): boolean {
    // Values that went elsewhere would be balanced by where they came from; NaN says that it is not known.
    if (this.balance !== balance && !Number.isNaN(this.balance)) return false;
    let bytes = 0;
    for (let k = 0; k < differing.length; k += 2) bytes += differing[k + 1]! - differing[k]!;
    return this.mayGoOver(bytes) && this.#keys.isReordered(this.#a, this.#b, differing, this.#path.node());
  }

  /** Bounds the work. @param bytes that are to be gone over again */
  mayGoOver(bytes: number): boolean {
    this.#work -= bytes;
    return this.#work >= 0;
  }

  /** The values that begin here; afterwards we are behind them. @returns false where one is not JSON */
  #value(): boolean {
    const a = this.#a;
    const b = this.#b;
    if (this.#i >= a.length || this.#j >= b.length) return false;
    const type = TYPE_OF[a[this.#i]!]!;
    if (type !== TYPE_OF[b[this.#j]!]!) return this.#otherType();
    switch (type) {
      case STRING:
        return this.#string();
      case NUMBER:
        return this.#number();
      case OBJECT:
        return this.#path.depth < MAX_DEPTH && this.#object();
      case LIST:
        return this.#path.depth < MAX_DEPTH && this.#list();
      default:
        return this.#word();
    }
  }

  #otherType(): boolean {
    const i = this.#i;
    const j = this.#j;
    return this.#skipBoth() && this.#report('type', i, j);
  }

  #word(): boolean {
    const i = this.#i;
    const j = this.#j;
    return this.#skipBoth() && (this.#a[i] === this.#b[j] || this.#report('field', i, j));
  }

  #skipBoth(): boolean {
    this.#i = endOfValue(this.#a, this.#i, this.#path.depth);
    this.#j = endOfValue(this.#b, this.#j, this.#path.depth);
    return this.#i >= 0 && this.#j >= 0;
  }

  #number(): boolean {
    const a = this.#a;
    const b = this.#b;
    const i = this.#i;
    const j = this.#j;
    const iEnd = (this.#i = endOfNumber(a, i));
    const jEnd = (this.#j = endOfNumber(b, j));
    if (iEnd < 0 || jEnd < 0) return false;
    if (isSameBytes(a, i, iEnd, b, j, jEnd) || isSameNumber(a, i, iEnd, b, j, jEnd)) return true;
    const { tolerance } = this.#path.node();
    if (tolerance !== null && isWithin(tolerance, Number(a.latin1Slice(i, iEnd)), Number(b.latin1Slice(j, jEnd)))) return true;
    return this.#report('field', i, j);
  }

  #string(): boolean {
    const i = this.#i;
    const j = this.#j;
    const outcome = this.#sameString();
    return outcome === SAME || (outcome === OTHER && this.#report('field', i, j));
  }

  /** The strings that begin here; afterwards we are behind them. */
  #sameString(): number {
    const outcome = this.#strings.compare(this.#a, this.#i, this.#b, this.#j);
    this.#i = this.#strings.i;
    this.#j = this.#strings.j;
    return outcome;
  }

  #object(): boolean {
    const a = this.#a;
    const b = this.#b;
    this.#i = skipSpace(a, this.#i + 1);
    this.#j = skipSpace(b, this.#j + 1);
    for (;;) {
      const i = this.#i;
      const j = this.#j;
      const isEnd = a[i] === CLOSE_OBJECT;
      if (isEnd && b[j] === CLOSE_OBJECT) return this.#goTo(i + 1, j + 1);
      if (isEnd || b[j] === CLOSE_OBJECT) return this.#restOfObject();
      if (a[i] !== QUOTE || b[j] !== QUOTE) return false;
      const outcome = this.#sameString();
      if (outcome === BROKEN) return false;
      if (outcome === OTHER) return this.#goTo(i, j) && this.#restOfObject();
      const nameEnd = this.#i - 1;
      this.#i = startOfNamed(a, this.#i);
      this.#j = startOfNamed(b, this.#j);
      if (!this.#member(i + 1, nameEnd)) return false;
      this.#i = nextItem(a, this.#i, CLOSE_OBJECT);
      this.#j = nextItem(b, this.#j, CLOSE_OBJECT);
    }
  }

  /** Values of one name; afterwards we are behind them. */
  #member(nameStart: number, nameEnd: number): boolean {
    this.#path.enterMember(nameStart, nameEnd);
    const isJson = this.#value();
    this.#path.leave();
    return isJson;
  }

  /** Members that come in another order. We are at one on both sides, or at the end of one. */
  #restOfObject(): boolean {
    const a = this.#a;
    const others = Members.read(this.#b, this.#j);
    if (others === null || !this.mayGoOver(others.end - this.#j)) return false;
    while (a[this.#i] !== CLOSE_OBJECT) {
      const nameAt = this.#i;
      const nameEnd = endOfName(a, nameAt);
      this.#i = startOfNamed(a, nameEnd);
      if (this.#i < 0) return false;
      this.#j = others.take(a, nameAt + 1, nameEnd - 1);
      if (!(this.#j >= 0 ? this.#member(nameAt + 1, nameEnd - 1) : this.#missing(nameAt + 1, nameEnd - 1))) return false;
      this.#i = nextItem(a, this.#i, CLOSE_OBJECT);
      if (this.#i < 0) return false;
    }
    for (const other of others.rest()) {
      const end = endOfValue(this.#b, other.value, this.#path.depth + 1);
      if (end < 0) return false;
      this.#added(this.#path.node().member(other.name), other.value, end);
    }
    return this.#goTo(this.#i + 1, others.end + 1);
  }

  #list(): boolean {
    if (this.#hasKeyed && this.#path.node().key !== null) return this.#keyedList();
    const a = this.#a;
    const b = this.#b;
    const { length } = this.#found.list;
    const { isOver } = this.#found;
    const { balance } = this;
    let differing: number[] | null = null;
    let index = 0;
    this.#i = skipSpace(a, this.#i + 1);
    this.#j = skipSpace(b, this.#j + 1);
    for (; a[this.#i] !== CLOSE_LIST && b[this.#j] !== CLOSE_LIST; index++) {
      const i = this.#i;
      const j = this.#j;
      const { reports } = this.#found;
      this.#path.enterElement(index);
      const isJson = this.#value();
      this.#path.leave();
      if (!isJson) return false;
      if (this.#found.reports > reports) (differing ??= []).push(i, this.#i, j, this.#j);
      this.#i = nextItem(a, this.#i, CLOSE_LIST);
      this.#j = nextItem(b, this.#j, CLOSE_LIST);
      if (this.#i < 0 || this.#j < 0) return false;
    }
    if (a[this.#i] !== b[this.#j]) return this.#otherLength(index, length, isOver);
    if (differing !== null && differing.length > 4 && this.isReordered(differing, balance)) {
      this.#found.takeBack(length, isOver);
      this.#reordered(index);
    }
    return this.#goTo(this.#i + 1, this.#j + 1);
  }

  /** One list is at its end, the other goes on: then nobody knows which elements belong together. */
  #otherLength(index: number, length: number, isOver: boolean): boolean {
    const rest = readElements(this.#a, this.#i, this.#path.depth + 1);
    const others = readElements(this.#b, this.#j, this.#path.depth + 1);
    if (rest === null || others === null) return false;
    this.#found.takeBack(length, isOver);
    const found = this.#add(this.#path.node(), 'length');
    found?.ofProduction.setText(PLAIN, count(index + rest.values.length, 'element'));
    found?.ofMirror.setText(PLAIN, count(index + others.values.length, 'element'));
    return this.#goTo(rest.end + 1, others.end + 1);
  }

  #reordered(length: number): void {
    const found = this.#add(this.#path.node(), 'order');
    found?.ofProduction.setText(PLAIN, count(length, 'element'));
    found?.ofMirror.setText(PLAIN, 'the same in another order');
  }

  #keyedList(): boolean {
    const node = this.#path.node();
    const ours = readElements(this.#a, skipSpace(this.#a, this.#i + 1), this.#path.depth + 1);
    const others = readElements(this.#b, skipSpace(this.#b, this.#j + 1), this.#path.depth + 1);
    if (ours === null || others === null || !this.mayGoOver(ours.end - this.#i + others.end - this.#j)) return false;
    const byKey = new Chains(this.#keys.of(this.#b, others.values, node));
    const keys = this.#keys.of(this.#a, ours.values, node);
    for (let k = 0; k < keys.length; k++) {
      const other = byKey.take(keys[k]!);
      this.#i = ours.values[k]!;
      if (other >= 0) this.#j = others.values[other]!;
      if (other < 0) this.#missingAt(node.element(-1), this.#i, endOfValue(this.#a, this.#i, this.#path.depth + 1));
      else if (node.key!.length > 0 && !this.#element()) return false;
    }
    for (const other of byKey.rest()) {
      const at = others.values[other]!;
      this.#added(node.element(-1), at, endOfValue(this.#b, at, this.#path.depth + 1));
    }
    return this.#goTo(ours.end + 1, others.end + 1);
  }

  #element(): boolean {
    this.#path.enterElement(-1);
    const isJson = this.#value();
    this.#path.leave();
    return isJson;
  }

  #goTo(i: number, j: number): true {
    this.#i = i;
    this.#j = j;
    return true;
  }

  #report(kind: DifferenceKind, i: number, j: number): true {
    const node = this.#path.node();
    if (node.ignored) return true;
    const { balance } = this;
    const found = this.#add(node, kind);
    // Outside of lists nothing is put in another order.
    if (kind === 'field') this.balance = this.#path.isInList ? balance + this.#keys.ofValue(this.#a, i) - this.#keys.ofValue(this.#b, j) : balance;
    found?.ofProduction.setBytes(JSON_VALUE, this.#a, i, this.#i);
    found?.ofMirror.setBytes(JSON_VALUE, this.#b, j, this.#j);
    return true;
  }

  /** A member that the mirror does not have. We are at its value, afterwards behind it. */
  #missing(nameStart: number, nameEnd: number): boolean {
    const at = this.#i;
    this.#i = endOfValue(this.#a, at, this.#path.depth + 1);
    if (this.#i < 0) return false;
    this.#path.enterMember(nameStart, nameEnd);
    this.#missingAt(this.#path.node(), at, this.#i);
    this.#path.leave();
    return true;
  }

  #missingAt(node: PlaceNode, start: number, end: number): void {
    this.#add(node, 'missing')?.ofProduction.setBytes(JSON_VALUE, this.#a, start, end);
  }

  #added(node: PlaceNode, start: number, end: number): void {
    this.#add(node, 'added')?.ofMirror.setBytes(JSON_VALUE, this.#b, start, end);
  }

  #add(node: PlaceNode, kind: DifferenceKind): Found | null {
    if (node.ignored) return null;
    this.balance = NaN;
    const found = this.#found.add(node.place, kind);
    if (found !== null) found.instead = node.instead;
    return found;
  }
}
