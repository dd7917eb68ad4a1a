import { dashboard, type Row, type Variable } from './model.ts';

const NODE = 'node=~"$node"';
const POLICY = `${NODE}, policy=~"($namespace/.*)?", policy=~"$policy"`;
const MIRROR = `${POLICY}, role="Mirror"`;
/** Endpoints are called `namespace/pod`. */
const POD = `${NODE}, endpoint=~"$namespace(/.*)?"`;
const WINDOW = '[$__rate_interval]';

const VARIABLES: readonly Variable[] = [
  { name: 'node', label: 'Node', query: 'label_values(shadowtap_build_info, node)' },
  { name: 'namespace', label: 'Namespace', query: 'label_values(shadowtap_endpoint_attached, endpoint)', regex: '/^([^/]+)/' },
  { name: 'policy', label: 'Policy', query: 'label_values(shadowtap_requests_total{policy!=""}, policy)' },
];

const OVERVIEW: Row = {
  title: 'Overview',
  panels: [
    {
      title: 'Agents',
      description: 'Agents that are scraped.',
      as: 'stat',
      unit: 'short',
      width: 4,
      queries: [[`count(shadowtap_build_info{${NODE}})`, 'agents']],
    },
    {
      title: 'Pods tapped',
      description: 'Pods that a policy selects and the tap is attached to.',
      as: 'stat',
      unit: 'short',
      width: 4,
      queries: [[`sum(shadowtap_endpoint_attached{${POD}})`, 'pods']],
    },
    {
      title: 'Requests seen',
      description: 'Requests that the taps saw begin.',
      as: 'stat',
      unit: 'reqps',
      width: 4,
      queries: [[`sum(rate(shadowtap_requests_seen_total{${NODE}}${WINDOW}))`, 'seen']],
    },
    {
      title: 'Mirrored',
      description: 'Share of the requests seen that a mirror has answered.',
      as: 'stat',
      unit: 'percentunit',
      width: 4,
      queries: [[`sum(rate(shadowtap_requests_total{${NODE}, outcome="mirrored"}${WINDOW})) / sum(rate(shadowtap_requests_seen_total{${NODE}}${WINDOW}))`, 'mirrored']],
    },
    {
      title: 'Mirrors that differ',
      description: 'Mirrors of which at least one agent says that they differ.',
      as: 'stat',
      unit: 'short',
      width: 4,
      badFrom: 1,
      queries: [[`sum(max by (policy, target) (shadowtap_report_verdict{${MIRROR}, verdict="differs"}))`, 'differ']],
    },
    {
      title: 'Grave findings',
      description: 'Findings of high severity in the time that is shown.',
      as: 'stat',
      unit: 'short',
      width: 4,
      badFrom: 1,
      queries: [[`sum(increase(shadowtap_findings_total{${NODE}, severity="high"}[$__range]))`, 'high']],
    },
    {
      title: 'Requests by outcome',
      description: 'What became of the requests seen; each has one outcome.',
      as: 'stacked',
      unit: 'reqps',
      width: 12,
      queries: [[`sum by (outcome) (rate(shadowtap_requests_total{${NODE}}${WINDOW}))`, '{{outcome}}']],
    },
    {
      title: 'Why requests are not mirrored',
      description: 'Policies leave out unmatched, excluded, method and sampled-out; shed is what gave way to production; incomplete was not captured whole.',
      as: 'lines',
      unit: 'reqps',
      width: 12,
      queries: [[`sum by (outcome, reason) (rate(shadowtap_requests_total{${NODE}, outcome!~"mirrored|recorded"}${WINDOW}))`, '{{outcome}} {{reason}}']],
    },
  ],
};

