import type { FoundList } from '../found.ts';
import { JsonPath, POSITION } from './json-path.ts';
import type { PlaceNode } from './json-places.ts';
import {
  BACKSLASH, CLOSE_LIST, CLOSE_OBJECT, COLON, COMMA, endOfLetters, isSpace, LIST, MAX_DEPTH, NEW_LINE, OBJECT, OPEN_LIST, OPEN_OBJECT, QUOTE, skipSpace, startOfJson,
  STRING, TYPE_OF,
} from './json-scan.ts';
import { JsonWalk } from './json-walk.ts';
import { count, PLAIN } from '../../examples/mask.ts';
import { mismatch } from '../mismatch.ts';
import type { CompareRules } from '../rules.ts';

/** What comes next. */
const VALUE = 0;
const NAME = 1;
const COLON_AFTER_NAME = 2;
/** A comma, or the end of the container. */
const AFTER_VALUE = 3;

/** Brackets and braces, by the bit in which they differ. */
const OPEN = OPEN_OBJECT;
const CLOSE = CLOSE_OBJECT;
const BRACKET_BIT = OPEN_OBJECT ^ OPEN_LIST;

/**
 * Compares two documents of JSON. Most answers are equal byte for byte but for a few values. So it looks for the next byte
 * that differs, skims production's document up to there, which tells what the place is called, and has only the value
 * there compared; where the documents differ in form (spaces, order, members), the container that they differ in.
 * What is equal on both sides is not checked for being JSON to the letter.
 */
export class JsonDiffer {
  readonly #found: FoundList;
  readonly #path = new JsonPath();
  readonly #walk: JsonWalk;
  readonly #hasKeyed: boolean;
  #a: Buffer = Buffer.alloc(0);
  #b: Buffer = Buffer.alloc(0);
  /** Where we are in production's document, and how much further in the mirror's. */
  #at = 0;
  #offset = 0;
  #next = VALUE;
  /** Containers that we are in; the outermost is the first. What is kept of each has its depth for an index. */
  #depth = 0;
  /** Where the container was closed last that is a value where we are. */
  #closedAt = 0;
  /** Where a container begins on both sides. */
  readonly #start = new Int32Array(MAX_DEPTH + 1);
  readonly #otherStart = new Int32Array(MAX_DEPTH + 1);
  /** Where its item (element or member) begins that we are in, and how many items are before it. */
  readonly #item = new Int32Array(MAX_DEPTH + 1);
  readonly #otherItem = new Int32Array(MAX_DEPTH + 1);
  readonly #index = new Int32Array(MAX_DEPTH + 1);
  /** Whether that item differs. */
  readonly #differs = new Uint8Array(MAX_DEPTH + 1);
  /** What had been found when the container began, and the walk's balance. */
  readonly #foundBefore = new Int32Array(MAX_DEPTH + 1);
  readonly #wasOver = new Uint8Array(MAX_DEPTH + 1);
  readonly #balanceBefore = new Float64Array(MAX_DEPTH + 1);
  /** Elements of a list that differ: start and end of production's, and of the mirror's; and so on. */
  readonly #differing: number[][] = Array.from({ length: MAX_DEPTH + 1 }, () => []);

  constructor(rules: CompareRules, found: FoundList) {
    this.#found = found;
    this.#walk = new JsonWalk(rules, found, this.#path);
    this.#hasKeyed = rules.hasKeyed;
  }

