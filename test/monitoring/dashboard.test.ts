import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { DAEMONSET } from '../support/kustomize.ts';
import { DASHBOARD, PANELS, withVariables } from './dashboard.ts';
import { metricsIn, unknownIn } from './promql.ts';
import { ALERTS } from './rules.ts';

describe('the dashboard', () => {
  it('has an uid, variables for data source, node, namespace and policy, and rows', () => {
    expect(DASHBOARD).toMatchObject({ uid: 'shadowtap', title: 'Shadowtap' });
    expect(DASHBOARD.schemaVersion).toBeGreaterThanOrEqual(39);
    expect(DASHBOARD.templating.list.map(({ name, type }) => `${name}: ${type}`)).toEqual(['datasource: datasource', 'node: query', 'namespace: query', 'policy: query']);
    const rows = DASHBOARD.panels.filter(({ type }) => type === 'row').map(({ title }) => title);
    expect(rows).toEqual(['Overview', 'Mirroring', 'Comparison', 'Performance of observed pods', 'Findings', 'Agents']);
  });

  it('has panels with ids, titles, descriptions and units of their own, that ask the data source that is chosen', () => {
    const ids = DASHBOARD.panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(new Set(PANELS.map(({ title }) => title)).size).toBe(PANELS.length);
    for (const { title, description, datasource, targets = [], fieldConfig } of PANELS) {
      expect(description, title).toMatch(/\w/);
      expect(fieldConfig?.defaults.unit, title).toMatch(/\w/);
      expect(targets.length, title).toBeGreaterThan(0);
      expect(new Set(targets.map(({ refId }) => refId)).size, title).toBe(targets.length);
      for (const { uid } of [datasource!, ...targets.map((target) => target.datasource)]) expect(uid, title).toBe('${datasource}');
    }
  });

  it('lays its panels side by side within 24 columns, none upon another', () => {
    const cells = new Set<string>();
    for (const { title, gridPos: { x, y, w, h } } of DASHBOARD.panels) {
      expect(x + w, title).toBeLessThanOrEqual(24);
      for (let column = x; column < x + w; column++) {
        for (let row = y; row < y + h; row++) {
          expect(cells.has(`${column},${row}`), `${title} lies upon another at ${column},${row}`).toBe(false);
          cells.add(`${column},${row}`);
        }
      }
    }
  });

  it('asks for metrics and labels that there are', () => {
    const unknown = PANELS.flatMap(({ title, targets = [] }) =>
      targets.flatMap(({ expr, legendFormat }) => unknownIn(withVariables(expr), legendFormat).map((name) => `${title}: ${name}`)));
    expect(unknown).toEqual([]);
  });

  it('shows every metric of comparison, observing and findings, each somewhere', () => {
    const shown = new Set(PANELS.flatMap(({ targets = [] }) => targets.flatMap(({ expr }) => metricsIn(expr))));
    const wanted = ['compared_total', 'differed_total', 'not_compared_total', 'answer_errors_total', 'comparison_results', 'differences', 'report_verdict', 'latency_ratio', 'endpoint_different_share',
      'observed_requests_total', 'observed_duration_seconds_bucket', 'observed_concurrency', 'observed_saturation', 'observed_client_requests', 'findings_total'];
    expect(wanted.filter((name) => !shown.has(`shadowtap_${name}`))).toEqual([]);
  });
});

describe('the alerts', () => {
  it('ask for metrics and labels that there are', () => {
    const named = ({ summary, description }: { summary: string; description: string }): string =>
      [...`${summary} ${description}`.matchAll(/\$labels\.(\w+)/g)].map(([, label]) => `{{${label}}}`).join('');
    expect(ALERTS.flatMap(({ alert, expr, annotations }) => unknownIn(expr, named(annotations)).map((name) => `${alert}: ${name}`))).toEqual([]);
  });

  it('wait for nothing that is averaged over less than four scrapes of the PodMonitor', () => {
    const { spec } = parse(readFileSync(`${DAEMONSET}/components/prometheus/pod-monitor.yaml`, 'utf8')) as { spec: { podMetricsEndpoints: [{ interval: string }] } };
    const seconds = Number(/^(\d+)s$/.exec(spec.podMetricsEndpoints[0].interval)![1]);
    for (const { alert, expr } of ALERTS) {
      for (const [, minutes] of expr.matchAll(/\[(\d+)m\]/g)) expect(Number(minutes) * 60, alert).toBeGreaterThanOrEqual(4 * seconds);
    }
  });
});

describe('what is asked for', () => {
  it.each([
    ['shadowtap_nothing', '', ['shadowtap_nothing']],
    ['shadowtap_flows{policy="a"}', '', ['shadowtap_flows{policy}']],
    ['sum by (policy, node) (shadowtap_flows{node=~"a"})', '', ['policy']],
    ['shadowtap_flows', '{{node}} {{reason}}', ['reason']],
    ['histogram_quantile(0.9, sum by (le, template) (rate(shadowtap_observed_duration_seconds_bucket{endpoint="shadowtap_none"}[5m])))', '{{template}}', []],
  ])('is found out where it is not there: %s', (expr, legend, unknown) => {
    expect(unknownIn(expr, legend)).toEqual(unknown);
  });
});
