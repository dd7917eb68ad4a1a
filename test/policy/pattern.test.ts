import { describe, expect, it } from 'vitest';
import { RE2JS } from 're2js';
import { MAX_PATTERN_LENGTH, Pattern, patternProblem } from '../../src/policy/pattern.ts';
import { seededRandom } from './support.ts';

describe('a pattern', () => {
  it.each([
    ['/api/v[0-9]+/.*', '/api/v2/x', true],
    ['/api', '/api/x', false],
    ['pi', '/api', false],
    ['a|ab', 'ab', true],
    ['(?i)/API', '/api', true],
    ['[0-9a-f]{8}-[0-9a-f]{4}', 'deadbeef-cafe', true],
    ['', '', true],
    ['', 'x', false],
    ['^/a$', '/a', true],
  ])('must fit the whole text: %s on %s is %s', (source, text, expected) => {
    expect(Pattern.of(source).matches(text)).toBe(expected);
  });

  it.each([
    ['(a)\\1', /RE2 syntax.*invalid escape/],
    ['(?=a)b', /RE2 syntax.*Perl syntax/],
    ['(?<=a)b', /RE2 syntax/],
    ['(', /RE2 syntax.*missing closing \)/],
    ['[[:nope:]]', /RE2 syntax/],
    ['(a{1,1000}){1,1000}', /RE2 syntax.*too large/],
    ['((a{1,10}){1,10}){1,10}', /simpler pattern/],
    ['(a|b)*a(a|b){60}', /simpler pattern/],
    ['.*a.{20}', /simpler pattern/],
    ['('.repeat(500) + ')'.repeat(500), /RE2 syntax|simpler pattern/],
    ['a'.repeat(MAX_PATTERN_LENGTH + 1), /at most 1024 characters/],
    ['/caf\u00e9', /printable ASCII/],
  ])('is refused where it cannot be matched in bounded time and memory: %s', (source, problem) => {
    expect(patternProblem(source)).toMatch(problem);
    expect(() => Pattern.of(source)).toThrow(RangeError);
  });

  it('of one source is compiled once', () => {
    expect(Pattern.of('/once/.*')).toBe(Pattern.of('/once/.*'));
  });

  it.each([
    '/api/v[0-9]+/.*', '(?i)/API', '.*\\bfoo\\b.*', '(?s).*', '.*', '(?m)^a$', '[^/]+', '\\d+|\\w*', '(a+)+', '(a|a)*b', 'a{2,5}?b',
    '\\Bx', 'x*\\b', '(|a)*', '(?i)k', '\\pL+', '(?:a?){30}a{30}', '.*a.{8}',
  ])('means what the library says that it means, on 5,000 texts: %s', (source) => {
    const pattern = Pattern.of(source);
    const oracle = RE2JS.compile(source);
    const random = seededRandom(7);
    const alphabet = 'ab/fo0Kvx =-\n\xe9\xff';
    for (let i = 0; i < 5000; i++) {
      const text = Array.from({ length: Math.floor(random() * 14) }, () => alphabet[Math.floor(random() * alphabet.length)]).join('');
      if (pattern.matches(text) !== oracle.testExact(text)) expect.fail(`differs on ${JSON.stringify(text)}`);
    }
  });

  it('does not fit a text that is not made of bytes', () => {
    expect(Pattern.of('.*').matches('\u0141')).toBe(false);
  });

  // Backtracking takes years on some of these, a lazily built automaton up to 200 ms. The bound is wide: a machine may be busy.
  it.each(['(a+)+', '(a|a)*b', '(.*)*=', '(x+x+)+y', '.*a.{8}', '.*.*.*.*.*=.*', '(?i).*\\.(jpg|jpeg|png|gif|webp|svg|css|js)'])(
    'costs a hostile head of 128 KiB at most a few milliseconds: %s',
    (source) => {
      const pattern = Pattern.of(source);
      const random = seededRandom(1);
      const mixed = Array.from({ length: 131_072 }, () => (random() < 0.5 ? 'a' : 'b')).join('');
      for (const text of [mixed, `${'a'.repeat(131_071)}!`, 'x'.repeat(131_072)]) {
        const times = Array.from({ length: 8 }, () => {
          const started = performance.now();
          pattern.matches(text);
          return performance.now() - started;
        });
        expect(Math.min(...times)).toBeLessThan(5);
      }
    },
  );
});
