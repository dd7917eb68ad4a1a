import { describe, expect, it } from 'vitest';
import { RULES } from '../../src/findings/rules.ts';
import { mergeInsight } from '../../src/insight.ts';
import { FINDINGS_METRICS } from '../../src/metrics/findings.ts';
import { MetricsPage } from '../../src/metrics.ts';
import type { AgentStatsWithInsight } from '../../src/stats.ts';

const page = (totals: Readonly<Record<string, number>>): Promise<string> => {
  const nothing = mergeInsight([]);
  return new MetricsPage(FINDINGS_METRICS).render({ counters: {}, insight: { ...nothing, findings: { ...nothing.findings, totals } } } as AgentStatsWithInsight);
};

describe('the metrics of findings', () => {
  it('have every rule from the beginning, so that its first finding is an increase', async () => {
    const text = await page({});
    for (const [rule, { severity }] of Object.entries(RULES)) expect(text).toContain(`shadowtap_findings_total{rule="${rule}",severity="${severity}"} 0\n`);
  });

  it('count what was found, also by rules of another version', async () => {
    const text = await page({ 'path-traversal': 3, 'of-tomorrow': 1 });
    expect(text).toContain('shadowtap_findings_total{rule="path-traversal",severity="medium"} 3\n');
    expect(text).toContain('shadowtap_findings_total{rule="of-tomorrow",severity="info"} 1\n');
    expect(text.match(/^shadowtap_findings_total\{rule="path-traversal"/gm)).toHaveLength(1);
  });
});
