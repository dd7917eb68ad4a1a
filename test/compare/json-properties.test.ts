import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jsonPlaces } from './differ-support.ts';

const RUN = { numRuns: 2000, interruptAfterTimeLimit: 3000 };

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/** Few names and values, so that two documents often have something in common. */
const { near } = fc.letrec<{ near: Json }>((tie) => ({
  near: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constantFrom<Json>(null, true, false, 0, 1, 10, -1.5, 1e21, '', 'a', 'b', 'é', '"\\'),
    fc.array(tie('near'), { maxLength: 4 }),
    fc.dictionary(fc.constantFrom('a', 'b', 'c', 'ü', '/~'), tie('near'), { maxKeys: 4, noNullPrototype: true }),
  ),
}));
const anything = fc.jsonValue({ maxDepth: 6 }) as fc.Arbitrary<Json>;

/** Draws numbers below 1 out of a seed, so that a failure can be repeated. */
type Draw = () => number;

function drawing(seed: number): Draw {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function shuffled<T>(items: readonly T[], draw: Draw): T[] {
  return items.map((item) => [draw(), item] as const).sort(([a], [b]) => a - b).map(([, item]) => item);
}

/** The same document, written in another way. */
function spell(value: Json, draw: Draw): string {
  const space = (): string => (draw() < 0.2 ? [' ', '\n', '\t', '\r\n  '][Math.floor(draw() * 4)]! : '');
  const write = (inner: Json): string => space() + spell(inner, draw) + space();
  if (typeof value === 'string') return spellString(value, draw);
  if (typeof value === 'number') return spellNumber(value, draw);
  if (value === null || typeof value === 'boolean') return String(value);
  if (Array.isArray(value)) return `[${value.map(write).join(',')}${value.length === 0 ? space() : ''}]`;
  const members = shuffled(Object.entries(value), draw).map(([name, inner]) => `${space()}${spellString(name, draw)}${space()}:${write(inner)}`);
  return `{${members.join(',')}${members.length === 0 ? space() : ''}}`;
}

function spellString(text: string, draw: Draw): string {
  const plain = JSON.stringify(text);
  if (draw() < 0.5) return plain;
  // Halves of surrogate pairs are escaped by JSON.stringify; what is left are whole characters.
  const units = Array.from({ length: text.length }, (_, i) => text.charCodeAt(i));
  const escaped = (unit: number): string => `\\u${unit.toString(16).padStart(4, '0')[draw() < 0.5 ? 'toUpperCase' : 'toLowerCase']()}`;
  if (draw() < 0.5) return `"${units.map(escaped).join('')}"`;
  return plain.replace(/(?<!\\)\//g, '\\/');
}

function spellNumber(number: number, draw: Draw): string {
  const plain = JSON.stringify(number);
  const kind = draw();
  if (kind < 0.5 || plain.includes('e')) return plain;
  if (kind < 0.7) return plain.includes('.') ? `${plain}00` : `${plain}.000`;
  const exponent = Math.floor(draw() * 4);
  const [, sign, whole, fraction] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(plain)!;
  const padded = (fraction ?? '').padEnd(exponent, '0');
  const digits = `${whole}${padded.slice(0, exponent)}`.replace(/^0+(?=\d)/, '');
  return `${sign}${digits}${padded.length > exponent ? `.${padded.slice(exponent)}` : ''}${['e-', 'E-'][Math.floor(draw() * 2)]}${exponent}`;
}

/** With 0 for -0, which are the same here. */
function plain(value: Json): Json {
  return JSON.parse(JSON.stringify(value)) as Json;
}

describe('two documents of JSON', () => {
  it('do not differ by spaces, order of members, escapes, or how numbers are written', () => {
    fc.assert(
      fc.property(fc.oneof(near, anything), fc.integer(), fc.integer(), (value, one, other) => {
        expect(jsonPlaces(spell(value, drawing(one)), spell(value, drawing(other)))).toEqual([]);
      }),
      RUN,
    );
  });

  it('differ exactly when their values do', () => {
    fc.assert(
      fc.property(near, near, fc.integer(), (a, b, seed) => {
        const draw = drawing(seed);
        const [one, other] = draw() < 0.5 ? [JSON.stringify(a), JSON.stringify(b)] : [spell(a, draw), spell(b, draw)];
        expect(jsonPlaces(one, other).length === 0).toBe(isDeepStrictEqual(plain(a), plain(b)));
      }),
      RUN,
    );
  });

  it('differ at the same places whatever form they have', () => {
    fc.assert(
      fc.property(fc.array(near, { maxLength: 3 }), fc.array(near, { maxLength: 3 }), (a, b) => {
        const compact = jsonPlaces(JSON.stringify({ a, b: 1 }), JSON.stringify({ a: b, b: 1 }));
        expect(jsonPlaces(JSON.stringify({ a, b: 1 }, null, 2), JSON.stringify({ b: 1, a: b }))).toEqual(compact);
      }),
      RUN,
    );
  });

  it('of which one value is another differ there, and nowhere else', () => {
    fc.assert(
      fc.property(fc.oneof(near, anything), fc.integer(), fc.boolean(), (value, seed, isRespelt) => {
        const draw = drawing(seed);
        const { document, where } = changed(value, draw);
        const write = (json: Json): string => (isRespelt ? spell(json, draw) : JSON.stringify(json));
        const places = jsonPlaces(write(value), write(document));
        expect(places.map((place) => place.replace(/^\w+ /, ''))).toEqual([where]);
      }),
      RUN,
    );
  });

  it('differ by the order of a list where it has the same elements', () => {
    fc.assert(
      fc.property(fc.uniqueArray(near, { minLength: 2, maxLength: 6, comparator: (a, b) => isDeepStrictEqual(plain(a), plain(b)) }), fc.integer(), fc.boolean(), (list, seed, isRespelt) => {
        const draw = drawing(seed);
        const write = (json: Json): string => (isRespelt ? spell(json, draw) : JSON.stringify(json));
        const turned = [...list.slice(1), list[0]!];
        const distinct = list.map((element, i) => ({ id: i, element }));
        expect(jsonPlaces(write(list), write(turned))).toEqual(['order body']);
        expect(jsonPlaces(write({ list: distinct }), write({ list: [...distinct].reverse() }))).toEqual(['order body /list']);
        expect(jsonPlaces(write(list), write(turned), { keyed: [{ pointer: '', key: '' }] })).toEqual([]);
        expect(jsonPlaces(write({ list: distinct }), write({ list: shuffled(distinct, draw) }), { keyed: [{ pointer: '/list', key: '/id' }] })).toEqual([]);
      }),
      RUN,
    );
  });

  it('are equal or not whatever is broken in one of them, and nothing throws', () => {
    fc.assert(
      fc.property(near, fc.nat(), fc.nat(255), fc.constantFrom('change', 'cut', 'insert', 'remove'), (value, where, byte, how) => {
        const one = Buffer.from(JSON.stringify(value));
        const at = where % one.length;
        const rest = { change: at + 1, cut: one.length, insert: at, remove: at + 1 }[how];
        const other = Buffer.concat([one.subarray(0, at), Buffer.from(how === 'change' || how === 'insert' ? [byte] : []), one.subarray(rest)]);
        fc.pre(other.length > 0);
        const parsed = parse(other);
        const isEqual = parsed === undefined ? one.equals(other) : isDeepStrictEqual(plain(parsed), plain(value));
        expect(jsonPlaces(one, other).length === 0).toBe(isEqual);
        expect(jsonPlaces(other, one).length === 0).toBe(isEqual);
      }),
      RUN,
    );
  });
});

/** undefined for what is no JSON in UTF-8. */
function parse(bytes: Buffer): Json | undefined {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as Json;
  } catch {
    return undefined;
  }
}

/** A document in which one value that is no container, or an empty one, is another, and how its place is called. */
function changed(value: Json, draw: Draw, where = 'body'): { document: Json; where: string } {
  const below = (step: string): string => `${where === 'body' ? 'body ' : where}/${step}`;
  if (Array.isArray(value) && value.length > 0) {
    const at = Math.floor(draw() * value.length);
    const inner = changed(value[at]!, draw, below('-'));
    return { document: value.with(at, inner.document), where: inner.where };
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0) {
    const names = Object.keys(value);
    const name = names[Math.floor(draw() * names.length)]!;
    const inner = changed(value[name]!, draw, below(shown(name)));
    return { document: Object.fromEntries(Object.entries(value).map(([key, old]) => [key, key === name ? inner.document : old])), where: inner.where };
  }
  return { document: value === 4711 ? 4712 : draw() < 0.5 ? 4711 : 'something else', where };
}

function shown(name: string): string {
  return isMadeUp(name) ? '*' : name.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '\ufffd').replaceAll('~', '~0').replaceAll('/', '~1');
}

/** Digits alone, or with an at sign, are no names. */
function isMadeUp(name: string): boolean {
  return /\d{5}|^[-+]?\d[\d.,:]*$/.test(name) || (name.length >= 4 && /@|^[0-9a-f]{8,}$/i.test(name));
}
