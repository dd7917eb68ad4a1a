import type { CompareRules } from '../rules.ts';
import { JsonHash } from './json-hash.ts';
import type { PlaceNode } from './json-places.ts';
import { CLOSE_LIST, CLOSE_OBJECT, endOfString, endOfValue, nextItem, OPEN_LIST, OPEN_OBJECT, skipSpace, startOfNamed } from './json-scan.ts';
import { nameOf } from './json-string.ts';

/** Of elements that have no key. */
const NO_KEY = -1;

/** Tells which elements of two lists belong together. */
export class ElementKeys {
  readonly #hash = new JsonHash();
  readonly #hasRules: boolean;

  constructor({ content, patterns }: CompareRules) {
    this.#hasRules = patterns.length > 0 || content.children.size > 0 || content.every !== null;
  }

  /** @param elements where they begin, known to be JSON @param node of the list, with its key @returns for each its key, equal where keys are */
  of(json: Buffer, elements: readonly number[], node: PlaceNode): number[] {
    const key = node.key ?? [];
    const whole = this.#hasRules ? node.element(-1) : null;
    return elements.map((at) => {
      if (key.length === 0) return this.#hash.of(json, at, whole);
      const value = find(json, at, key);
      return value < 0 ? NO_KEY : this.#hash.of(json, value, null);
    });
  }

  /** A number that is equal for equal values, below 2 ** 31. */
  ofValue(json: Buffer, at: number): number {
    return this.#hash.of(json, at, null) % 2 ** 31;
  }

  /**
   * Whether elements that differ, position by position, are the same in another order.
   * @param differing start and end of an element of `a`, then of the one of `b`; and so on
   */
  isReordered(a: Buffer, b: Buffer, differing: readonly number[], node: PlaceNode): boolean {
    const whole = this.#hasRules ? node.element(-1) : null;
    const counts = new Map<number, number>();
    for (let k = 0; k < differing.length; k += 4) {
      const hash = this.#hash.of(a, differing[k]!, whole);
      if (hash < 0) return false;
      counts.set(hash, (counts.get(hash) ?? 0) + 1);
    }
    for (let k = 2; k < differing.length; k += 4) {
      const hash = this.#hash.of(b, differing[k]!, whole);
      const count = counts.get(hash) ?? 0;
      if (count === 0) return false;
      counts.set(hash, count - 1);
    }
    return true;
  }
}

/** Where the value is that a pointer leads to, or -1. @param at of the value that it starts from */
function find(json: Buffer, at: number, names: readonly string[]): number {
  for (const name of names) {
    if (at < 0) return -1;
    if (json[at] === OPEN_OBJECT) at = findMember(json, at, name);
    else if (json[at] === OPEN_LIST) at = findElement(json, at, name);
    else return -1;
  }
  return at;
}

function findMember(json: Buffer, at: number, name: string): number {
  at = skipSpace(json, at + 1);
  while (json[at] !== CLOSE_OBJECT) {
    const nameEnd = endOfString(json, at);
    const value = startOfNamed(json, nameEnd);
    if (nameOf(json, at + 1, nameEnd - 1) === name) return value;
    at = nextItem(json, endOfValue(json, value, 0), CLOSE_OBJECT);
  }
  return -1;
}

function findElement(json: Buffer, at: number, name: string): number {
  at = skipSpace(json, at + 1);
  for (let index = 0; json[at] !== CLOSE_LIST; index++) {
    if (String(index) === name) return at;
    at = nextItem(json, endOfValue(json, at, 0), CLOSE_LIST);
  }
  return -1;
}
