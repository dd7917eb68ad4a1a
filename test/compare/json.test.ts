import { describe, expect, it } from 'vitest';
import { MAX_DIFFERENCES } from '../../src/compare/differ/found.ts';
import { MAX_DEPTH } from '../../src/compare/differ/json/json-scan.ts';
import type { DiffSpec } from '../../src/compare/differ/rules.ts';
import { allOf, differ, jsonAnswer, jsonPlaces, question } from './differ-support.ts';

describe('JSON is equal', () => {
  it.each([
    ['1', '1.0'],
    ['1', '1e0'],
    ['100', '1E2'],
    ['-0.0', '0'],
    ['0e5', '0'],
    ['0.0012', '12e-4'],
    ['12345678901234567890123', '1234567890123456789012.3e1'],
    ['1e400', '1e400'],
    ['1e99999999999999999999', '1e99999999999999999999'],
    ['"\\u00e9"', '"é"'],
    ['"\\ud83d\\ude00"', '"😀"'],
    ['"a\\/b\\u002F"', '"a/b/"'],
    ['"\\n\\t\\u000a"', '"\\u000A\\u0009\\n"'],
    ['{"a":1,"b":2}', '{"b":2,"a":1}'],
    ['{"\\u0061":1,"b":2}', '{"b":2,"a":1}'],
    ['{"a":1,"a":2}', '{"a":1,"a":2}'],
    ['\ufeff{"a":1}', '{"a": 1}\n'],
    [' [ ] ', '[]'],
  ])('%s and %s', (one, other) => {
    expect(jsonPlaces(one, other)).toEqual([]);
    expect(jsonPlaces(`{"x":[${one.replace('\ufeff', '')}],"y":0}`, `{"x":[${other.trim()}],"y":0}`)).toEqual([]);
  });
});