const MIRRORING: Row = {
  title: 'Mirroring',
  panels: [
    {
      title: 'Requests mirrored',
      description: 'By policy; a request counts for the first policy that mirrors it.',
      as: 'lines',
      unit: 'reqps',
      queries: [[`sum by (policy) (rate(shadowtap_requests_total{${POLICY}, outcome="mirrored"}${WINDOW}))`, '{{policy}}']],
    },
    {
      title: 'Copies by outcome',
      description: 'What became of copies, by target.',
      as: 'lines',
      unit: 'reqps',
      queries: [[`sum by (target, outcome) (rate(shadowtap_copies_total{${POLICY}}${WINDOW}))`, '{{target}} {{outcome}}']],
    },
    {
      title: 'Copies that fail or are shed',
      description: 'Share of the copies that got no answer, or were not sent so as to keep within bounds.',
      as: 'lines',
      unit: 'percentunit',
      badFrom: 0.05,
      queries: [
        [
          `sum by (policy, target, outcome, reason) (rate(shadowtap_copies_total{${POLICY}, outcome=~"failed|shed"}${WINDOW})) / on (policy, target) group_left sum by (policy, target) (rate(shadowtap_copies_total{${POLICY}}${WINDOW}))`,
          '{{target}} {{outcome}} {{reason}}',
        ],
      ],
    },
    {
      title: 'Share of the sample that is mirrored',
      description: 'Below 1 while adaptive sampling holds back for the mirror (by policy) or the agent gives way to its node.',
      as: 'lines',
      unit: 'percentunit',
      queries: [
        [`min by (policy) (shadowtap_sample_rate{${POLICY}})`, '{{policy}}'],
        [`min(shadowtap_governor_share{${NODE}})`, 'agents'],
      ],
    },
    {
      title: 'Copies waiting or under way',
      description: 'They pile up where a mirror is slow.',
      as: 'lines',
      unit: 'short',
      queries: [[`sum by (node) (shadowtap_copies_pending{${NODE}})`, '{{node}}']],
    },
    {
      title: 'Targets left alone',
      description: 'Circuit breakers that are open, counted in each worker.',
      as: 'lines',
      unit: 'short',
      badFrom: 1,
      queries: [[`sum by (node) (shadowtap_breakers_open{${NODE}})`, '{{node}}']],
    },
    {
      title: 'Conditions of policies',
      description: '1 where a condition is True, 0 where it is not; as agents and the controller say.',
      as: 'table',
      unit: 'none',
      width: 24,
      queries: [[`min by (policy, type, reason) (shadowtap_policy_condition{${POLICY}})`, '{{policy}} {{type}} {{reason}}']],
    },
  ],
};

const COMPARISON: Row = {
  title: 'Comparison',
  panels: [
    {
      title: 'Verdicts',
      description: 'How many agents say so. Why: `shadowtap report`, or /report of an agent.',
      as: 'table',
      unit: 'none',
      width: 12,
      queries: [[`sum by (policy, target, verdict) (shadowtap_report_verdict{${MIRROR}}) > 0`, '{{policy}} {{target}} {{verdict}}']],
    },
    {
      title: 'Different share',
      description: 'Share of the compared exchanges that differ in more than noise, since comparing began.',
      as: 'lines',
      unit: 'percentunit',
      width: 12,
      queries: [
        [
          `sum by (policy, target) (shadowtap_comparison_results{${MIRROR}, result="different"}) / (sum by (policy, target) (shadowtap_comparison_results{${MIRROR}}) > 0)`,
          '{{policy}} {{target}}',
        ],
      ],
    },
    {
      title: 'Compared',
      description: 'Exchanges compared, and those in which something differed, noise included.',
      as: 'lines',
      unit: 'reqps',
      queries: [
        [`sum by (target) (rate(shadowtap_compared_total{${POLICY}}${WINDOW}))`, '{{target}}'],
        [`sum by (target) (rate(shadowtap_differed_total{${POLICY}}${WINDOW}))`, '{{target}} differed'],
      ],
    },
    {
      title: 'Not compared',
      description: 'Copies that were to be compared and were not, by reason.',
      as: 'stacked',
      unit: 'reqps',
      queries: [[`sum by (reason) (rate(shadowtap_not_compared_total{${POLICY}}${WINDOW}))`, '{{reason}}']],
    },
    {
      title: 'Results',
      description: 'Compared exchanges by what is made of them now; what was different may turn out to be noise.',
      as: 'stacked',
      unit: 'short',
      queries: [[`sum by (result) (shadowtap_comparison_results{${MIRROR}})`, '{{result}}']],
    },
    {
      title: 'Differences by kind',
      description: 'Different exchanges by kind of difference; one may have several.',
      as: 'bars',
      unit: 'short',
      queries: [[`sum by (kind) (shadowtap_differences{${MIRROR}})`, '{{kind}}']],
    },
    {
      title: 'Endpoints that differ most',
      description: 'The largest share that any agent tells.',
      as: 'bars',
      unit: 'percentunit',
      queries: [[`topk(10, max by (target, method, template) (shadowtap_endpoint_different_share{${MIRROR}}) > 0)`, '{{method}} {{template}} {{target}}']],
    },
    {
      title: 'Errors of either side',
      description: "5xx, no answer, or the server's fault in gRPC, of exchanges in which both outcomes are known.",
      as: 'lines',
      unit: 'reqps',
      queries: [[`sum by (target, side) (rate(shadowtap_answer_errors_total{${MIRROR}}${WINDOW}))`, '{{target}} {{side}}']],
    },
    {
      title: 'Latency ratio',
      description: 'Typical time of the mirror divided by that of production, without the way to the mirror; mean over agents of the ten slowest endpoints.',
      as: 'lines',
      unit: 'none',
      width: 16,
      queries: [[`topk(10, avg by (target, method, template) (shadowtap_latency_ratio{${MIRROR}, bound="estimate"}))`, '{{method}} {{template}} {{target}}']],
    },
    {
      title: 'At least this slow',
      description: 'The low end of the interval: above 1, the mirror is slower beyond doubt.',
      as: 'bars',
      unit: 'none',
      badFrom: 1.1,
      queries: [[`topk(10, max by (target, method, template) (shadowtap_latency_ratio{${MIRROR}, bound="low"}))`, '{{method}} {{template}} {{target}}']],
    },
  ],
};

