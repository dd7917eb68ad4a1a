import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { Answer } from '../../src/compare/answer.ts';
import { decode } from '../../src/compare/differ/content.ts';
import type { DiffSpec } from '../../src/compare/differ/rules.ts';
import { cpuMsOf } from '../support/cpu.ts';
import { allOf, answer, differ, jsonAnswer, placesOf, question } from './differ-support.ts';

const TEXT = Buffer.from(JSON.stringify({ words: 'a text that is long enough to be worth the while '.repeat(20) }));

function typed(type: string, body: Buffer | string, ...headers: string[]): Answer {
  return answer({ headers: ['Content-Type', type, ...headers], body: Buffer.from(body) });
}

function places(production: Answer, mirror: Answer, spec: Partial<DiffSpec> = {}): string[] | 'encoding' {
  const found = differ(spec).differences(question(), production, mirror);
  return found === 'encoding' ? found : placesOf(found).filter((place) => !place.includes('header'));
}

const ENCODED: readonly (readonly [string, Buffer])[] = [
  ['gzip', gzipSync(TEXT)],
  ['x-gzip', gzipSync(TEXT)],
  ['GZIP', gzipSync(TEXT)],
  ['deflate', deflateSync(TEXT)],
  ['deflate', deflateRawSync(TEXT)],
  ['br', brotliCompressSync(TEXT)],
  ['zstd', zstdCompressSync(TEXT)],
  ['gzip, br', brotliCompressSync(gzipSync(TEXT))],
  ['identity, gzip', gzipSync(TEXT)],
];

describe('encoded content', () => {
  it.each(ENCODED)('%s is compared as what it was before', (encoding, body) => {
    expect(places(jsonAnswer(TEXT), jsonAnswer(body, ['Content-Encoding', encoding]))).toEqual([]);
    expect(places(jsonAnswer(body, ['Content-Encoding', encoding]), jsonAnswer('{"words":1}'))).toEqual(['type body /words']);
  });

  it.each(ENCODED)('%s that is cut off cannot be compared', (encoding, body) => {
    expect(places(jsonAnswer(body.subarray(0, body.length - 12), ['Content-Encoding', encoding]), jsonAnswer(TEXT))).toBe('encoding');
  });

  it.each(ENCODED)('%s that becomes too large cannot be compared', (encoding, body) => {
    expect(decode(body, encoding, TEXT.length)?.equals(TEXT)).toBe(true);
    expect(decode(body, encoding, TEXT.length - 1)).toBeNull();
  });

  it.each([
    ['compress', TEXT],
    ['gzip', TEXT],
    ['gzip, gzip, gzip', gzipSync(gzipSync(gzipSync(TEXT)))],
    ['gzip, br', gzipSync(TEXT)],
  ])('%s that cannot be undone cannot be compared', (encoding, body) => {
    expect(places(jsonAnswer(body, ['Content-Encoding', encoding]), jsonAnswer(TEXT))).toBe('encoding');
  });

  it('of bombs cannot be compared, in bounded time', () => {
    const zeros = Buffer.alloc(64 << 20);
    for (const [encoding, bomb] of [['gzip', gzipSync(zeros)], ['br', brotliCompressSync(zeros)], ['zstd', zstdCompressSync(zeros)]] as const) {
      const decoding = (): void => expect(places(jsonAnswer(bomb, ['Content-Encoding', encoding]), jsonAnswer(TEXT))).toBe('encoding');
      expect(cpuMsOf(decoding)).toBeLessThan(500);
    }
  });

  it('that is the same on both sides is not even decoded', () => {
    expect(places(jsonAnswer('no gzip', ['Content-Encoding', 'gzip']), jsonAnswer('no gzip', ['content-encoding', 'gzip']))).toEqual([]);
  });

  it('beyond the bound of the policy cannot be compared', () => {
    expect(places(jsonAnswer(TEXT), jsonAnswer('{}'), { maxBodyBytes: 100 })).toBe('encoding');
  });
});

