import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FindingsData } from '../../src/findings/data.ts';
import { FindingList, type Occurrence } from '../../src/findings/finding-list.ts';
import { MAX_FINDINGS, mergeFindings } from '../../src/findings/merge.ts';

const TIME_CAP = { interruptAfterTimeLimit: 3_000, markInterruptAsFailure: false } as const;

function occurrence(more: Partial<Occurrence> = {}): Occurrence {
  return { rule: 'sql-injection', endpoint: 'shop/pod', source: '10.0.0.1', method: 'GET', template: '/p', evidence: 'e', atMs: 1000, ...more };
}

const same = (template: string): string => template;
const sum = ({ findings, unlisted }: FindingsData): number => findings.reduce((total, { count }) => total + count, unlisted);
const total = ({ totals }: FindingsData): number => Object.values(totals).reduce((all, count) => all + count, 0);

const OCCURRENCES = fc.array(
  fc.record({
    rule: fc.constantFrom<Occurrence['rule']>('sql-injection', 'path-scan', 'fuzzing'),
    source: fc.integer({ min: 0, max: 5 }).map((n) => `10.0.0.${n}`),
    template: fc.integer({ min: 0, max: 5 }).map((n) => `/${n}`),
    atMs: fc.integer({ min: 1, max: 100 }),
  }),
  { maxLength: 60 },
);

function listOf(occurrences: readonly Partial<Occurrence>[], limit?: number): FindingsData {
  const list = new FindingList(limit);
  for (const one of occurrences) list.add(occurrence(one));
  return list.data(same);
}

describe('the list of findings', () => {
  it('counts repetitions, and keeps the first and the last time', () => {
    const { findings } = listOf([{ atMs: 5 }, { atMs: 9, evidence: 'newer' }, { atMs: 7 }]);
    expect(findings).toMatchObject([{ rule: 'sql-injection', severity: 'medium', firstMs: 5, lastMs: 9, count: 3 }]);
  });

  it('accounts for each occurrence, listed or not, within its bound', () => {
    fc.assert(
      fc.property(OCCURRENCES, fc.integer({ min: 1, max: 10 }), (occurrences, limit) => {
        const data = listOf(occurrences, limit);
        expect(data.findings.length).toBeLessThanOrEqual(limit);
        expect(sum(data)).toBe(occurrences.length);
        expect(total(data)).toBe(occurrences.length);
      }),
      TIME_CAP,
    );
  });

  it('does not let the noise of one rule push out what another found', () => {
    const noise = Array.from({ length: 1000 }, (_, i) => ({ source: `10.1.${i >> 8}.${i & 255}` }));
    const data = listOf([{ rule: 'exposed-file' as const }, ...noise], 50);
    expect(data.findings.map(({ rule }) => rule)).toContain('exposed-file');
    expect(data.findings).toHaveLength(50);
  });

  it('folds templates that turned out to be values', () => {
    const list = new FindingList();
    for (const template of ['/a/1', '/a/2', '/b']) list.add(occurrence({ template }));
    expect(list.data((template) => template.replace(/\d+$/, '{id}')).findings.map(({ template, count }) => [template, count])).toEqual([
      ['/a/{id}', 2],
      ['/b', 1],
    ]);
  });

  it('tells a finding when it is new, and again when there are ten times as many', () => {
    const list = new FindingList();
    const told: number[] = [];
    for (let i = 0; i < 250; i++) {
      list.add(occurrence());
      told.push(...list.news().map(({ count }) => count));
    }
    expect(told).toEqual([1, 10, 100]);
  });

  it('has nothing but printable text, of bounded length', () => {
    const [finding] = listOf([{ method: 'M\x1b[31m'.repeat(20), template: `/\x00é${'x'.repeat(1000)}`, evidence: 'e\n'.repeat(200) }]).findings;
    expect(finding!.method).toMatch(/^[\x20-\x7e]{1,24}$/);
    expect(finding!.template).toMatch(/^[\x20-\x7e]{1,256}$/);
    expect(finding!.evidence).toMatch(/^[\x20-\x7e]{1,160}$/);
  });
});

describe('merging findings', () => {
  it('gives nothing of nothing', () => {
    expect(mergeFindings([])).toEqual({ findings: [], totals: {}, unlisted: 0 });
  });

  it('gives the same in whatever order and grouping, and accounts for each occurrence', () => {
    fc.assert(
      fc.property(OCCURRENCES, OCCURRENCES, OCCURRENCES, (a, b, c) => {
        const parts = [a, b, c].map((list) => listOf(list));
        const merged = mergeFindings(parts);
        expect(mergeFindings([mergeFindings([parts[2]!, parts[0]!]), parts[1]!])).toEqual(merged);
        expect(sum(merged)).toBe(a.length + b.length + c.length);
        expect(total(merged)).toBe(a.length + b.length + c.length);
      }),
      TIME_CAP,
    );
  });

  it('keeps its bound, in which each rule finds room', () => {
    const parts = Array.from({ length: 4 }, (_, part) => listOf(Array.from({ length: MAX_FINDINGS }, (__, i) => ({ source: `10.${part}.${i >> 8}.${i & 255}` }))));
    const merged = mergeFindings([...parts, listOf([{ rule: 'exposed-file', atMs: 1 }])]);
    expect(merged.findings).toHaveLength(MAX_FINDINGS);
    expect(merged.findings.map(({ rule }) => rule)).toContain('exposed-file');
    expect(sum(merged)).toBe(4 * MAX_FINDINGS + 1);
  });

  it('takes a rule that is called like a property of every object', () => {
    const odd = { findings: [], totals: JSON.parse('{"__proto__": 2, "toString": 1}') as Record<string, number>, unlisted: 0 };
    expect(JSON.stringify(mergeFindings([odd, odd]).totals)).toBe('{"__proto__":4,"toString":2}');
  });
});
