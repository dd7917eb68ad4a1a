import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../support/netns.ts';
import { ALERT_CASES, type AlertCase, type Expected, type Series } from './alert-cases.ts';
import { alertOf, ALERTS, RULES_FILE } from './rules.ts';

const RUNBOOK = readFileSync(new URL('../../docs/runbook.md', import.meta.url), 'utf8');

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'shadowtap-alerts-'));
  writeFileSync(join(folder, 'rules.json'), RULES_FILE);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Look {
  readonly title: string;
  readonly series: Series;
  readonly at: string;
  readonly expected: readonly Expected[];
}

function looks({ fires, at = '40m', expected, quiet }: AlertCase): Look[] {
  return [
    { title: 'fires', series: fires, at, expected: [expected] },
    ...Object.entries(quiet).map(([title, series]) => ({ title, series, at, expected: [] })),
  ];
}

/** What `promtool test rules` takes. */
function unitTest(name: string, { title, series, at, expected }: Look): object {
  const { labels: own, annotations } = alertOf(name);
  return {
    name: title,
    interval: '1m',
    input_series: Object.entries(series).map(([key, values]) => ({ series: key, values })),
    alert_rule_test: [
      {
        alertname: name,
        eval_time: at,
        exp_alerts: expected.map(({ labels, summary }) => ({ exp_labels: { ...labels, ...own }, exp_annotations: { ...annotations, summary } })),
      },
    ],
  };
}

describe('the alerts', () => {
  it('are right for promtool', () => {
    expect(run('promtool', 'check', 'rules', join(folder, 'rules.json'))).toContain(`SUCCESS: ${ALERTS.length} rules found`);
  });

  it('have a name of their own, a case here, and a severity', () => {
    expect(new Set(ALERTS.map(({ alert }) => alert)).size).toBe(ALERTS.length);
    expect(Object.keys(ALERT_CASES).toSorted()).toEqual(ALERTS.map(({ alert }) => alert).toSorted());
    for (const { labels, annotations } of ALERTS) {
      expect(['critical', 'warning', 'info']).toContain(labels.severity);
      expect(Object.keys(annotations).toSorted()).toEqual(['description', 'runbook_url', 'summary']);
    }
  });

  it('point to a section of the runbook, and each section is that of an alert', () => {
    const sections = [...RUNBOOK.matchAll(/^## (\w+)$/gm)].map(([, name]) => name!);
    expect(sections.toSorted()).toEqual(ALERTS.map(({ alert }) => alert).toSorted());
    for (const { alert, annotations } of ALERTS) expect(annotations.runbook_url).toBe(`docs/runbook.md#${alert.toLowerCase()}`);
  });

  it.each(Object.entries(ALERT_CASES))('%s fires when it should, with a summary that names what it is about, and else does not', (name, one) => {
    const file = join(folder, `${name}.json`);
    writeFileSync(file, JSON.stringify({ rule_files: ['rules.json'], evaluation_interval: '1m', tests: looks(one).map((look) => unitTest(name, look)) }));
    expect(run('promtool', 'test', 'rules', file)).toContain('SUCCESS');
  });

  it('would be found out by a case whose summary or outcome is another', () => {
    const [[name, one]] = Object.entries(ALERT_CASES) as [[string, AlertCase]];
    const [fires] = looks(one);
    for (const expected of [[], [{ ...one.expected, summary: 'another' }]]) {
      const file = join(folder, 'wrong.json');
      writeFileSync(file, JSON.stringify({ rule_files: ['rules.json'], evaluation_interval: '1m', tests: [unitTest(name, { ...fires!, expected })] }));
      expect(() => run('promtool', 'test', 'rules', file)).toThrow(/FAILED/);
    }
  });
});
