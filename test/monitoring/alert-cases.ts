/** Series of Prometheus, and their values minute by minute in promtool's notation (start+stepxtimes). */
export type Series = Readonly<Record<string, string>>;

export interface Expected {
  readonly labels: Readonly<Record<string, string>>;
  /** What the admin reads. */
  readonly summary: string;
}

export interface AlertCase {
  readonly fires: Series;
  /** When it is looked at; 40m where it is not given. */
  readonly at?: string;
  readonly expected: Expected;
  /** It must not fire. */
  readonly quiet: Readonly<Record<string, Series>>;
}

const always = (value: number): string => `${value}+0x120`;
const growing = (perMinute: number): string => `0+${perMinute}x120`;
/** As long as a rollout or a hiccup. */
const briefly = (value: number, otherwise: number): string => `${otherwise}+0x33 ${value}+0x3 ${otherwise}+0x80`;

const COPIES = 'policy="shop/next", target="http://next"';
const NEXT = { policy: 'shop/next', target: 'http://next' };
const copies = (outcome: string): string => `shadowtap_copies_total{${COPIES}, outcome="${outcome}", reason="", node="a"}`;
const verdict = (name: string, role = 'Mirror', node = 'a'): string => `shadowtap_report_verdict{${COPIES}, role="${role}", verdict="${name}", node="${node}"}`;
const notCompared = (reason: string): string => `shadowtap_not_compared_total{${COPIES}, role="Mirror", reason="${reason}"}`;
const COMPARED = `shadowtap_compared_total{${COPIES}, role="Mirror"}`;
const UP = (container: string): string => `up{namespace="shadowtap-system", container="${container}", node="a"}`;

