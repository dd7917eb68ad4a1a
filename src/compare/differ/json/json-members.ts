import { Chains } from '../chains.ts';
import { BACKSLASH, CLOSE_OBJECT, endOfString, nextItem, QUOTE, skipValue, startOfNamed } from './json-scan.ts';
import { nameOf } from './json-string.ts';

/** In larger objects members are found by a map. */
const FEW = 32;
/** Objects with more members are not put in order. */
const MAX_MEMBERS = 65_536;
/** Numbers for each member: where its name begins and ends, without quotes, and where its value begins, -1 once it was taken. */
const EACH = 3;

/** @param at of a name @returns behind its closing quote, -1 where there is no name */
export function endOfName(json: Buffer, at: number): number {
  return json[at] === QUOTE ? endOfString(json, at) : -1;
}

/** Members of an object, to be taken by name. Of those with the same name, one after the other. Their values are not looked into. */
export class Members {
  /** Where the object closes. */
  readonly end: number;
  readonly #json: Buffer;
  readonly #members: number[];
  /** Where there are many, or where escapes say that bytes do not tell. */
  readonly #byName: Chains<string> | null;

  private constructor(json: Buffer, members: number[], end: number, hasEscape: boolean) {
    this.#json = json;
    this.#members = members;
    this.end = end;
    this.#byName = hasEscape || members.length > FEW * EACH ? new Chains(this.#names()) : null;
  }

  /** @param at of a name or of the closing brace @returns null where this is no JSON, or too much */
  static read(json: Buffer, at: number): Members | null {
    const members: number[] = [];
    let hasEscape = false;
    while (json[at] !== CLOSE_OBJECT) {
      const nameEnd = endOfName(json, at);
      const value = startOfNamed(json, nameEnd);
      if (value < 0 || members.length === MAX_MEMBERS * EACH) return null;
      members.push(at + 1, nameEnd - 1, value);
      for (let k = at; k < nameEnd; k++) if (json[k] === BACKSLASH) hasEscape = true;
      if ((at = nextItem(json, skipValue(json, value), CLOSE_OBJECT)) < 0) return null;
    }
    return new Members(json, members, at, hasEscape);
  }

  get count(): number {
    return this.#members.length / EACH;
  }

  /** @param json that has the name @returns where the value of the next member with this name begins, or -1 */
  take(json: Buffer, start: number, end: number): number {
    const members = this.#members;
    if (this.#byName !== null) {
      const member = this.#byName.take(nameOf(json, start, end));
      return member < 0 ? -1 : this.#take(member * EACH);
    }
    for (let k = 0; k < members.length; k += EACH) {
      if (members[k + 2]! >= 0 && members[k + 1]! - members[k]! === end - start && this.#isNamed(json, start, end, members[k]!)) return this.#take(k);
    }
    // Bytes do not tell where the name that is looked for has an escape.
    const name = nameOf(json, start, end);
    const member = name.length === end - start ? -1 : this.#names().findIndex((other, k) => other === name && members[k * EACH + 2]! >= 0);
    return member < 0 ? -1 : this.#take(member * EACH);
  }

  /** Those that were not taken. */
  rest(): { readonly name: string; readonly value: number }[] {
    const rest: { readonly name: string; readonly value: number }[] = [];
    for (let k = 0; k < this.#members.length; k += EACH) {
      const value = this.#members[k + 2]!;
      if (value >= 0) rest.push({ name: nameOf(this.#json, this.#members[k]!, this.#members[k + 1]!), value });
    }
    return rest;
  }

  #take(k: number): number {
    const value = this.#members[k + 2]!;
    this.#members[k + 2] = -1;
    return value;
  }

  #isNamed(json: Buffer, start: number, end: number, at: number): boolean {
    for (let k = start; k < end; k++, at++) if (json[k] !== this.#json[at]) return false;
    return true;
  }

  #names(): string[] {
    const names: string[] = [];
    for (let k = 0; k < this.#members.length; k += EACH) names.push(nameOf(this.#json, this.#members[k]!, this.#members[k + 1]!));
    return names;
  }
}
