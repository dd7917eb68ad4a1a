import type { Finding } from '../findings/data.ts';
import type { InsightData } from '../insight.ts';
import type { PlannedTarget } from '../mirror/planner.ts';
import type { PolicySnapshot } from '../policy/snapshot.ts';
import type { SourceDescriptor } from '../tap/tap.ts';
import type { LiveBatch, LiveFilter } from './live-exchange.ts';

/** What a worker is born with. Every message between the threads is listed in this file. */
export interface WorkerSetup {
  readonly index: number;
  /** How many workers there are. */
  readonly workers: number;
  /** It takes the place of a worker that died: what that one left in the ring is given up, so nothing is sent twice. */
  readonly replacement: boolean;
  readonly source: SourceDescriptor;
  /** Bytes that captured requests may take in this worker. */
  readonly memoryBytes: number;
  /** Lower-case name of the header that marks copies. */
  readonly marker: string;
  /** Counts what would be sent instead of sending it. */
  readonly dryRun: boolean;
  /** How long it is learnt what is usual before anything is called a flood. */
  readonly learnSeconds: number;
  /** Shows contents of exchanges to whoever watches. */
  readonly showBodies: boolean;
  /** The governor's word: the share of admitted requests that may be mirrored. */
  readonly share: SharedArrayBuffer;
  readonly account: SharedArrayBuffer;
  readonly counters: SharedArrayBuffer;
  readonly policies: PoliciesMessage;
}

/** A new snapshot, with the accounts that its policies are counted in. */
export interface PoliciesMessage {
  readonly kind: 'policies';
  readonly snapshot: PolicySnapshot;
  /** One for each policy of the snapshot. */
  readonly accounts: readonly SharedArrayBuffer[];
  /** The kill switch: requests are settled as `off`, what waits is given up. */
  readonly off: boolean;
}

export interface StopMessage {
  readonly kind: 'stop';
  /** How long what is under way may take to finish, milliseconds. */
  readonly graceMs: number;
}

/** Asks what a dry run has planned so far. */
export interface PlanMessage {
  readonly kind: 'plan';
}

/** Asks what has been learnt of the traffic so far. */
export interface InsightMessage {
  readonly kind: 'insight';
}

/** Somebody who looks at the exchanges as they happen. */
export interface Watcher {
  readonly id: number;
  readonly filter: LiveFilter;
}

/** For whom to look out from now on; for nobody where the list is empty. */
export interface WatchMessage {
  readonly kind: 'watch';
  readonly watchers: readonly Watcher[];
  /** What is known to differ by nature: of an exchange in which nothing else differs that is told. */
  readonly noise: readonly NoisyEndpoint[];
}

/** Places of one endpoint's answers that are noise, by kind and name: `field body /at`. */
export interface NoisyEndpoint {
  readonly policy: string;
  readonly target: string;
  readonly method: string;
  readonly template: string;
  readonly places: readonly string[];
}

export interface WatchedExchanges {
  /** The watcher's. */
  readonly id: number;
  readonly batch: LiveBatch;
}

/** main ──▶ worker */
export type ToWorker = PoliciesMessage | StopMessage | PlanMessage | InsightMessage | WatchMessage;

/** worker ──▶ main */
export type FromWorker =
  | { readonly kind: 'ready' }
  /** The snapshot with this version is in force. */
  | { readonly kind: 'applied'; readonly version: number }
  | { readonly kind: 'planned'; readonly targets: readonly PlannedTarget[] }
  /** All of it, since the worker began. */
  | { readonly kind: 'insight'; readonly data: InsightData }
  /** For each watcher, what was seen since the last time. */
  | { readonly kind: 'exchanges'; readonly batches: readonly WatchedExchanges[] }
  /** News: what was found, or has grown tenfold, since the last time; at most once a second. */
  | { readonly kind: 'found'; readonly findings: readonly Finding[] }
  /** For the log: what an administrator should look at. */
  | { readonly kind: 'problem'; readonly message: string }
  | { readonly kind: 'stopped' };