  /**
   * @param root place of the whole
   * @returns false where one of them is not JSON, too deep, or in too different an order; then nothing was added
   */
  compare(root: PlaceNode, production: Buffer, mirror: Buffer): boolean {
    this.#a = production;
    this.#b = mirror;
    this.#at = startOfJson(production);
    this.#offset = startOfJson(mirror) - this.#at;
    this.#depth = 0;
    this.#item[0] = this.#at;
    this.#closedAt = 0;
    this.#walk.begin(production, mirror);
    this.#path.begin(root, production);
    const { length } = this.#found.list;
    const { isOver } = this.#found;
    if (this.#run()) return true;
    this.#found.takeBack(length, isOver);
    return false;
  }

  #run(): boolean {
    for (;;) {
      const limit = mismatch(this.#a, this.#at, this.#b, this.#offset);
      if (this.#endsAlike(limit)) return true;
      if (!this.#skim(limit)) return false;
      if (this.#depth === 0 && this.#next === AFTER_VALUE) return this.#isAtEnd();
      if (!this.#differ()) return false;
    }
  }

  /**
   * All that follows is equal, and tells nothing about what differed before: no list that may have been put in another order is
   * open, and these are no lines of JSON, which are another format.
   */
  #endsAlike(limit: number): boolean {
    const a = this.#a;
    if (limit !== a.length || limit + this.#offset !== this.#b.length || this.#depth === 0) return false;
    for (let depth = 1; depth <= this.#depth; depth++) {
      if (this.#isList(depth) && this.#differing[depth]!.length + 4 * this.#differs[depth]! > 4) return false;
    }
    let last = limit - 1;
    while (last > this.#at && isSpace(a[last]!)) last -= 1;
    if (last < this.#at || a[last]! - a[this.#start[1]!]! !== CLOSE - OPEN) return false;
    const line = a.indexOf(NEW_LINE, this.#at);
    return line < 0 || line > last;
  }

  #isAtEnd(): boolean {
    return skipSpace(this.#a, this.#at) === this.#a.length && skipSpace(this.#b, this.#at + this.#offset) === this.#b.length;
  }

  /** What follows is equal up to `limit`; afterwards we are at the first thing that is not wholly before it. */
  #skim(limit: number): boolean {
    const a = this.#a;
    const from = this.#at;
    for (let at = from; at < limit; at++) {
      const byte = a[at]!;
      if (byte === QUOTE) {
        at += 1;
        while (at < limit && a[at] !== QUOTE) at += a[at] === BACKSLASH ? 2 : 1;
      } else if (byte === COMMA) {
        if (this.#depth === 0) return false;
        if (this.#differs[this.#depth] === 1) this.#endItem(at);
        this.#item[this.#depth] = at + 1;
        this.#index[this.#depth]! += 1;
      } else if ((byte | BRACKET_BIT) === OPEN) {
        // Behind the whole there is nothing more: lines of JSON are another format.
        if (this.#depth === MAX_DEPTH || (this.#depth === 0 && this.#closedAt > 0)) return false;
        this.#depth += 1;
        this.#start[this.#depth] = at;
        this.#item[this.#depth] = at + 1;
        this.#index[this.#depth] = 0;
        this.#differs[this.#depth] = 0;
      } else if ((byte | BRACKET_BIT) === CLOSE) {
        if (this.#depth === 0 || byte - a[this.#start[this.#depth]!]! !== CLOSE - OPEN) return false;
        if (this.#differs[this.#depth] === 1) this.#endItem(at);
        if (this.#start[this.#depth]! < from && this.#differing[this.#depth]!.length > 4) this.#checkOrder(this.#depth);
        this.#depth -= 1;
        this.#closedAt = at + 1;
      }
    }
    for (let depth = 1; depth <= this.#depth; depth++) if (this.#item[depth]! >= from) this.#enter(depth, from);
    return this.#stop(from, limit);
  }

  /** Sets down what is to be known of an item that has begun in what was skimmed just now. */
  #enter(depth: number, from: number): void {
    const start = this.#start[depth]!;
    const item = this.#item[depth]!;
    this.#otherItem[depth] = item + this.#offset;
    if (start >= from) {
      this.#otherStart[depth] = start + this.#offset;
      this.#foundBefore[depth] = this.#found.list.length;
      this.#wasOver[depth] = this.#found.isOver ? 1 : 0;
      this.#balanceBefore[depth] = this.#walk.balance;
      this.#differing[depth]!.length = 0;
    }
    if (this.#isList(depth)) return this.#path.setStep(depth, this.#index[depth]!, POSITION);
    const name = skipSpace(this.#a, item);
    this.#path.setStep(depth, name + 1, endOfText(this.#a, name, this.#a.length) - 1);
  }

  /** Finds out where in the item we are, all of whose inner containers have been closed. */
  #stop(from: number, limit: number): boolean {
    const a = this.#a;
    const depth = this.#depth;
    let at = this.#item[depth]!;
    // The item in which something was compared before, or which has been closed since.
    if (at < from) return this.#stopAfterValue(Math.max(from, this.#closedAt), limit);
    at = skipSpace(a, at);
    if (depth > 0 && !this.#isList(depth)) {
      const end = at < limit && a[at] === QUOTE ? endOfText(a, at, limit) : -1;
      if (end < 0 || end > limit) return this.#stopAt(at, limit, NAME);
      at = skipSpace(a, end);
      if (at >= limit || a[at] !== COLON) return this.#stopAt(at, limit, COLON_AFTER_NAME);
      at = skipSpace(a, at + 1);
    }
    if (at >= limit) return this.#stopAt(at, limit, VALUE);
    const type = TYPE_OF[a[at]!]!;
    if (type === OBJECT || type === LIST) return this.#closedAt > at && this.#stopAfterValue(this.#closedAt, limit);
    const end = type === STRING ? endOfText(a, at, limit) : endOfLetters(a, at, limit);
    // What stands behind the last letter may be another one on the other side.
    return (type === STRING ? end > limit : end >= limit) ? this.#stopAt(at, limit, VALUE) : this.#stopAfterValue(end, limit);
  }

  #stopAfterValue(at: number, limit: number): boolean {
    at = skipSpace(this.#a, at);
    return at >= limit && this.#stopAt(at, limit, AFTER_VALUE);
  }

  #stopAt(at: number, limit: number, next: number): true {
    // Spaces behind the limit are one side's alone.
    this.#at = Math.min(at, limit);
    this.#next = next;
    return true;
  }

  #isList(depth: number): boolean {
    return this.#a[this.#start[depth]!] === OPEN_LIST;
  }

  #endItem(end: number): void {
    const depth = this.#depth;
    this.#differs[depth] = 0;
    if (this.#isList(depth)) this.#differing[depth]!.push(this.#item[depth]!, end, this.#otherItem[depth]!, end + this.#offset);
  }

  /** Elements of a list of which several differ may be the same in another order. */
  #checkOrder(depth: number): void {
    this.#path.depth = depth - 1;
    if (!this.#walk.isReordered(this.#differing[depth]!, this.#balanceBefore[depth]!)) return;
    this.#found.takeBack(this.#foundBefore[depth]!, this.#wasOver[depth] === 1);
    const found = this.#found.add(this.#path.node().place, 'order');
    found?.ofProduction.setText(PLAIN, count(this.#index[depth]! + 1, 'element'));
    found?.ofMirror.setText(PLAIN, 'the same in another order');
  }

  /** Something differs that begins here; afterwards we are behind what was compared. */
  #differ(): boolean {
    const { reports } = this.#found;
    const keyed = this.#hasKeyed ? this.#keyedList() : 0;
    if (keyed === 0 && this.#next === VALUE ? !this.#compareValue() : !this.#compareContainer(keyed === 0 ? this.#depth : keyed)) return false;
    this.#at = this.#closedAt = this.#walk.i;
    this.#offset = this.#walk.j - this.#at;
    if (this.#found.reports > reports) this.#markItems();
    return true;
  }

  /** The outermost list that we are in whose order says nothing, or 0. */
  #keyedList(): number {
    for (let depth = 1; depth <= this.#depth; depth++) {
      this.#path.depth = depth - 1;
      if (this.#isList(depth) && this.#path.node().key !== null) return depth;
    }
    return 0;
  }

  #compareValue(): boolean {
    const i = skipSpace(this.#a, this.#at);
    const j = skipSpace(this.#b, this.#at + this.#offset);
    // A list that has no element on one side has another length.
    if (this.#depth > 0 && (this.#a[i] === CLOSE_LIST || this.#b[j] === CLOSE_LIST)) return this.#compareContainer(this.#depth);
    this.#path.depth = this.#depth;
    return this.#walk.compare(i, j);
  }

  /** All of a container, also what was compared of it before. */
  #compareContainer(depth: number): boolean {
    if (depth === 0 || !this.#walk.mayGoOver(this.#at - this.#start[depth]!)) return false;
    this.#found.takeBack(this.#foundBefore[depth]!, this.#wasOver[depth] === 1);
    this.#walk.balance = this.#balanceBefore[depth]!;
    this.#path.changed(depth);
    this.#path.depth = depth - 1;
    this.#depth = depth - 1;
    this.#offset = this.#otherStart[depth]! - this.#start[depth]!;
    return this.#walk.compare(this.#start[depth]!, this.#otherStart[depth]!);
  }

  /** Items that we are in differ. */
  #markItems(): void {
    for (let depth = this.#depth; depth > 0 && this.#differs[depth] === 0; depth--) this.#differs[depth] = 1;
  }
}

/** Behind the string that begins at a quote; beyond `limit` where it does not end before. */
function endOfText(json: Buffer, at: number, limit: number): number {
  at += 1;
  while (at < limit && json[at] !== QUOTE) at += json[at] === BACKSLASH ? 2 : 1;
  return at + 1;
}