describe('JSON differs', () => {
  it.each([
    ['{"a":1}', '{"a":2}', ['field body /a']],
    ['{"a":{"b":[{"c":"x"}]}}', '{"a":{"b":[{"c":"y"}]}}', ['field body /a/b/-/c']],
    ['{"a":1}', '{"a":"1"}', ['type body /a']],
    ['{"a":null}', '{"a":{}}', ['type body /a']],
    ['{"a":true}', '{"a":false}', ['field body /a']],
    ['{"a":1,"b":2,"c":3}', '{"a":1,"c":3}', ['missing body /b']],
    ['{"a":1,"c":3}', '{"a":1,"b":2,"c":4}', ['added body /b', 'field body /c']],
    ['{"a":1}', '{}', ['missing body /a']],
    ['{"a":1,"a":2}', '{"a":1,"a":3}', ['field body /a']],
    ['{"a":1,"a":2}', '{"a":2}', ['field body /a', 'missing body /a']],
    ['[1,2,3]', '[1,2]', ['length body']],
    ['{"a":[]}', '{"a":[1]}', ['length body /a']],
    ['[1,2,3]', '[3,1,2]', ['order body']],
    ['[{"a":1,"b":2},{"a":3,"b":4}]', '[{"b":4,"a":3},{"a":1.0,"b":2}]', ['order body']],
    ['[[1,2],[3,4]]', '[[2,1],[4,3]]', ['order body /-']],
    ['[{"a":1},{"a":2}]', '[{"a":5},{"a":6}]', ['field body /-/a']],
    ['[{"a":1,"b":2},{"a":3,"b":4}]', '[{"a":3,"b":2},{"a":1,"b":4}]', ['field body /-/a']],
    ['9007199254740993', '9007199254740992', ['field body']],
    ['{"n":12345678901234567890}', '{"n":12345678901234567891}', ['field body /n']],
    ['1e400', '1e401', ['field body']],
    ['0.1', '0.10000000000000001', ['field body']],
    ['"\\u00e9"', '"e"', ['field body']],
    ['{"a/b~c":1}', '{"a/b~c":2}', ['field body /a~1b~0c']],
    ['{"":1}', '{"":2}', ['field body /']],
    ['{"users":{"48213":{"n":1},"48214":{"n":1}}}', '{"users":{"48213":{"n":2},"48214":{"n":1}}}', ['field body /users/*/n']],
    ['{"6f1c2f3e-7f0b-4a57-9f7f-0d6e1f1b2c3d":1}', '{}', ['missing body /*']],
    ['{"erika@example.com":1}', '{"erika@example.com":2}', ['field body /*']],
    ['{"2025-11-22":1}', '{"2025-11-22":2}', ['field body /*']],
    ['{"sha256":1,"line1":2,"iso_8601":3}', '{"sha256":0,"line1":0,"iso_8601":0}', ['field body /iso_8601', 'field body /line1', 'field body /sha256']],
  ])('%s and %s: %j', (production, mirror, places) => {
    expect(jsonPlaces(production, mirror)).toEqual(places);
  });

  it.each(['{"a":1', '{"a" 1}', '{"a":01}', '{"a":"\n"}', '{"a":"\\x"}', '[1,]', '{"a":1}}', '{"a":1}{"a":2}', '{"a":tru}', '{\'a\':1}', '{"a":1,}'])(
    'as text where one side is none: %j',
    (broken) => {
      expect(jsonPlaces('{"a":0}', broken)).toEqual(['text body']);
      expect(jsonPlaces(broken, '{"a":0}')).toEqual(['text body']);
    },
  );

  it('knows a list in another order also where an element was gone over twice, as names in it are escaped', () => {
    const production = '{"list":[{"id":0,"\\u0065lement":"a"},{"id":1,"element":[]},{"id":2,"element":""}]}';
    const mirror = '{"list":[{"id":2,"element":""},{"id":1,"element":[]},{"id":0,"element":"a"}]}';
    expect(jsonPlaces(production, mirror)).toEqual(['order body /list']);
  });

  it('as text where it is too deep', () => {
    const nested = (depth: number, value: number): string => '['.repeat(depth) + value + ']'.repeat(depth);
    expect(jsonPlaces(nested(MAX_DEPTH, 1), nested(MAX_DEPTH, 2))).toEqual([`field body ${'/-'.repeat(MAX_DEPTH)}`]);
    expect(jsonPlaces(nested(MAX_DEPTH + 1, 1), nested(MAX_DEPTH + 1, 2))).toEqual(['text body']);
    expect(jsonPlaces(` ${nested(MAX_DEPTH + 1, 1)}`, nested(MAX_DEPTH + 1, 2))).toEqual(['text body']);
  });

  it('at a bounded number of places, and says that there are more', () => {
    const document = (value: number): string => JSON.stringify(Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`field${i}`, value])));
    const all = allOf(differ().differences(question(), jsonAnswer(document(1)), jsonAnswer(document(2))));
    expect(all).toHaveLength(MAX_DIFFERENCES);
    expect(all.at(-1)).toEqual({ where: 'body', kind: 'field', production: 'more than 63 places differ', mirror: 'more than 63 places differ' });
  });

  it('at one place for a map of many names', () => {
    const compared = differ();
    const wheres = new Set<string>();
    for (let n = 0; n < 40; n++) {
      const document = (value: number): string => JSON.stringify({ map: Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`name-${n}-${i}`, value])) });
      for (const { where } of allOf(compared.differences(question(), jsonAnswer(document(1)), jsonAnswer(document(2))))) wheres.add(where);
    }
    expect(wheres.has('body /map/*')).toBe(true);
    expect(wheres.size).toBeLessThan(260);
  });
});

