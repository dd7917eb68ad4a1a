import type { LedgerSums, PolicyShare } from './ledger/book.ts';
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
  readonly workers: { readonly running: number; readonly restarts: number };
  readonly process: {
    /** User and system time of the whole process since its start, microseconds. */
    readonly cpuUs: number;
    readonly rssBytes: number;
  };
}

export interface EndpointStatus {
  readonly name: string;
  readonly ports: readonly number[];
  readonly attached: boolean;
  /** Why it is not attached; empty otherwise. */
  readonly problem: string;
}