const OBSERVED: Row = {
  title: 'Performance of observed pods',
  panels: [
    {
      title: 'Requests',
      description: 'By pod, of policies with `observe`.',
      as: 'lines',
      unit: 'reqps',
      queries: [[`sum by (endpoint) (rate(shadowtap_observed_requests_total{${POD}}${WINDOW}))`, '{{endpoint}}']],
    },
    {
      title: 'Errors',
      description: 'Share of requests that were answered with 5xx, or that ended without an answer.',
      as: 'lines',
      unit: 'percentunit',
      queries: [
        [
          `(sum by (endpoint) (rate(shadowtap_observed_requests_total{${POD}, class=~"5xx|none"}${WINDOW})) or 0 * sum by (endpoint) (rate(shadowtap_observed_requests_total{${POD}}${WINDOW}))) / (sum by (endpoint) (rate(shadowtap_observed_requests_total{${POD}}${WINDOW})) > 0)`,
          '{{endpoint}}',
        ],
      ],
    },
    {
      title: 'Answers by class',
      description: 'Classes of status; calls of gRPC by the class of the status of HTTP that is like theirs.',
      as: 'stacked',
      unit: 'reqps',
      queries: [[`sum by (class) (rate(shadowtap_observed_requests_total{${POD}}${WINDOW}))`, '{{class}}']],
    },
    {
      title: 'Duration',
      description: "From a request's last byte to the answer's last, over all pods that are shown.",
      as: 'lines',
      unit: 's',
      queries: (['0.5', '0.9', '0.99'] as const).map((q) => [
        `histogram_quantile(${q}, sum by (le) (rate(shadowtap_observed_duration_seconds_bucket{${POD}}${WINDOW})))`,
        `p${Number(q) * 100}`,
      ]),
    },
    {
      title: 'Slowest endpoints',
      description: 'The 99th percentile, of the ten slowest.',
      as: 'lines',
      unit: 's',
      width: 16,
      queries: [
        [
          `topk(10, histogram_quantile(0.99, sum by (le, endpoint, method, template) (rate(shadowtap_observed_duration_seconds_bucket{${POD}}${WINDOW}))))`,
          '{{endpoint}} {{method}} {{template}}',
        ],
      ],
    },
    {
      title: 'Requests under way',
      description: 'As the requests of the last ten seconds met them; mean.',
      as: 'lines',
      unit: 'short',
      queries: [[`max by (endpoint) (shadowtap_observed_concurrency{${POD}})`, '{{endpoint}}']],
    },
    {
      title: 'Saturation',
      description: 'How the time to the first byte goes with the requests under way, -1 to 1: near 1, more requests at once make each slower.',
      as: 'lines',
      unit: 'none',
      queries: [[`topk(10, max by (endpoint, method, template) (shadowtap_observed_saturation{${POD}}))`, '{{endpoint}} {{method}} {{template}}']],
    },
    {
      title: 'Busiest endpoints',
      description: 'By requests.',
      as: 'bars',
      unit: 'reqps',
      queries: [[`topk(10, sum by (endpoint, method, template) (rate(shadowtap_observed_requests_total{${POD}}${WINDOW})))`, '{{endpoint}} {{method}} {{template}}']],
    },
    {
      title: 'Busiest clients',
      description: 'By requests since observing began; an upper bound.',
      as: 'bars',
      unit: 'short',
      width: 24,
      queries: [[`topk(10, sum by (endpoint, client) (shadowtap_observed_client_requests{${POD}}))`, '{{client}} → {{endpoint}}']],
    },
  ],
};

