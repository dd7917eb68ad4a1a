import { CLOSE_LIST, CLOSE_OBJECT, endOfString, endOfValue, nextItem, QUOTE, startOfNamed } from './json-scan.ts';
import { nameOf } from './json-string.ts';

/** What is in a container, from some item on. */
export interface Items {
  /** Of members; empty for elements. */
  readonly names: readonly string[];
  /** Where their values begin. */
  readonly values: readonly number[];
  /** Where the container closes. */
  readonly end: number;
}

/** More in one container are not put in order. */
const MAX_ITEMS = 65_536;

/** @param at of a name @returns behind its closing quote, -1 where there is no name */
export function endOfName(json: Buffer, at: number): number {
  return json[at] === QUOTE ? endOfString(json, at) : -1;
}

/** @param at of a name or of the closing brace @param depth of the values @returns null where this is no JSON, or too much */
export function readMembers(json: Buffer, at: number, depth: number): Items | null {
  const names: string[] = [];
  const values: number[] = [];
  while (json[at] !== CLOSE_OBJECT) {
    const nameEnd = endOfName(json, at);
    if (nameEnd < 0 || values.length === MAX_ITEMS) return null;
    names.push(nameOf(json, at + 1, nameEnd - 1));
    at = startOfNamed(json, nameEnd);
    if (at < 0) return null;
    values.push(at);
    if ((at = nextItem(json, endOfValue(json, at, depth), CLOSE_OBJECT)) < 0) return null;
  }
  return { names, values, end: at };
}

/** @param at of an element or of the closing bracket, else likewise */
export function readElements(json: Buffer, at: number, depth: number): Items | null {
  const values: number[] = [];
  while (json[at] !== CLOSE_LIST) {
    if (values.length === MAX_ITEMS) return null;
    values.push(at);
    if ((at = nextItem(json, endOfValue(json, at, depth), CLOSE_LIST)) < 0) return null;
  }
  return { names: NO_NAMES, values, end: at };
}

const NO_NAMES: readonly string[] = [];
