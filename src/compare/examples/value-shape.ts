import { kindOf } from './kinds.ts';

/** Kinds of texts that programs draw by lot. */
const DRAWN: ReadonlySet<string | null> = new Set(['uuid', 'token', 'JWT']);

/** Other forms of values that programs make up anew each time. */
const SHAPES: readonly RegExp[] = [
  // Digests and trace ids, object ids, ULIDs, traceparent (W3C Trace Context).
  /^(?:[0-9a-f]{2}){8,64}$/i,
  /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/,
  /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/,
  // Entity tags (RFC 9110 section 8.8.3) of a digest or a time.
  /^(?:W\/)?"[0-9A-Za-z+/=_:-]{6,128}"$/,
  // Times: RFC 3339, the HTTP date, and seconds to nanoseconds since 1970, from 2001 to 2286.
  /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?$/,
  /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/,
  /^[1-9](?:\d{9}|\d{12}|\d{15}|\d{18})(?:\.\d{1,9})?$/,
];

/** Of ids, tokens and times none is shorter, and what is longer is content. */
const SHORTEST = 6;
const LONGEST = 4_096;

/**
 * Whether two values that differ look as if programs make them up anew each time: both of the same form out of ids, tokens,
 * digests and times. It is a guess from the looks alone, for places of which nothing better is known.
 */
export function looksRandom(production: string, mirror: string): boolean {
  if (Math.min(production.length, mirror.length) < SHORTEST || Math.max(production.length, mirror.length) > LONGEST) return false;
  if (SHAPES.some((shape) => shape.test(production) && shape.test(mirror))) return true;
  const kind = kindOf(production);
  return DRAWN.has(kind) && kindOf(mirror) === kind;
}
