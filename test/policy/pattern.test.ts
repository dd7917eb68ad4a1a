import { describe, expect, it } from 'vitest';
import { MAX_PATTERN_INPUT, MAX_PATTERN_LENGTH, Pattern, patternProblem } from '../../src/policy/pattern.ts';
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
    expect(new Pattern(source).matches(text)).toBe(expected);
  });

  it.each([
    ['(a)\\1', /RE2 syntax.*invalid escape/],
    ['(?=a)b', /RE2 syntax.*Perl syntax/],
    ['(?<=a)b', /RE2 syntax/],
    ['(', /RE2 syntax.*missing closing \)/],
    ['[[:nope:]]', /RE2 syntax/],
    ['(a{1,1000}){1,1000}', /RE2 syntax.*too large/],
    ['((a{1,10}){1,10}){1,10}', /simpler pattern/],
    ['('.repeat(500) + ')'.repeat(500), /RE2 syntax|simpler pattern/],
    ['a'.repeat(MAX_PATTERN_LENGTH + 1), /at most 1024 characters/],
    ['/caf\u00e9', /printable ASCII/],
  ])('is refused where it cannot be matched in bounded time and memory: %s', (source, problem) => {
    expect(patternProblem(source)).toMatch(problem);
    expect(() => new Pattern(source)).toThrow(RangeError);
  });

  it('does not fit a text longer than what it is tried on', () => {
    const pattern = new Pattern('a*');
    expect(pattern.matches('a'.repeat(MAX_PATTERN_INPUT))).toBe(true);
    expect(pattern.matches('a'.repeat(MAX_PATTERN_INPUT + 1))).toBe(false);
  });

  // Each of these takes a backtracking engine minutes or years. The bound is wide: a machine may be busy.
  it.each(['(a+)+', '(a|a)*b', '(.*)*=', '(x+x+)+y', '(a|b)*a(a|b){60}', '.*.*.*.*.*=.*'])(
    'cannot be made to stall by a hostile text: %s',
    (source) => {
      const pattern = new Pattern(source);
      const random = seededRandom(1);
      const mixed = Array.from({ length: MAX_PATTERN_INPUT }, () => (random() < 0.5 ? 'a' : 'b')).join('');
      const started = performance.now();
      for (const text of [mixed, `${'a'.repeat(MAX_PATTERN_INPUT - 1)}!`, 'x'.repeat(MAX_PATTERN_INPUT)]) pattern.matches(text);
      expect(performance.now() - started).toBeLessThan(3000);
    },
  );
});