export const ALERT_CASES: Readonly<Record<string, AlertCase>> = {
  ShadowtapAbsent: {
    fires: { [UP('agent')]: always(0) },
    expected: { labels: {}, summary: 'No agent of shadowtap is scraped' },
    quiet: { 'an agent is there': { 'shadowtap_build_info{node="a"}': always(1) } },
  },
  ShadowtapAgentDown: {
    fires: { [UP('agent')]: always(0) },
    expected: { labels: { namespace: 'shadowtap-system', container: 'agent', node: 'a' }, summary: 'The agent of a cannot be scraped' },
    quiet: {
      'it is up': { [UP('agent')]: always(1) },
      'it is replaced': { [UP('agent')]: briefly(0, 1) },
      'the controller is down': { [UP('controller')]: always(0) },
    },
  },
  ShadowtapWorkerRestarts: {
    fires: { 'shadowtap_worker_restarts_total{node="a"}': '2+0x30 3+0x90' },
    expected: { labels: { node: 'a' }, summary: 'A worker of the agent of a ended unexpectedly' },
    quiet: {
      'none did': { 'shadowtap_worker_restarts_total{node="a"}': always(0) },
      'one did long ago': { 'shadowtap_worker_restarts_total{node="a"}': '0+0x3 1+0x100' },
      'the agent began anew': { 'shadowtap_worker_restarts_total{node="a"}': '3+0x30 0+0x90' },
    },
  },
  ShadowtapTapSheds: {
    fires: { 'shadowtap_tap_shed_total{node="a"}': growing(60), 'shadowtap_tap_copied_total{node="a"}': growing(940) },
    expected: { labels: { node: 'a' }, summary: 'The tap of a sheds 6% of its packets' },
    quiet: {
      'few are shed': { 'shadowtap_tap_shed_total{node="a"}': growing(6), 'shadowtap_tap_copied_total{node="a"}': growing(940) },
      'there is no traffic': { 'shadowtap_tap_shed_total{node="a"}': always(7), 'shadowtap_tap_copied_total{node="a"}': always(9) },
      'a burst was shed': { 'shadowtap_tap_shed_total{node="a"}': '0+0x30 50+0x80', 'shadowtap_tap_copied_total{node="a"}': growing(100) },
    },
  },
  ShadowtapNotTapped: {
    fires: { 'shadowtap_endpoint_attached{endpoint="shop/web-1", node="a"}': always(0) },
    expected: { labels: { endpoint: 'shop/web-1', node: 'a' }, summary: 'shop/web-1 is not tapped' },
    quiet: {
      'it is': { 'shadowtap_endpoint_attached{endpoint="shop/web-1", node="a"}': always(1) },
      'it has just come': { 'shadowtap_endpoint_attached{endpoint="shop/web-1", node="a"}': briefly(0, 1) },
    },
  },
  ShadowtapMemoryNearBudget: {
    fires: { 'shadowtap_memory_bytes{node="a"}': always(80), 'shadowtap_memory_budget_bytes{node="a"}': always(100) },
    expected: { labels: { node: 'a' }, summary: 'The agent of a holds 80% of the captured data that it may' },
    quiet: {
      'half is held': { 'shadowtap_memory_bytes{node="a"}': always(50), 'shadowtap_memory_budget_bytes{node="a"}': always(100) },
      'it was full for a moment': { 'shadowtap_memory_bytes{node="a"}': briefly(90, 10), 'shadowtap_memory_budget_bytes{node="a"}': always(100) },
      'no worker has begun': { 'shadowtap_memory_bytes{node="a"}': always(0), 'shadowtap_memory_budget_bytes{node="a"}': always(0) },
    },
  },
  ShadowtapGivesWay: {
    fires: { 'shadowtap_governor_share{node="a"}': always(0.25) },
    expected: { labels: { node: 'a' }, summary: 'The agent of a mirrors 25% of what it should' },
    quiet: { 'it mirrors most': { 'shadowtap_governor_share{node="a"}': always(0.9) }, 'it did for a moment': { 'shadowtap_governor_share{node="a"}': briefly(0.1, 1) } },
  },
  ShadowtapMirroringOff: {
    at: '90m',
    fires: { 'shadowtap_mirroring{node="a"}': always(0) },
    expected: { labels: { node: 'a' }, summary: 'Mirroring is switched off on a' },
    quiet: { 'it is on': { 'shadowtap_mirroring{node="a"}': always(1) }, 'it was off for half an hour': { 'shadowtap_mirroring{node="a"}': '1+0x50 0+0x30 1+0x40' } },
  },
  ShadowtapWatchFailing: {
    fires: { 'shadowtap_watch_failing{resource="pods", pod="shadowtap-x", node="a"}': always(1) },
    expected: { labels: { resource: 'pods', pod: 'shadowtap-x', node: 'a' }, summary: 'shadowtap-x cannot follow pods' },
    quiet: {
      'it can': { 'shadowtap_watch_failing{resource="pods", pod="shadowtap-x", node="a"}': always(0) },
      'the API server was upgraded': { 'shadowtap_watch_failing{resource="pods", pod="shadowtap-x", node="a"}': briefly(1, 0) },
    },
  },
  ShadowtapControllerNotLeading: {
    fires: { 'shadowtap_controller_leading{pod="c-1"}': always(0) },
    expected: { labels: {}, summary: 'No controller of shadowtap leads' },
    quiet: {
      'one of two leads': { 'shadowtap_controller_leading{pod="c-1"}': always(0), 'shadowtap_controller_leading{pod="c-2"}': always(1) },
      'another took over': { 'shadowtap_controller_leading{pod="c-1"}': '1+0x30 0+0x80', 'shadowtap_controller_leading{pod="c-2"}': '0+0x32 1+0x80' },
    },
  },
  ShadowtapAgentsSilent: {
    fires: { 'shadowtap_agents{pod="c-1"}': always(5), 'shadowtap_agents_answering{pod="c-1"}': always(3), 'shadowtap_controller_leading{pod="c-1"}': always(1) },
    expected: { labels: { pod: 'c-1' }, summary: '2 agents do not answer the controller' },
    quiet: {
      'all answer': { 'shadowtap_agents{pod="c-1"}': always(5), 'shadowtap_agents_answering{pod="c-1"}': always(5), 'shadowtap_controller_leading{pod="c-1"}': always(1) },
      'a controller that does not lead asks none': { 'shadowtap_agents{pod="c-2"}': always(5), 'shadowtap_agents_answering{pod="c-2"}': always(0), 'shadowtap_controller_leading{pod="c-2"}': always(0) },
    },
  },
  ShadowtapPolicyNotInForce: {
    fires: { 'shadowtap_policy_condition{policy="shop/next", type="ResolvedRefs", reason="BackendNotFound", node="a"}': always(0) },
    expected: { labels: { policy: 'shop/next', type: 'ResolvedRefs', reason: 'BackendNotFound' }, summary: 'shop/next is not ResolvedRefs: BackendNotFound' },
    quiet: {
      'it is': { 'shadowtap_policy_condition{policy="shop/next", type="ResolvedRefs", reason="ResolvedRefs", node="a"}': always(1) },
      'it is not degraded': { 'shadowtap_policy_condition{policy="shop/next", type="Degraded", reason="AsExpected", node="a"}': always(0) },
      'its mirror differs': { 'shadowtap_policy_condition{policy="shop/next", type="Matches", reason="Differs"}': always(0) },
    },
  },
  ShadowtapCopiesFail: {
    fires: { [copies('failed')]: growing(10), [copies('mirrored')]: growing(90) },
    expected: { labels: NEXT, summary: '10% of the copies of shop/next to http://next fail' },
    quiet: {
      'few do': { [copies('failed')]: growing(2), [copies('mirrored')]: growing(98) },
      'some are shed': { [copies('shed')]: growing(50), [copies('mirrored')]: growing(50) },
      'the mirror was replaced': { [copies('failed')]: '0+0x30 60+0x80', [copies('mirrored')]: growing(100) },
      'nothing is sent any more': { [copies('failed')]: always(60) },
    },
  },
  ShadowtapCopiesShed: {
    fires: { [copies('shed')]: growing(50), [copies('mirrored')]: growing(50) },
    expected: { labels: NEXT, summary: '50% of the copies of shop/next to http://next are shed' },
    quiet: { 'few are': { [copies('shed')]: growing(1), [copies('mirrored')]: growing(99) }, 'some fail': { [copies('failed')]: growing(50), [copies('mirrored')]: growing(50) } },
  },
  ShadowtapBreakerOpen: {
    fires: { 'shadowtap_breakers_open{node="a"}': always(2) },
    expected: { labels: { node: 'a' }, summary: 'The agent of a leaves a target alone' },
    quiet: { 'none is': { 'shadowtap_breakers_open{node="a"}': always(0) }, 'one was': { 'shadowtap_breakers_open{node="a"}': briefly(1, 0) } },
  },
  ShadowtapMirrorDiffers: {
    fires: { [verdict('differs', 'Mirror', 'a')]: always(1), [verdict('differs', 'Mirror', 'b')]: always(0), [verdict('looks safe', 'Mirror', 'b')]: always(1) },
    expected: { labels: NEXT, summary: 'http://next does not answer as production does (shop/next)' },
    quiet: {
      'it looks safe': { [verdict('looks safe')]: always(1), [verdict('differs')]: always(0) },
      'there is too little data': { [verdict('too little data')]: always(1), [verdict('differs')]: always(0) },
      'a baseline differs, which is noise': { [verdict('differs', 'Baseline')]: always(1) },
    },
  },
  ShadowtapMirrorSlower: {
    fires: { [`shadowtap_slower_endpoints{${COPIES}, role="Mirror", node="a"}`]: always(3) },
    expected: { labels: NEXT, summary: 'http://next answers 3 endpoints more slowly than shop/next allows' },
    quiet: {
      'it is not': { [`shadowtap_slower_endpoints{${COPIES}, role="Mirror", node="a"}`]: always(0) },
      'a baseline is': { [`shadowtap_slower_endpoints{${COPIES}, role="Baseline", node="a"}`]: always(3) },
    },
  },
  ShadowtapComparisonStarved: {
    fires: { [notCompared('incomplete')]: growing(30), [notCompared('too-large')]: growing(30), [COMPARED]: growing(40) },
    expected: { labels: NEXT, summary: '60% of the answers of http://next (shop/next) are not compared' },
    quiet: {
      'most are compared': { [notCompared('incomplete')]: growing(30), [COMPARED]: growing(70) },
      'the policy compares a share only': { [notCompared('sampled-out')]: growing(90), [COMPARED]: growing(10) },
      'there is no traffic': { [notCompared('incomplete')]: always(9), [COMPARED]: always(1) },
    },
  },
  ShadowtapFindingHigh: {
    fires: { 'shadowtap_findings_total{rule="exposed-file", severity="high", node="a"}': '0+0x35 1+0x80', 'shadowtap_findings_total{rule="exposed-file", severity="high", node="b"}': always(0) },
    expected: { labels: { rule: 'exposed-file' }, summary: 'Finding of high severity: exposed-file' },
    quiet: {
      'there was none': { 'shadowtap_findings_total{rule="exposed-file", severity="high", node="a"}': always(0) },
      'it was an hour ago': { 'shadowtap_findings_total{rule="exposed-file", severity="high", node="a"}': '0+0x5 1+0x80' },
      'it is of less severity': { 'shadowtap_findings_total{rule="path-scan", severity="medium", node="a"}': growing(5) },
    },
  },
  ShadowtapFindingsUntold: {
    fires: { 'shadowtap_findings_webhook_total{result="failed", node="a"}': '0+0x30 4+0x90', 'shadowtap_findings_webhook_total{result="sent", node="a"}': growing(1) },
    expected: { labels: { result: 'failed', node: 'a' }, summary: 'The agent of a could not send findings to the webhook' },
    quiet: { 'all were sent': { 'shadowtap_findings_webhook_total{result="failed", node="a"}': always(0), 'shadowtap_findings_webhook_total{result="sent", node="a"}': growing(1) } },
  },
};