const FINDINGS: Row = {
  title: 'Findings',
  panels: [
    {
      title: 'Findings by rule',
      description: 'What looks like an attack or a fault; `shadowtap findings` tells what and whose.',
      as: 'stacked',
      unit: 'ops',
      width: 16,
      queries: [[`sum by (severity, rule) (rate(shadowtap_findings_total{${NODE}}${WINDOW})) > 0`, '{{severity}}: {{rule}}']],
    },
    {
      title: 'Findings by severity',
      description: 'In the time that is shown.',
      as: 'bars',
      unit: 'short',
      queries: [[`sum by (severity) (increase(shadowtap_findings_total{${NODE}}[$__range]))`, '{{severity}}']],
    },
  ],
};

const AGENTS: Row = {
  title: 'Agents',
  panels: [
    {
      title: 'CPU',
      description: 'Cores that each agent takes.',
      as: 'lines',
      unit: 'none',
      queries: [[`rate(shadowtap_process_cpu_seconds_total{${NODE}}${WINDOW})`, '{{node}}']],
    },
    {
      title: 'Memory',
      description: 'Resident memory; counts the mapped rings.',
      as: 'lines',
      unit: 'bytes',
      queries: [[`shadowtap_process_resident_bytes{${NODE}}`, '{{node}}']],
    },
    {
      title: 'Captured data held',
      description: 'Share of `memoryBytes`. From three quarters on, large requests are no longer taken.',
      as: 'lines',
      unit: 'percentunit',
      badFrom: 0.75,
      queries: [[`shadowtap_memory_bytes{${NODE}} / shadowtap_memory_budget_bytes{${NODE}}`, '{{node}}']],
    },
    {
      title: 'Ring fill',
      description: 'Mean over the workers of each agent; a full ring sheds packets.',
      as: 'lines',
      unit: 'percentunit',
      badFrom: 0.8,
      queries: [[`shadowtap_ring_fill_permille{${NODE}} / 1000 / (shadowtap_workers_running{${NODE}} > 0)`, '{{node}}']],
    },
    {
      title: 'Packets',
      description: 'Seen on tapped ports, copied, shed because a ring was full, and lost before the tap could look.',
      as: 'lines',
      unit: 'pps',
      queries: [
        [`sum(rate(shadowtap_tap_seen_total{${NODE}}${WINDOW}))`, 'seen'],
        [`sum(rate(shadowtap_tap_copied_total{${NODE}}${WINDOW}))`, 'copied'],
        [`sum(rate(shadowtap_tap_shed_total{${NODE}}${WINDOW}))`, 'shed'],
        [`sum(rate(shadowtap_tap_lost_total{${NODE}}${WINDOW}))`, 'lost'],
      ],
    },
    {
      title: 'Connections',
      description: 'In the flow tables.',
      as: 'lines',
      unit: 'short',
      queries: [[`shadowtap_flows{${NODE}}`, '{{node}}']],
    },
    {
      title: 'Workers',
      description: 'That run, and that ended unexpectedly in the time that is shown.',
      as: 'lines',
      unit: 'short',
      queries: [
        [`shadowtap_workers_running{${NODE}}`, '{{node}}'],
        [`increase(shadowtap_worker_restarts_total{${NODE}}[$__range]) > 0`, '{{node}} restarts'],
      ],
    },
    {
      title: 'Watches that fail',
      description: 'Agents and controllers that cannot follow these resources; what they know stays in force.',
      as: 'lines',
      unit: 'short',
      badFrom: 1,
      queries: [[`sum by (resource) (shadowtap_watch_failing{${NODE}})`, '{{resource}}']],
    },
    {
      title: 'Controller',
      description: 'Agents, those that answer it, and controllers that lead: one should.',
      as: 'lines',
      unit: 'short',
      queries: [
        ['max(shadowtap_agents)', 'agents'],
        ['max(shadowtap_agents_answering)', 'answering'],
        ['sum(shadowtap_controller_leading)', 'leading'],
      ],
    },
  ],
};

export const ROWS: readonly Row[] = [OVERVIEW, MIRRORING, COMPARISON, OBSERVED, FINDINGS, AGENTS];

export function shadowtapDashboard(): object {
  return dashboard('Shadowtap', 'shadowtap', VARIABLES, ROWS);
}
