import { ruled, text, type CelRule } from './shape.ts';

const EXPECTS = 'a JSON pointer such as /card/number or /items/*/price';
const MAX_ELEMENTS = 32;
const TOO_DEEP = `give a pointer of at most ${MAX_ELEMENTS} elements`;

/** @param expects completes "give ..." @returns what is wrong with a text that is empty or begins with a slash, or null */
export function pointerProblem(pointer: string, expects: string): string | null {
  if (/~(?![01])/.test(pointer)) return escapes(expects);
  return pointer.split('/').length <= MAX_ELEMENTS + 1 ? null : TOO_DEEP;
}

/** The same for the API server. */
export function pointerCel(expects: string): CelRule[] {
  return [
    { rule: "!self.matches(r'~([^01]|$)')", message: escapes(expects) },
    { rule: `self.split('/').size() <= ${MAX_ELEMENTS + 1}`, message: TOO_DEEP },
  ];
}

function escapes(expects: string): string {
  return `give ${expects}; write ~0 for ~ and ~1 for / in names`;
}

/** A field of JSON content: RFC 6901 without the pointer to the whole document, with `*` for every name or position. */
export const POINTER = ruled(
  text({ description: 'A pointer; the element `*` stands for every name or position.', expects: EXPECTS, pattern: '^/', maxLength: 512 }),
  (pointer) => pointerProblem(pointer, EXPECTS),
  pointerCel(EXPECTS),
);
