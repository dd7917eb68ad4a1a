import { CLOSE_LIST, endOfValue, nextItem } from './json-scan.ts';

/** Elements of a list, from some element on. */
export interface Elements {
  /** Where they begin. */
  readonly values: readonly number[];
  /** Where the list closes. */
  readonly end: number;
}

/** Lists with more elements are not put in order. */
const MAX_ELEMENTS = 65_536;

/** @param at of an element or of the closing bracket @param depth of the elements @returns null where this is no JSON, or too much */
export function readElements(json: Buffer, at: number, depth: number): Elements | null {
  const values: number[] = [];
  while (json[at] !== CLOSE_LIST) {
    if (values.length === MAX_ELEMENTS) return null;
    values.push(at);
    if ((at = nextItem(json, endOfValue(json, at, depth), CLOSE_LIST)) < 0) return null;
  }
  return { values, end: at };
}
