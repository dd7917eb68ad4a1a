import { looksRandom } from './chance.ts';

/** What stands in a template for a value. */
export type Placeholder = '{id}' | '{uuid}' | '{date}' | '{email}' | '{value}';

/** Longer segments are values. */
const MAX_LENGTH = 64;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
/** RFC 3339, its date alone, a month of a year. */
const DATE = /^(?:19|20)\d\d-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12]\d|3[01])(?:T[\d:.]{4,15}(?:Z|[+-][\d:]{4,5})?)?)?$/i;
const EMAIL = /^[^@]+(?:@|%40)[a-z][\w-]*(?:\.[\w-]+)+$/i;
/** https://github.com/ulid/spec */
const ULID = /^[0-7][0-9a-hjkmnp-tv-z]{25}$/i;
/** What a template may have in braces. */
const PLACEHOLDER = /\{(?:id|uuid|date|email|value|more)\}/g;
/** A name whose last part begins with a letter, as file names have it. */
const FILE = /^(.+)\.([a-z][a-z0-9]{0,7})$/i;
/** Words and what may be a hash, as in `index-BkX3f9aQ.js`. */
const HASHED = /^([a-z][a-z_-]*[-_])([0-9a-z]{8,32})$/i;

/** What can be seen of a text in one pass. */
interface Shape {
  readonly digits: number;
  readonly lower: number;
  readonly upper: number;
  readonly hex: number;
  /** Of `MARKS`. */
  readonly marks: number;
  readonly dots: number;
  /** Places where a letter stands beside a digit. */
  readonly changes: number;
  /** Digits at the end. */
  readonly tail: number;
}

/**
 * What a segment of a path looks like without what is surely a value: `42` gives `{id}`, `app.3f9a.js` gives `app.{id}.js`,
 * `cart;user=42` gives `cart;user={id}`; a word stays as it is. Giving it what it has returned changes nothing.
 */
export function generalise(segment: string): string {
  if (segment.length > MAX_LENGTH || !isVisible(segment)) return '{value}';
  if (segment.includes('{')) return segment.replace(PLACEHOLDER, '').includes('{') ? '{value}' : segment;
  const general = segment.includes(';') ? generaliseMatrix(segment) : generaliseName(segment);
  return general.length > MAX_LENGTH ? '{value}' : general;
}

/** Parameters of a segment, RFC 3986 section 3.3. */
function generaliseMatrix(segment: string): string {
  const [name = '', ...parameters] = segment.split(';');
  const general = parameters.map((parameter) => {
    const start = parameter.indexOf('=') + 1;
    const value = parameter.slice(start);
    return parameter.slice(0, start) + (start > 0 || looksRandom(value) ? (placeholderOf(value) ?? value) : value);
  });
  return [generaliseName(name), ...general].join(';');
}

function generaliseName(name: string): string {
  const placeholder = placeholderOf(name);
  if (placeholder !== null) return placeholder;
  const file = name.includes('.') ? FILE.exec(name) : null;
  // Parts of signed tokens are divided by dots, too (RFC 7515 section 3.1).
  if (file === null) return looksRandom(name) ? '{id}' : name;
  const [, stem = '', extension = ''] = file;
  const parts = stem.split('.');
  if (parts.length > 1) return [...parts.map((part, index) => (index > 0 && isHash(part, 4) ? '{id}' : partWithoutHash(part))), extension].join('.');
  const unhashed = withoutHash(stem);
  return `${unhashed === stem ? (placeholderOf(stem) ?? stem) : unhashed}.${extension}`;
}

function partWithoutHash(part: string): string {
  const unhashed = withoutHash(part);
  return looksRandom(unhashed) ? '{id}' : unhashed;
}

function withoutHash(stem: string): string {
  const match = HASHED.exec(stem);
  return match !== null && isHash(match[2]!, 8) ? `${match[1]!}{id}` : stem;
}

/** In a file's name, where it is known what a hash looks like, less is needed to know one. */
function isHash(text: string, least: number): boolean {
  if (text.length < least) return false;
  const { digits, lower, upper, hex, changes } = shapeOf(text);
  if (digits + lower + upper < text.length) return false;
  return (hex === text.length && digits > 0) || (upper > 0 && lower > 0 && digits > 0 && changes > 1) || isToken(text);
}

function placeholderOf(text: string): Placeholder | null {
  const length = text.length;
  if (length === 0) return null;
  if (length === 36 && UUID.test(text)) return '{uuid}';
  const { digits, hex, marks, dots, tail } = shapeOf(text);
  if (digits === length) return '{id}';
  if (digits >= 6 && DATE.test(text)) return '{date}';
  if (length >= 5 && EMAIL.test(text)) return '{email}';
  if (digits >= 5 && digits + marks + dots === length) return '{id}';
  if (hex === length && (length >= 16 || (length >= 8 && digits > 1))) return '{id}';
  if (digits > 0 && length === 26 && ULID.test(text)) return '{id}';
  return tail >= 5 || isToken(text) ? '{id}' : null;
}

/** Made by chance: digits among letters, more than names have, or what no names have. */
function isToken(text: string): boolean {
  if (looksRandom(text) && !text.includes('.')) return true;
  const { digits, lower, upper, marks, changes } = shapeOf(text);
  if (digits + lower + upper + marks < text.length) return false;
  const oneCase = lower === 0 || upper === 0;
  return oneCase ? text.length >= 16 && digits >= 4 && changes >= 4 : text.length >= 10 && digits >= 2 && changes >= 3;
}

function shapeOf(text: string): Shape {
  let digits = 0;
  let lower = 0;
  let upper = 0;
  let hex = 0;
  let marks = 0;
  let dots = 0;
  let changes = 0;
  let tail = 0;
  let previous = '';
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    let kind = '';
    if (code >= 0x30 && code <= 0x39) {
      kind = 'digit';
      digits++;
      hex++;
      tail++;
    } else {
      tail = 0;
      const folded = code | 0x20;
      if (folded >= 0x61 && folded <= 0x7a) {
        kind = 'letter';
        if (code === folded) lower++;
        else upper++;
        if (folded <= 0x66) hex++;
      } else if (code === DOT) dots++;
      else if (MARKS.includes(text[i]!)) marks++;
    }
    if (kind !== previous && kind !== '' && previous !== '') changes++;
    previous = kind;
  }
  return { digits, lower, upper, hex, marks, dots, changes, tail };
}

const DOT = 0x2e;
const MARKS = '-_,:+=~';

function isVisible(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code <= 0x20 || code >= 0x7f) return false;
  }
  return true;
}
