import type { EndpointComparison, PolicyComparison } from '../compare/data.ts';
import { newestRules } from '../compare/judge/judge.ts';
import type { EndpointReport, PolicyReport, Verdict } from '../compare/report.ts';
import type { AgentStatsWithInsight } from '../stats.ts';
import type { MetricRow, Sample } from './row.ts';

/** Endpoints with labels of their own, of each policy and target: those of most weight. */
const MAX_ENDPOINTS = 20;

const VERDICTS: readonly Verdict[] = ['looks safe', 'differs', 'too little data'];

const LABELS = ['policy', 'target', 'role'] as const;
const ENDPOINT_LABELS = [...LABELS, 'method', 'template'] as const;

/**
 * How mirrors answer. What was counted is a counter; what was made of it is a gauge, because later exchanges may tell that
 * differences of earlier ones are noise. Gauges are each agent's own: counts add up over agents, verdicts do not.
 */
export const COMPARE_METRICS: readonly MetricRow<AgentStatsWithInsight>[] = [
  counted('shadowtap_compared_total', "Exchanges whose answer by the mirror was compared with production's.", ({ compared }) => compared),
  counted('shadowtap_differed_total', 'Compared exchanges in which something differed that the policy does not ignore, noise included.', ({ signatures }) =>
    signatures.reduce((sum, { count }) => sum + count, 0),
  ),
  {
    name: 'shadowtap_not_compared_total',
    type: 'counter',
    help: 'Copies that were to be compared and were not, by reason.',
    labels: [...LABELS, 'reason'],
    samples: (stats) =>
      compared(stats).flatMap(({ labels, policy: { endpoints, notCompared } }) =>
        [notCompared, ...endpoints.map((endpoint) => endpoint.notCompared)].flatMap((counts) =>
          Object.entries(counts).map(([reason, value]) => ({ labels: { ...labels, reason }, value })),
        ),
      ),
  },
  {
    name: 'shadowtap_answer_errors_total',
    type: 'counter',
    help: "Errors of either side, where both outcomes are known: 5xx, no answer, and statuses of gRPC that are the server's fault.",
    labels: [...LABELS, 'side'],
    samples: (stats) =>
      compared(stats).flatMap(({ labels, policy: { endpoints } }) =>
        (['production', 'mirror'] as const).map((side) => ({ labels: { ...labels, side }, value: sum(endpoints, ({ answers }) => answers[side].errors) })),
      ),
  },
  judged('shadowtap_comparison_results', 'Compared exchanges by what is made of them now: equal, noise (only what differs by nature), or different.', 'result', ({ counts }) => [
    ['equal', counts.equal],
    ['noise', counts.noise],
    ['different', counts.different],
  ]),
  judged('shadowtap_differences', 'Different exchanges by kind of difference; one may have several.', 'kind', ({ counts }) => Object.entries(counts.kinds)),
  judged('shadowtap_report_verdict', '1 for the verdict that holds, 0 for the others.', 'verdict', ({ verdict }) =>
    VERDICTS.map((name) => [name, name === verdict ? 1 : 0]),
  ),
  {
    name: 'shadowtap_slower_endpoints',
    type: 'gauge',
    help: 'Endpoints (method and path template) that the mirror answers more slowly than the policy allows.',
    labels: LABELS,
    samples: ({ report }) =>
      report.policies.map((policy) => ({
        labels: labelsOf(policy),
        value: policy.endpoints.filter(({ verdict, latency }) => verdict === 'differs' && latency?.verdict === 'slower').length,
      })),
  },
  {
    name: 'shadowtap_endpoint_different_share',
    type: 'gauge',
    help: `Share of different exchanges, of the ${MAX_ENDPOINTS} endpoints of most weight.`,
    labels: ENDPOINT_LABELS,
    samples: (stats) => endpointsOf(stats, ({ counts }, labels) => [{ labels, value: counts.differentShare }]),
  },
  {
    name: 'shadowtap_latency_ratio',
    type: 'gauge',
    help: `Typical time of the mirror divided by production's, without the way to the mirror, and the bounds of its interval; of the ${MAX_ENDPOINTS} endpoints of most weight.`,
    labels: [...ENDPOINT_LABELS, 'bound'],
    samples: (stats) =>
      endpointsOf(stats, ({ latency }, labels) =>
        latency === null ? [] : (['estimate', 'low', 'high'] as const).map((bound) => ({ labels: { ...labels, bound }, value: latency.ratio[bound] })),
      ),
  },
];

function counted(name: string, help: string, value: (endpoint: EndpointComparison) => number): MetricRow<AgentStatsWithInsight> {
  return {
    name,
    type: 'counter',
    help,
    labels: LABELS,
    samples: (stats) => compared(stats).map(({ labels, policy }) => ({ labels, value: sum(policy.endpoints, value) })),
  };
}

function judged(
  name: string,
  help: string,
  label: string,
  values: (policy: PolicyReport) => readonly (readonly [string, number])[],
): MetricRow<AgentStatsWithInsight> {
  return {
    name,
    type: 'gauge',
    help,
    labels: [...LABELS, label],
    samples: ({ report }) =>
      report.policies.flatMap((policy) => values(policy).map(([key, value]) => ({ labels: { ...labelsOf(policy), [label]: key }, value }))),
  };
}

/** Counts by rules that hold no more are left out whole, so that counters begin anew, which Prometheus understands. */
function compared({ insight }: AgentStatsWithInsight): { labels: Sample['labels']; policy: PolicyComparison }[] {
  return newestRules(insight.compare.policies).map((policy) => ({ labels: labelsOf(policy), policy }));
}

function endpointsOf(
  { report }: AgentStatsWithInsight,
  samples: (endpoint: EndpointReport, labels: Sample['labels']) => readonly Sample[],
): readonly Sample[] {
  return report.policies.flatMap((policy) =>
    policy.endpoints.slice(0, MAX_ENDPOINTS).flatMap((endpoint) => {
      const { method, template } = endpoint;
      return samples(endpoint, { ...labelsOf(policy), method, template });
    }),
  );
}

function labelsOf({ policy, target, role }: Pick<PolicyReport, (typeof LABELS)[number]>): Sample['labels'] {
  return { policy, target, role };
}

function sum(endpoints: readonly EndpointComparison[], of: (endpoint: EndpointComparison) => number): number {
  return endpoints.reduce((total, endpoint) => total + of(endpoint), 0);
}