describe('text', () => {
  it.each([
    ['text/plain', 'a\r\nb\n', 'text/plain', 'a\nb\r\n'],
    ['text/plain', '\ufeffa', 'text/plain', 'a'],
    ['text/plain; charset=iso-8859-1', Buffer.from('é', 'latin1'), 'text/plain; charset=utf-8', 'é'],
    ['text/plain', Buffer.from('\ufeffé', 'utf16le'), 'text/plain', 'é'],
    ['', 'a\r\n', 'text/html', 'a\n'],
  ])('of %s %j is equal to %s %j', (type, body, otherType, other) => {
    expect(places(typed(type, body), typed(otherType, other))).toEqual([]);
  });

  it.each([
    ['text/html', '<p>a</p>', '<p>b</p>'],
    ['application/x-ndjson', '{"a":1}\n{"a":2}\n', '{"a":1}\n{"a":3}\n'],
    ['text/event-stream', 'data: 1\n\n', 'data: 2\n\n'],
    ['multipart/mixed; boundary=x', '--x\r\n\r\na', '--x\r\n\r\nb'],
    ['text/plain', 'a\rb', 'a\nb'],
    ['application/json', '{"a":1}', '<html>'],
    ['text/plain', Buffer.from([0x61, 0xff]), Buffer.from([0x61, 0xfe])],
    ['', 'abc', 'abd'],
  ])('%s: %j and %j differ', (type, production, mirror) => {
    expect(places(typed(type, production), typed(type, mirror))).toEqual(['text body']);
  });

  it('tells where it differs, and what is there only if the policy shows values', () => {
    const pages = [typed('text/html', '<h1>A</h1>\r\n<p>Größe is 5 m</p>'), typed('text/html', '<h1>A</h1>\n<p>Größe is 6 m</p>')] as const;
    const shown = (examples: DiffSpec['examples']) => allOf(differ({ examples }).differences(question(), ...pages))[0];
    expect(shown('Masked')).toMatchObject({ production: 'line 2, character 13', mirror: 'line 2, character 13' });
    expect(shown('Values')).toMatchObject({ production: 'line 2, character 13: 5 m</p>', mirror: 'line 2, character 13: 6 m</p>' });
    expect(shown('None')).toMatchObject({ production: '', mirror: '' });
  });

  it('tells that one side is at its end', () => {
    const [found] = allOf(differ().differences(question(), typed('text/plain', 'a\nb'), typed('text/plain', 'a\n')));
    expect(found).toMatchObject({ production: 'line 2, character 1', mirror: 'line 2, character 1: the end' });
  });
});

describe('content', () => {
  it('that is no text is compared by its bytes', () => {
    const image = (last: number): Answer => typed('image/png', Buffer.from([0x89, 0x50, last]));
    expect(places(image(1), image(1))).toEqual([]);
    const [found] = allOf(differ().differences(question(), image(1), image(2)));
    expect(found).toMatchObject({ where: 'body', kind: 'binary' });
    expect(found!.production).toMatch(/^3 bytes, sha256 [0-9a-f]{16}$/);
    expect(found!.mirror).not.toBe(found!.production);
  });

  it('of unknown type is text or not by its bytes', () => {
    expect(places(typed('', Buffer.from([0, 1])), typed('', Buffer.from([0, 2])))).toEqual(['binary body']);
    expect(places(typed('application/octet-stream', 'a'), typed('application/octet-stream', 'b'))).toEqual(['binary body']);
    expect(places(typed('', '{"a":1}'), typed('text/plain', '{"a":2}'))).toEqual(['field body /a']);
  });

  it('is missing or added where one side has none', () => {
    expect(places(jsonAnswer('{}'), answer())).toEqual(['missing body']);
    expect(places(jsonAnswer(''), jsonAnswer('{}'))).toEqual(['added body']);
    expect(places(jsonAnswer(''), answer())).toEqual([]);
  });
});
