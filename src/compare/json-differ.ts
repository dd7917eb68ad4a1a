import type { FoundList } from './found.ts';
import { JsonPath, POSITION } from './json-path.ts';
import type { PlaceNode } from './json-places.ts';
import { BACKSLASH, CLOSE_LIST, CLOSE_OBJECT, COLON, COMMA, endOfLetters, MAX_DEPTH, OPEN_LIST, OPEN_OBJECT, QUOTE, skipSpace, startOfJson, TYPE_OF } from './json-scan.ts';
import { JsonWalk } from './json-walk.ts';
import { count, PLAIN } from './mask.ts';
import { mismatch } from './mismatch.ts';
import type { CompareRules } from './rules.ts';

/** What comes next. */
const VALUE = 0;
/** A value, or the end of the list that has just begun. */
const FIRST_ELEMENT = 1;
const NAME = 2;
const FIRST_NAME = 3;
const NAME_END = 4;
/** A comma, or the end of the container. */
const AFTER_VALUE = 5;

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
  /** Containers that we are in; the outermost is the first. */
  #depth = 0;
  /** Of each: where it begins on both sides, and whether it is a list. */
  readonly #start = new Int32Array(MAX_DEPTH + 1);
  readonly #otherStart = new Int32Array(MAX_DEPTH + 1);
  readonly #isList = new Uint8Array(MAX_DEPTH + 1);
  /** What had been found when it began. */
  readonly #foundBefore = new Int32Array(MAX_DEPTH + 1);
  readonly #wasOver = new Uint8Array(MAX_DEPTH + 1);
  /** Where the element of a list begins that we are in, and whether it differs. */
  readonly #element = new Int32Array(MAX_DEPTH + 1);
  readonly #otherElement = new Int32Array(MAX_DEPTH + 1);
  readonly #differs = new Uint8Array(MAX_DEPTH + 1);
  /** Elements of a list that differ: start and end of production's, and of the mirror's; and so on. */
  readonly #differing: number[][] = Array.from({ length: MAX_DEPTH + 1 }, () => []);

  /** The walk's balance when a container began. */
  readonly #balanceBefore = new Float64Array(MAX_DEPTH + 1);

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
    this.#next = VALUE;
    this.#depth = 0;
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
      if (!this.#skim(mismatch(this.#a, this.#at, this.#b, this.#offset))) return false;
      if (this.#depth === 0 && this.#next === AFTER_VALUE) return this.#isAtEnd();
      if (!this.#differ()) return false;
    }
  }

  #isAtEnd(): boolean {
    return skipSpace(this.#a, this.#at) === this.#a.length && skipSpace(this.#b, this.#at + this.#offset) === this.#b.length;
  }

  /** What follows is equal up to `limit`; afterwards we are at the first thing that is not wholly before it. */
  #skim(limit: number): boolean {
    const a = this.#a;
    let at = this.#at;
    let next = this.#next;
    for (;;) {
      while (at < limit && a[at]! <= 0x20) at += 1;
      const start = at;
      if (at < limit) at = this.#endOfToken(at, limit);
      if (start >= limit || at > limit) {
        this.#at = start;
        this.#next = next;
        return true;
      }
      switch (a[start]!) {
        case QUOTE:
          if (next <= FIRST_ELEMENT) next = AFTER_VALUE;
          else if (next <= FIRST_NAME) {
            this.#name(start + 1, at - 1);
            next = NAME_END;
          } else return false;
          break;
        case COMMA:
          if (next !== AFTER_VALUE || this.#depth === 0) return false;
          next = this.#comma(at);
          break;
        case COLON:
          if (next !== NAME_END) return false;
          next = VALUE;
          break;
        case OPEN_OBJECT:
        case OPEN_LIST:
          if (next > FIRST_ELEMENT || this.#depth === MAX_DEPTH) return false;
          next = this.#open(start, a[start] === OPEN_LIST);
          break;
        case CLOSE_OBJECT:
        case CLOSE_LIST:
          if (!this.#mayClose(next, a[start] === CLOSE_LIST)) return false;
          next = AFTER_VALUE;
          this.#close(start);
          break;
        default:
          if (next > FIRST_ELEMENT || TYPE_OF[a[start]!] === 0) return false;
          next = AFTER_VALUE;
      }
    }
  }

  /** @returns more than `limit` where it may go on behind it */
  #endOfToken(at: number, limit: number): number {
    const a = this.#a;
    if (a[at] === QUOTE) {
      at += 1;
      while (at < limit && a[at] !== QUOTE) at += a[at] === BACKSLASH ? 2 : 1;
      return at + 1;
    }
    const end = endOfLetters(a, at, limit);
    if (end === at) return at + 1;
    // What stands behind the last letter may be another one on the other side.
    return end === limit ? end + 1 : end;
  }

  #name(start: number, end: number): void {
    this.#path.start[this.#depth] = start;
    this.#path.end[this.#depth] = end;
    this.#path.changed(this.#depth);
  }

  /** @param at behind it @returns what comes next */
  #comma(at: number): number {
    const depth = this.#depth;
    if (this.#isList[depth] === 0) return NAME;
    if (this.#differs[depth] === 1) this.#endElement(at - 1);
    this.#element[depth] = at;
    this.#otherElement[depth] = at + this.#offset;
    this.#path.start[depth]! += 1;
    this.#path.changed(depth);
    return VALUE;
  }

  /** @returns what comes next */
  #open(at: number, isList: boolean): number {
    const depth = (this.#depth += 1);
    this.#start[depth] = at;
    this.#otherStart[depth] = at + this.#offset;
    this.#isList[depth] = isList ? 1 : 0;
    this.#foundBefore[depth] = this.#found.list.length;
    this.#wasOver[depth] = this.#found.isOver ? 1 : 0;
    this.#differs[depth] = 0;
    this.#balanceBefore[depth] = this.#walk.balance;
    if (!isList) return FIRST_NAME;
    this.#element[depth] = at + 1;
    this.#otherElement[depth] = at + 1 + this.#offset;
    this.#differing[depth]!.length = 0;
    this.#path.start[depth] = 0;
    this.#path.end[depth] = POSITION;
    this.#path.changed(depth);
    return FIRST_ELEMENT;
  }

  #mayClose(next: number, isList: boolean): boolean {
    if (this.#depth === 0 || (this.#isList[this.#depth] === 1) !== isList) return false;
    return next === AFTER_VALUE || next === (isList ? FIRST_ELEMENT : FIRST_NAME);
  }

  #close(at: number): void {
    const depth = this.#depth;
    if (this.#differs[depth] === 1) this.#endElement(at);
    this.#depth -= 1;
    this.#path.changed(depth);
    if (this.#isList[depth] === 1 && this.#differing[depth]!.length > 4) this.#checkOrder(depth);
  }

  #endElement(end: number): void {
    const depth = this.#depth;
    this.#differs[depth] = 0;
    if (this.#isList[depth] === 0) return;
    this.#differing[depth]!.push(this.#element[depth]!, end, this.#otherElement[depth]!, end + this.#offset);
  }

  /** Elements of a list of which several differ may be the same in another order. */
  #checkOrder(depth: number): void {
    this.#path.depth = depth - 1;
    if (!this.#walk.isReordered(this.#differing[depth]!, this.#balanceBefore[depth]!)) return;
    this.#found.takeBack(this.#foundBefore[depth]!, this.#wasOver[depth] === 1);
    const found = this.#found.add(this.#path.node().place, 'order');
    found?.ofProduction.setText(PLAIN, count(this.#path.start[depth]! + 1, 'element'));
    found?.ofMirror.setText(PLAIN, 'the same in another order');
  }

  /** Something differs that begins here; afterwards we are behind what was compared. */
  #differ(): boolean {
    const { reports } = this.#found;
    const keyed = this.#hasKeyed ? this.#keyedList() : 0;
    const isValue = keyed === 0 && this.#next <= FIRST_ELEMENT;
    if (isValue ? !this.#compareValue() : !this.#compareContainer(keyed === 0 ? this.#depth : keyed)) return false;
    this.#next = AFTER_VALUE;
    this.#at = this.#walk.i;
    if (this.#found.reports > reports) this.#markElements();
    this.#offset = this.#walk.j - this.#at;
    return true;
  }

  /** The outermost list that we are in whose order says nothing, or 0. */
  #keyedList(): number {
    for (let depth = 1; depth <= this.#depth; depth++) {
      this.#path.depth = depth - 1;
      if (this.#isList[depth] === 1 && this.#path.node().key !== null) return depth;
    }
    return 0;
  }

  #compareValue(): boolean {
    const i = skipSpace(this.#a, this.#at);
    const j = skipSpace(this.#b, this.#at + this.#offset);
    // A list that has no element on one side has another length.
    if (this.#next === FIRST_ELEMENT && (this.#a[i] === CLOSE_LIST || this.#b[j] === CLOSE_LIST)) return this.#compareContainer(this.#depth);
    this.#path.depth = this.#depth;
    return this.#walk.compare(i, j);
  }

  /** All of a container, also what was compared of it before. */
  #compareContainer(depth: number): boolean {
    if (depth === 0 || !this.#walk.mayGoOver(this.#at - this.#start[depth]!)) return false;
    this.#found.takeBack(this.#foundBefore[depth]!, this.#wasOver[depth] === 1);
    this.#path.changed(depth);
    this.#path.depth = depth - 1;
    this.#depth = depth - 1;
    this.#offset = this.#otherStart[depth]! - this.#start[depth]!;
    return this.#walk.compare(this.#start[depth]!, this.#otherStart[depth]!);
  }

  /** Elements that we are in differ. */
  #markElements(): void {
    for (let depth = this.#depth; depth > 0 && this.#differs[depth] === 0; depth--) this.#differs[depth] = 1;
  }
}
