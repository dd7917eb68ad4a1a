import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { RULES, type RuleId } from '../../src/findings/rules.ts';
import { measureAccuracy, recallOf, type Accuracy } from './traffic/accuracy.ts';

/** False findings in the ordinary traffic of an hour, which holds one of each thing that is taken for an attack; none of others. */
const FALSE_FINDINGS: Partial<Record<RuleId, number>> = {
  // An advertisement on television, and a load test.
  'request-flood': 2,
  'source-flood': 1,
  // Old addresses after a relaunch, a cache that is empty.
  'path-scan': 1,
  'id-scan': 1,
  // A bug in what one customer alone uses, a directory that is away.
  fuzzing: 1,
  'credential-stuffing': 1,
  // Old devices, too many cookies, Finder.
  'ambiguous-head': 1,
  'oversized-head': 1,
  'unusual-method': 1,
  // Somebody who looks for books on security.
  'path-traversal': 1,
  'sql-injection': 1,
  'script-injection': 1,
  // Links in mails.
  'secret-in-url': 3,
};

/** Of what can be seen in heads. Floods that follow larger ones are smaller than what was usual of late. */
const RECALL: Partial<Record<RuleId, number>> = { 'source-flood': 0.6, fuzzing: 0.6 };

describe('the rules, over attacks in ordinary traffic', () => {
  let accuracy: Accuracy;
  beforeAll(() => {
    accuracy = measureAccuracy({ seeds: [1], hours: 1 });
  }, 60_000);

  it('are all tried', () => {
    expect(accuracy.rules.filter(({ visible }) => visible === 0)).toEqual([]);
    expect(accuracy.ordinaryRequests).toBeGreaterThan(100_000);
  });

  it.each(Object.keys(RULES) as RuleId[])('%s finds what is planted, and takes no more for it than is known', (rule) => {
    const row = accuracy.rules.find((one) => one.rule === rule)!;
    const about = accuracy.missed.concat(accuracy.wrong).filter((line) => line.startsWith(`${rule}`));
    expect(row.visibleFound / row.visible, about.join('\n')).toBeGreaterThanOrEqual(RECALL[rule] ?? 1);
    expect(row.falseFindings, about.join('\n')).toBeLessThanOrEqual(FALSE_FINDINGS[rule] ?? 0);
    expect(recallOf(row)).toBeGreaterThan(0.5);
  });
});

describe('docs/findings.md', () => {
  it('has a section for each rule, and no other', () => {
    const text = readFileSync(new URL('../../docs/findings.md', import.meta.url), 'utf8');
    const sections = [...text.slice(text.indexOf('\n## Rules\n')).matchAll(/^### (.+)$/gm)].map(([, title]) => title);
    expect(sections).toEqual(Object.keys(RULES));
    for (const [rule, { severity }] of Object.entries(RULES)) expect(text).toContain(`### ${rule}\n\n*${severity}*`);
  });
});