describe('a rule', () => {
  const rules = (ignore: DiffSpec['ignore'], more: Partial<DiffSpec> = {}): Partial<DiffSpec> => ({ ignore, ...more });

  it.each<[string, string, string, Partial<DiffSpec>, string[]]>([
    ['ignores a field', '{"a":1,"b":1}', '{"a":2,"b":2}', rules([{ pointer: '/a' }]), ['field body /b']],
    ['ignores what is in it', '{"a":{"x":[1]},"b":1}', '{"a":{"x":[2,3]},"b":1}', rules([{ pointer: '/a' }]), []],
    ['ignores every element', '[{"a":1,"b":1}]', '[{"a":2,"b":2}]', rules([{ pointer: '/*/a' }]), ['field body /-/b']],
    ['takes a place for a pointer', '[{"a":1,"b":1}]', '[{"a":2,"b":2}]', rules([{ pointer: '/-/a' }]), ['field body /-/b']],
    ['ignores one position', '{"a":[1,2]}', '{"a":[3,4]}', rules([{ pointer: '/a/0' }]), ['field body /a/-']],
    ['ignores one name of a map', '{"m":{"11111":1,"22222":2}}', '{"m":{"11111":3,"22222":2}}', rules([{ pointer: '/m/11111' }]), []],
    ['ignores names with escapes', '{"a/b":1}', '{"a/b":2}', rules([{ pointer: '/a~1b' }]), []],
    ['ignores what is there on one side only', '{"a":1}', '{}', rules([{ pointer: '/a' }]), []],
    ['ignores places by a pattern', '{"meta":{"at":1,"n":1},"n":1}', '{"meta":{"at":2,"n":2},"n":2}', rules([{ pattern: 'body /meta/.*' }]), ['field body /n']],
    ['needs the whole name in a pattern', '{"meta":1}', '{"meta":2}', rules([{ pattern: 'meta' }]), ['field body /meta']],
    ['allows what an absolute tolerance allows', '{"a":1,"b":1}', '{"a":1.5,"b":1.5}', { tolerance: [{ pointer: '/a', absolute: 0.5 }] }, ['field body /b']],
    ['allows what a relative tolerance allows', '[100,100]', '[101,102]', { tolerance: [{ pointer: '/*', relative: 0.01 }] }, ['field body /-']],
    ['has no tolerance for other types', '{"a":1}', '{"a":"1"}', { tolerance: [{ pointer: '/a', absolute: 9 }] }, ['type body /a']],
    ['finds elements by their key', '[{"id":1,"v":1},{"id":2,"v":2}]', '[{"id":2,"v":2},{"id":1,"v":9}]', { keyed: [{ pointer: '', key: '/id' }] }, ['field body /-/v']],
    [
      'tells elements that one side has not',
      '{"l":[{"id":1},{"id":2}]}', '{"l":[{"id":3},{"id":2.0}]}', { keyed: [{ pointer: '/l', key: '/id' }] },
      ['added body /l/-', 'missing body /l/-'],
    ],
    [
      'takes a key from deeper',
      '[{"k":{"n":["x"]},"v":1},{"k":{"n":["y"]},"v":2}]', '[{"k":{"n":["y"]},"v":2},{"v":3,"k":{"n":["x"]}}]', { keyed: [{ pointer: '', key: '/k/n/0' }] },
      ['field body /-/v'],
    ],
    ['compares elements without their key in their order', '[{"v":1},{"v":2}]', '[{"v":1},{"v":3}]', { keyed: [{ pointer: '', key: '/id' }] }, ['field body /-/v']],
    ['compares multisets', '{"t":["a","b","b"]}', '{"t":["b","a","b"]}', { keyed: [{ pointer: '/t', key: '' }] }, []],
    ['counts in multisets', '{"t":["a","b","b"]}', '{"t":["b","a","a"]}', { keyed: [{ pointer: '/t', key: '' }] }, ['added body /t/-', 'missing body /t/-']],
    [
      'ignores within multisets',
      '[{"a":1,"at":1},{"a":2,"at":2}]', '[{"a":2,"at":3},{"a":1,"at":4}]', rules([{ pointer: '/*/at' }], { keyed: [{ pointer: '', key: '' }] }),
      [],
    ],
    ['ignores within lists in another order', '[{"a":1,"at":1},{"a":2,"at":2}]', '[{"a":2,"at":3},{"a":1,"at":4}]', rules([{ pointer: '/*/at' }]), ['order body']],
    ['orders lists in lists', '[{"t":[1,2]},{"t":[3,4]}]', '[{"t":[2,1]},{"t":[4,3]}]', { keyed: [{ pointer: '/*/t', key: '' }] }, []],
  ])('%s: %s, %s', (_, production, mirror, spec, places) => {
    expect(jsonPlaces(production, mirror, spec)).toEqual(places);
    // The same where the form of the documents differs as well.
    expect(jsonPlaces(production.replaceAll(':', ' : ').replaceAll(',', ', '), mirror, spec)).toEqual(places);
  });
});

describe('what follows the last difference', () => {
  it.each([
    ['still tells that a list is in another order', '{"t":[1,2,3],"z":0}', '{"t":[3,1,2],"z":0}', ['order body /t']],
    ['still tells that it was in another order up to there', '{"t":[1,2,3],"z":0}', '{"t":[2,1,3],"z":0}', ['order body /t']],
    ['still tells that it is lines of JSON', '{"a":1,"b":2}\n{"a":1}\n', '{"a":2,"b":2}\n{"a":1}\n', ['text body']],
    ['still tells that it is cut off', '{"a":1,"b":[2', '{"a":2,"b":[2', ['text body']],
    ['says nothing otherwise', '{"a":1,"b":[{"c":2}]}\n', '{"a":2,"b":[{"c":2}]}\n', ['field body /a']],
  ])('%s', (_, production, mirror, places) => {
    expect(jsonPlaces(production, mirror)).toEqual(places);
  });
});
