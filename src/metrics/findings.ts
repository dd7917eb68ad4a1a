import { RULES, severityOf } from '../findings/rules.ts';
import type { AgentStatsWithInsight } from '../stats.ts';
import type { MetricRow } from './row.ts';

/** Every rule is there from the beginning: of a counter that comes with its first count, `increase` would miss that. */
const NONE: Readonly<Record<string, number>> = Object.fromEntries(Object.keys(RULES).map((rule) => [rule, 0]));

/** What was found in the traffic of observed pods, and what became of telling it. */
export const FINDINGS_METRICS: readonly MetricRow<AgentStatsWithInsight>[] = [
  {
    name: 'shadowtap_findings_total',
    type: 'counter',
    help: 'Attacks and faults found in the traffic of observed pods: every occurrence, by rule.',
    labels: ['rule', 'severity'],
    samples: ({ insight }) => Object.entries({ ...NONE, ...insight.findings.totals }).map(([rule, value]) => ({ labels: { rule, severity: severityOf(rule) }, value })),
  },
  told('shadowtap_findings_logged_total', 'Findings that were to be written to the log: written, or left out to keep it short.', 'findings.log.'),
  told('shadowtap_findings_webhook_total', 'Findings that were to be sent to the webhook: sent, given up after several tries, or left out because too many waited.', 'findings.webhook.'),
];

function told(name: string, help: string, prefix: string): MetricRow<AgentStatsWithInsight> {
  return {
    name,
    type: 'counter',
    help,
    labels: ['result'],
    samples: ({ counters }) =>
      Object.entries(counters)
        .filter(([key]) => key.startsWith(prefix))
        .map(([key, value]) => ({ labels: { result: key.slice(prefix.length) }, value })),
  };
}
