import { describe, expect, it } from 'vitest';
import { cpuMsOf } from '../support/cpu.ts';
import { allOf, answer, differ, jsonAnswer, jsonPlaces, question } from './differ-support.ts';

/** Milliseconds, once it is warm. */
function timeOf(work: () => void): number {
  work();
  return cpuMsOf(work);
}

/** Compared so often, because a thread's processor time is told in steps of some milliseconds. */
const TIMES = 6;

/** How many times longer one of 8 times the size takes than 8: about once where time grows with size, 8 times where it grows with its square. */
function growth(work: (size: number) => void): number {
  const cost = (size: number, times: number): number => Math.min(...[1, 2].map(() => cpuMsOf(() => numbers(times).forEach(() => work(size)))));
  return cost(8_000, TIMES) / Math.max(cost(1_000, 8 * TIMES), 4);
}

const numbers = (size: number): number[] => Array.from({ length: size }, (_, i) => i);

function compare(production: string, mirror: string, spec = {}): void {
  differ(spec).differences(question(), jsonAnswer(production), jsonAnswer(mirror));
}

function compareText(production: string, mirror: string): void {
  differ().differences(question(), answer({ body: Buffer.from(production) }), answer({ body: Buffer.from(mirror) }));
}

/** Documents with `size` members or elements, made of their number. */
const members = (size: number, write: (n: number) => string): string => `{${numbers(size).map(write).join(',')}}`;
const elements = (size: number, write: (n: number) => string): string => `[${numbers(size).map(write).join(',')}]`;
const BY_ID = { keyed: [{ pointer: '', key: '/id' }] };

describe('time grows with size, not with its square', () => {
  it.each<[string, (size: number) => void]>([
    ['members in another order', (size) => compare(members(size, (n) => `"a${n}":1`), members(size, (n) => `"a${size - 1 - n}":1`))],
    ['members with one name', (size) => compare(`{"x":0,${members(size, (n) => `"a":${n}`).slice(1)}`, `${members(size, (n) => `"a":${n}`).slice(0, -1)},"x":0}`)],
    ['names with escapes', (size) => compare(members(size, (n) => `"a${n}":1`), members(size, (n) => `"\\u0061${size - 1 - n}":0`))],
    ['a list in another order', (size) => compare(elements(size, String), elements(size, (n) => String(size - 1 - n)))],
    ['a keyed list with one key', (size) => compare(elements(size, (n) => `{"id":1,"n":${n}}`), elements(size, (n) => `{"id":1,"n":-${n}}`), BY_ID)],
    ['elements that differ', (size) => compare(elements(size, (n) => `{"n":${n}}`), elements(size, (n) => `{"n":${n + 1}}`))],
    ['members that are missing, one by one', (size) => compare(elements(size, (n) => `{"a":${n},"b":1}`), elements(size, () => '{"b":1}'))],
    ['long numbers', (size) => compare(`[${'1'.repeat(size)},${'0'.repeat(size)}]`, `[${'1'.repeat(size)}.0,0.${'0'.repeat(size)}]`)],
    ['long texts with escapes', (size) => compare(`["${'\\u0061'.repeat(size)}"]`, `["${'a'.repeat(size)}"]`)],
    ['spaces', (size) => compare(`[${' '.repeat(size)}1,2]`, `[1,${' '.repeat(size)}3]`)],
    ['lines of text', (size) => compareText('a\r\n'.repeat(size), 'a\n'.repeat(size))],
  ])('of %s', (_, work) => {
    expect(growth(work)).toBeLessThan(4);
  });
});

describe('hostile content', () => {
  it('whose order is another on every level is done with in bounded time', () => {
    const nested = (isFirst: boolean): string => {
      let document = `"${'x'.repeat(100_000)}"`;
      for (let depth = 0; depth < 60; depth++) document = isFirst ? `{"a":1,"b":${document}}` : `{"b":${document},"a":1}`;
      return document;
    };
    const [production, mirror] = [nested(true), nested(false)];
    expect(timeOf(() => compare(production, mirror))).toBeLessThan(1000);
    expect(jsonPlaces(production, mirror)).toEqual(['text body']);
  });

  it.each([
    ['brackets', '['.repeat(100_000), '['.repeat(99_999)],
    ['braces', '{"a":'.repeat(50_000), '{"a":'.repeat(49_999)],
    ['a text that does not end', `["${'a'.repeat(100_000)}`, `["${'a'.repeat(99_999)}`],
    ['backslashes', `["${'\\'.repeat(100_001)}`, `["${'\\'.repeat(99_999)}`],
    ['closing brackets', ']'.repeat(1000), `[${']'.repeat(1000)}`],
  ])('of %s is text', (_, production, mirror) => {
    expect(timeOf(() => compare(production, mirror))).toBeLessThan(200);
    expect(jsonPlaces(production, mirror)).toEqual(['text body']);
  });

  it('that is not UTF-8 is compared byte by byte', () => {
    const json = (byte: number): Buffer => Buffer.concat([Buffer.from('{"a":"'), Buffer.from([byte]), Buffer.from('"}')]);
    expect(jsonPlaces(json(0xff), json(0xfe))).toEqual(['field body /a']);
    expect(jsonPlaces(json(0xff), json(0xff))).toEqual([]);
  });

  it('with names that would break lines is shown without', () => {
    const [found] = allOf(differ().differences(question(), jsonAnswer('{"a\\nb\\u202e":1}'), jsonAnswer('{"a\\nb\\u202e":2}')));
    expect(found!.where).toBe('body /a\ufffdb\ufffd');
  });

  it('with the names that JavaScript knows is like any other', () => {
    expect(jsonPlaces('{"__proto__":1,"constructor":2}', '{"constructor":3,"__proto__":1}')).toEqual(['field body /constructor']);
  });

  it('that brings new names forever takes bounded memory', () => {
    const compared = differ();
    for (let n = 0; n < 3000; n++) {
      const inner = (value: number): unknown => Object.fromEntries(numbers(8).map((i) => [letters(n * 8 + i), value]));
      const document = (value: number): string => JSON.stringify({ [letters(n)]: { [letters(n + 1)]: inner(value) } });
      compared.differences(question(), jsonAnswer(document(1)), jsonAnswer(document(2)));
    }
    const before = process.memoryUsage().heapUsed;
    for (let n = 3000; n < 12_000; n++) compared.differences(question(), jsonAnswer(`{"${letters(n)}":1}`), jsonAnswer(`{"${letters(n)}":2}`));
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(64 << 20);
  });
});

/** A name of letters alone. */
function letters(n: number): string {
  return n.toString(26).replace(/\d/g, (digit) => 'qrstuvwxyz'[Number(digit)]!) + 'Name';
}
