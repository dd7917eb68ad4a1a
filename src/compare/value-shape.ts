/** Forms of values that programs make up anew each time; of all of them at least six characters. */
const SHAPES: readonly RegExp[] = [
  // UUID (RFC 9562), ULID, KSUID and object ids; hexadecimal digests and trace ids.
  /^\{?[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\}?$/i,
  /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/,
  /^(?:[0-9a-f]{2}){8,64}$/i,
  // Traceparent (W3C Trace Context).
  /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/,
  // Entity tags (RFC 9110 section 8.8.3) of a digest or a time.
  /^(?:W\/)?"[0-9A-Za-z+/=_-]{6,128}"$/,
  // Times: RFC 3339, the HTTP date, and seconds to nanoseconds since 1970, from 2001 to 2286.
  /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?$/,
  /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/,
  /^[1-9](?:\d{9}|\d{12}|\d{15}|\d{18})(?:\.\d{1,9})?$/,
];

/** Base64, base62 and their like of at least 96 bits, with letters and digits mixed, optionally behind a prefix such as `ord_`. */
const TOKEN = /^(?:[a-z]{1,12}[_-])?[0-9A-Za-z+/_-]{16,4096}={0,2}(?:\.[0-9A-Za-z_-]{1,4096}){0,2}$/;
const LONGEST = 16_384;

/**
 * Whether two values that differ look as if programs make them up anew each time: both of the same form out of ids, tokens,
 * digests and times. It is a guess from the looks alone, for places of which nothing better is known.
 */
export function looksRandom(production: string, mirror: string): boolean {
  if (production.length < 6 || mirror.length < 6 || production.length > LONGEST || mirror.length > LONGEST) return false;
  return SHAPES.some((shape) => shape.test(production) && shape.test(mirror)) || (isToken(production) && isToken(mirror));
}

/** Words and numbers with separators are no tokens: those have letters of a kind and digits without order. */
function isToken(value: string): boolean {
  return TOKEN.test(value) && /\d/.test(value) && /[a-z]/.test(value) && changes(value) * 4 > value.length;
}

/** How often capitals, small letters and digits follow each other. */
function changes(value: string): number {
  let count = 0;
  let before = 0;
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    const sort = code < 0x3a ? 1 : code < 0x5b ? 2 : 3;
    if (sort !== before) count++;
    before = sort;
  }
  return count;
}
