import { randomInt } from 'node:crypto';
import { Decimal } from './json-number.ts';
import type { PlaceNode } from './json-places.ts';
import {
  BOOLEAN, CLOSE_LIST, CLOSE_OBJECT, endOfNumber, endOfString, endOfWord, LIST, nextItem, NUMBER, OBJECT, QUOTE, skipSpace, startOfNamed,
  STRING, TYPE_OF,
} from './json-scan.ts';
import { eachByte, nameOf } from './json-string.ts';

/** Drawn anew by each process, so that nobody can prepare values that look the same. */
const SEED_A = randomInt(2 ** 31);
const SEED_B = randomInt(2 ** 31);

const decimal = new Decimal();

/**
 * Tells values of JSON apart whatever their order of members, spaces and escapes: a hash of 53 bits. What the policy
 * ignores does not count. Values must be no deeper than MAX_DEPTH.
 */
export class JsonHash {
  #json: Buffer = Buffer.alloc(0);
  #at = 0;
  #a = 0;
  #b = 0;

  /**
   * @param at of the value or of spaces before it
   * @param node of its place where rules may say something of it or what is in it, else null
   * @returns -1 for what is no JSON
   */
  of(json: Buffer, at: number, node: PlaceNode | null): number {
    this.#json = json;
    this.#at = skipSpace(json, at);
    this.#value(node);
    return this.#at < 0 ? -1 : (this.#a >>> 0) * 2 ** 21 + (this.#b >>> 11);
  }

  byte(byte: number): void {
    this.#a = Math.imul(this.#a ^ byte, 0x01000193);
    this.#b = Math.imul(this.#b ^ byte, 0x5bd1e995) + 1;
  }

  #value(node: PlaceNode | null): void {
    const json = this.#json;
    const start = this.#at;
    if (start < 0 || start >= json.length) return this.#stop();
    const type = TYPE_OF[json[start]!]!;
    if (type === OBJECT) return this.#members(node);
    if (type === LIST) return this.#elements(node);
    this.#begin(type);
    if (type === STRING) this.#string();
    else if (type === NUMBER) this.#number();
    else {
      if (type === BOOLEAN) this.byte(json[start]!);
      this.#at = endOfWord(json, start);
    }
    this.#finish();
  }

  #members(node: PlaceNode | null): void {
    const json = this.#json;
    let sumA = OBJECT;
    let sumB = OBJECT;
    this.#at = skipSpace(json, this.#at + 1);
    for (; this.#at >= 0 && json[this.#at] !== CLOSE_OBJECT; this.#at = nextItem(json, this.#at, CLOSE_OBJECT)) {
      const nameAt = this.#at;
      if (json[nameAt] !== QUOTE) return this.#stop();
      this.#begin(OBJECT);
      this.#string();
      if (this.#at < 0) return;
      this.#finish();
      const nameA = this.#a;
      const nameB = this.#b;
      const child = node === null ? null : this.#childOf(node, nameAt);
      this.#at = startOfNamed(json, this.#at);
      this.#value(child);
      if (child?.ignored === true) continue;
      sumA = (sumA + mix(this.#a ^ Math.imul(nameA, 0x9e3779b1))) | 0;
      sumB = (sumB + mix(this.#b ^ Math.imul(nameB, 0x85ebca6b))) | 0;
    }
    if (this.#at < 0) return;
    this.#at += 1;
    this.#a = mix(sumA);
    this.#b = mix(sumB);
  }

  #elements(node: PlaceNode | null): void {
    const json = this.#json;
    const isKeyed = node !== null && node.key !== null;
    let sumA = LIST;
    let sumB = LIST;
    let index = 0;
    this.#at = skipSpace(json, this.#at + 1);
    for (; this.#at >= 0 && json[this.#at] !== CLOSE_LIST; this.#at = nextItem(json, this.#at, CLOSE_LIST)) {
      const child = node === null ? null : node.element(index++);
      this.#value(child);
      if (child?.ignored === true) continue;
      sumA = isKeyed ? (sumA + mix(this.#a)) | 0 : mix(Math.imul(sumA, 31) + this.#a);
      sumB = isKeyed ? (sumB + mix(this.#b)) | 0 : mix(Math.imul(sumB, 37) + this.#b);
    }
    if (this.#at < 0) return;
    this.#at += 1;
    this.#a = mix(sumA + 1);
    this.#b = mix(sumB + 1);
  }

  #childOf(node: PlaceNode, nameAt: number): PlaceNode {
    return node.member(nameOf(this.#json, nameAt + 1, this.#at - 1));
  }

  #string(): void {
    const start = this.#at;
    this.#at = endOfString(this.#json, start);
    if (this.#at >= 0) eachByte(this.#json, start + 1, this.#at - 1, this);
  }

  #number(): void {
    const json = this.#json;
    const start = this.#at;
    this.#at = endOfNumber(json, start);
    if (this.#at < 0) return;
    decimal.read(json, start, this.#at);
    if (decimal.isZero) return;
    this.byte(decimal.isNegative ? 1 : 0);
    for (let at = decimal.first; at <= decimal.last; at++) if (json[at] !== 0x2e) this.byte(json[at]!);
    this.byte(decimal.power & 0xff);
    this.byte((decimal.power >> 8) & 0xff);
  }

  #stop(): void {
    this.#at = -1;
  }

  #begin(type: number): void {
    this.#a = SEED_A ^ type;
    this.#b = SEED_B ^ type;
  }

  #finish(): void {
    this.#a = mix(this.#a);
    this.#b = mix(this.#b);
  }
}

/** The last step of MurmurHash3: every bit of the input concerns every bit of the result. */
function mix(hash: number): number {
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
