import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { diffLines } from '../../src/page/diff-lines.ts';
import { bytes, clock, count, duration, probability, rate, share, span, times } from '../../src/page/format.ts';
import { indent } from '../../src/page/indent.ts';
import { summarise } from '../../src/page/pairs.ts';

describe('numbers', () => {
  it.each([
    [count(1_234_567), '1,234,567'],
    [rate(0), '0'],
    [rate(0.5), '0.50'],
    [rate(12.34), '12.3'],
    [rate(4_321), '4,321'],
    [share(0), '0 %'],
    [share(0.00001), '<0.01 %'],
    [share(0.0019), '0.19 %'],
    [share(0.021), '2.1 %'],
    [share(0.9999), '99.99 %'],
    [share(1), '100 %'],
    [duration(-1), '–'],
    [duration(812), '812 µs'],
    [duration(1_850), '1.85 ms'],
    [duration(23_400), '23.4 ms'],
    [duration(234_000), '234 ms'],
    [duration(2_340_000), '2.34 s'],
    [times(1.314), '× 1.31'],
    [times(NaN), '× –'],
    [probability(1e-9), 'p = 1.0e-9'],
    [probability(null as unknown as number), 'p unknown'],
    [bytes(412), '412 B'],
    [bytes(3_400_000), '3.2 MiB'],
    [span(59_000), '59 s'],
    [span(3_720_000), '1 h 2 min'],
    [span(200_000_000), '2 d'],
  ])('%s', (text, expected) => expect(text).toBe(expected));

  it('say nothing of what is none', () => {
    for (const write of [count, rate, share, duration, bytes, clock, span]) {
      for (const none of [NaN, Infinity, undefined as unknown as number, null as unknown as number]) expect(write(none)).toMatch(/^(–|0.*|<0.*|\d\d:\d\d:\d\d\.000)$/);
    }
  });
});

describe('lines beside each other', () => {
  it('align what is equal, and put what was changed beside what it was', () => {
    expect(diffLines('a\nb\nc\nd', 'a\nx\nc\nd\ne')).toEqual([
      { production: 'a', mirror: 'a' },
      { production: 'b', mirror: 'x' },
      { production: 'c', mirror: 'c' },
      { production: 'd', mirror: 'd' },
      { production: null, mirror: 'e' },
    ]);
  });

  it('hold all lines of both sides in their order', () => {
    const lines = fc.array(fc.constantFrom('a', 'b', 'c', ''), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(lines, lines, (a, b) => {
        const rows = diffLines(a.join('\n'), b.join('\n'));
        expect(rows.flatMap(({ production }) => production ?? [])).toEqual(a);
        expect(rows.flatMap(({ mirror }) => mirror ?? [])).toEqual(b);
      }),
      { interruptAfterTimeLimit: 3_000 },
    );
  });

  it('are not aligned where that would take long', () => {
    const long = Array.from({ length: 5_000 }, (_, i) => String(i)).join('\n');
    expect(diffLines(long, `x\n${long}`)).toHaveLength(5_001);
  });
});

describe('JSON', () => {
  it('gets a line for each value, and keeps every letter of it', () => {
    expect(indent('{"a":1.50,"b":[ ],"c":[1,{"d":"x, {\\"y"}],"big":12345678901234567890,"a":2}')).toBe(
      '{\n  "a": 1.50,\n  "b": [],\n  "c": [\n    1,\n    {\n      "d": "x, {\\"y"\n    }\n  ],\n  "big": 12345678901234567890,\n  "a": 2\n}',
    );
  });

  it('means the same afterwards, and other texts stay as they are', () => {
    fc.assert(fc.property(fc.json(), (json) => void expect(JSON.parse(indent(json))).toEqual(JSON.parse(json))), { interruptAfterTimeLimit: 3_000 });
    for (const text of ['{not json', 'plain, text: here', '', '[1,2']) expect(indent(text)).toBe(text);
  });
});

describe('pairs of times', () => {
  it('are told by percentile, by ratio and over time', () => {
    const sample = Array.from({ length: 1_000 }, (_, i) => [i * 1_000, (i % 100) * 10 + 1_000, ((i % 100) * 10 + 1_000) * 2]).flat();
    const { pairs, percents, production, mirror, counts, ratios, overTime } = summarise(sample);
    expect(pairs).toBe(1_000);
    expect(production[percents.indexOf(50)]).toBeCloseTo(1.49, 2);
    expect(mirror[percents.indexOf(99)]).toBeCloseTo(3.96, 2);
    expect(counts.reduce((sum, of) => sum + of, 0)).toBe(1_000);
    expect(ratios[counts.indexOf(1_000)]).toBeCloseTo(2, 0);
    expect(overTime.at).toHaveLength(40);
    expect(overTime.at.toSorted((a, b) => a - b)).toEqual(overTime.at);
  });

  it('that are none say nothing', () => {
    expect(summarise([])).toMatchObject({ pairs: 0, overTime: { at: [] } });
    expect(summarise([0, 0, 0]).counts.reduce((sum, of) => sum + of, 0)).toBe(1);
  });
});
