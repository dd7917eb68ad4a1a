import type { CopyCount, RequestCount } from '../../src/ledger/book.ts';
import type { Outcome } from '../../src/ledger/outcomes.ts';
import type { AgentStats, PolicyStats } from '../../src/stats.ts';

/** One policy as an agent tells of it. */
export interface PolicyPart {
  /** `namespace/name` */
  readonly policy: string;
  readonly generation?: number;
  readonly conditions?: PolicyStats['conditions'];
  /** Names of its pods and, where one is not tapped, why. */
  readonly pods?: Readonly<Record<string, string>>;
  /** Requests by outcome. */
  readonly requests?: Partial<Record<Outcome, number>>;
  /** Copies by target and outcome. */
  readonly copies?: Readonly<Record<string, Partial<Record<Outcome, number>>>>;
  readonly share?: number;
}

const RIGHT: PolicyStats['conditions'] = [
  { type: 'Accepted', status: 'True', reason: 'Accepted', message: 'the policy is right' },
  { type: 'ResolvedRefs', status: 'True', reason: 'ResolvedRefs', message: 'all targets are there' },
];

/** What an agent with these policies serves at /stats. */
export function agentStats(node: string, policies: readonly PolicyPart[], more: Partial<AgentStats> = {}): AgentStats {
  const requests = policies.flatMap(({ policy, requests: counts = {} }) => entries(counts).map(([outcome, count]): RequestCount => ({ policy, outcome, reason: '', count })));
  const copies = policies.flatMap(({ policy, copies: targets = {} }) =>
    Object.entries(targets).flatMap(([target, counts]) => entries(counts).map(([outcome, count]): CopyCount => ({ policy, target, outcome, reason: '', count }))),
  );
  const pods = new Map(policies.flatMap(({ pods: own = {} }) => Object.entries(own)));
  return {
    version: '0.1.0',
    uptimeSeconds: 60,
    mirroring: true,
    governorShare: 1,
    tap: { name: 'ebpf:tcx', seen: 0, copied: 0, bytes: 0, shed: 0, shedFlows: 0, notHttp: 0, notHttpFlows: 0, lost: 0, programNs: 0, programRuns: 0 },
    ledger: { seen: requests.reduce((sum, { count }) => sum + count, 0), open: 0, requests, copies },
    sampleShares: policies.map(({ policy, share = 1 }) => ({ policy, share })),
    counters: { 'flow.opened': 1 },
    endpoints: Array.from(pods, ([name, problem]) => ({ name, ports: [8080], attached: problem === '', problem })),
    comparisons: [],
    cluster: {
      node,
      synced: true,
      clockSkewMs: 0,
      watches: [{ resource: 'pods', state: 'following', objects: pods.size, lists: 1, watches: 1, events: 0, problem: '' }],
      policies: policies.map(({ policy, generation = 1, conditions = RIGHT, pods: own = {} }) => ({ policy, generation, conditions, endpoints: Object.keys(own) })),
    },
    workers: { running: 1, restarts: 0 },
    process: { cpuUs: 1_000_000, rssBytes: 100 << 20 },
    ...more,
  };
}

function entries(counts: Partial<Record<Outcome, number>>): [Outcome, number][] {
  return Object.entries(counts) as [Outcome, number][];
}
