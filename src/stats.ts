import type { InsightData } from './insight.ts';
import type { Report, Verdict } from './compare/report.ts';
import type { LedgerSums, PolicyShare } from './ledger/book.ts';
import type { EndpointLoad } from './observe/data.ts';
import type { TapStats } from './tap/tap.ts';

/** Everything the agent knows of itself at one moment; served as JSON at /stats and as metrics at /metrics. */
export interface AgentStats {
  readonly version: string;
  readonly uptimeSeconds: number;
  /** false while the kill switch is on. */
  readonly mirroring: boolean;
  /** Share of admitted requests that may be mirrored, 0 to 1: below 1 while the agent gives way to the node. */
  readonly governorShare: number;
  readonly tap: { readonly name: string } & TapStats;
  readonly ledger: LedgerSums;
  /** Of each policy's sample, the share that is mirrored now: below 1 while adaptive sampling holds back. */
  readonly sampleShares: readonly PolicyShare[];
  /** Counters and gauges of the workers' stages, summed over workers: `flow.opened`, `http.requests`, ... */
  readonly counters: Readonly<Record<string, number>>;
  readonly endpoints: readonly EndpointStatus[];
  /** Of each policy that compares, and each of its mirrors. */
  readonly comparisons: readonly ComparisonSummary[];
  /** null: the agent is told by a file what to tap. */
  readonly cluster: ClusterStats | null;
  readonly workers: { readonly running: number; readonly restarts: number };
  readonly process: {
    /** User and system time of the whole process since its start, microseconds. */
    readonly cpuUs: number;
    readonly rssBytes: number;
  };
}

export type { InsightData } from './insight.ts';

/** The same, with what the workers have learnt of the traffic, and what follows of it: what metrics are made of. */
export interface AgentStatsWithInsight extends AgentStats {
  readonly insight: InsightData;
  /** What `insight` says of observed endpoints, of which a bounded number is told apart. */
  readonly observed: readonly EndpointLoad[];
  readonly report: Report;
}

/** What the report says of one policy and one of its mirrors, in short. */
export interface ComparisonSummary {
  /** `namespace/name` */
  readonly policy: string;
  readonly target: string;
  readonly verdict: Verdict;
  /** The weightiest reason; without anything that was in an answer. */
  readonly reason: string;
  readonly compared: number;
  readonly different: number;
  readonly notCompared: number;
}

export interface EndpointStatus {
  readonly name: string;
  readonly ports: readonly number[];
  readonly attached: boolean;
  /** Why it is not attached; empty otherwise. */
  readonly problem: string;
}

/** What an agent in a cluster knows of it. */
export interface ClusterStats {
  readonly node: string;
  /** Whether all that is needed has been heard at least once. */
  readonly synced: boolean;
  /** How far the API server's clock is ahead of the node's, milliseconds; 0 below what its answers can tell. */
  readonly clockSkewMs: number;
  readonly watches: readonly WatchStats[];
  /** Policies that select a pod of the node. */
  readonly policies: readonly PolicyStats[];
}

/** One type of objects that is followed. */
export interface WatchStats {
  readonly resource: string;
  /**
   * `idle`: nobody needs it; `waiting`: nothing listed yet; `following`; `failing`: the last attempt failed, what is known
   * stays; `missing`: there is no such type.
   */
  readonly state: 'idle' | 'waiting' | 'following' | 'failing' | 'missing';
  readonly objects: number;
  readonly lists: number;
  readonly watches: number;
  /** Events that changed something. */
  readonly events: number;
  /** What is wrong; empty where nothing is. */
  readonly problem: string;
}

export interface PolicyStats {
  /** `namespace/name`; where a label stands in for a policy, `namespace/label:...`. */
  readonly policy: string;
  /** `metadata.generation` that was judged; 0 for labels. */
  readonly generation: number;
  readonly conditions: readonly { readonly type: string; readonly status: string; readonly reason: string; readonly message: string }[];
  /** Names of the pods of the node that it selects. */
  readonly endpoints: readonly string[];
}
