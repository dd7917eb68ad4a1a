import type { HashKeys } from './keys.ts';
import type { MirrorPolicy } from './schema.ts';

/**
 * All that workers need to know of policies and endpoints at one moment. Frozen plain data: it crosses threads, and a
 * worker swaps one reference to change policy. Workers refer to policies, targets and endpoints by their number here.
 */
export interface PolicySnapshot {
  /** Rises with each snapshot of one agent. */
  readonly version: number;
  readonly policies: readonly MirrorPolicy[];
  /** The targets of all policies, in order: a flat list, so that one number names a target. */
  readonly targets: readonly SnapshotTarget[];
  readonly endpoints: readonly SnapshotEndpoint[];
  /** Who may be behind an address, for `from`. */
  readonly peers: readonly SnapshotPeer[];
  readonly keys: HashKeys;
  /** Contents of the PEM files that targets name, by path. */
  readonly pemFiles: Readonly<Record<string, string>>;
}

/** A pod, or what is configured in its place. */
export interface SnapshotPeer {
  /** Text form as `FlowInfo` has it. */
  readonly addresses: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly namespace: string;
  readonly namespaceLabels: Readonly<Record<string, string>>;
}

export interface SnapshotTarget {
  /** Index into `policies`. */
  readonly policy: number;
  /** Index into that policy's `spec.targets`. */
  readonly index: number;
  /**
   * Of a target that is a Service: where its ready endpoints are, in any order; empty where there is none, or where the
   * policy may not refer to it. Not there: the target is a URL or a file.
   */
  readonly addresses?: readonly BackendAddress[];
}

/** Where one endpoint of a Service listens. */
export interface BackendAddress {
  /** An IP address, IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

export interface SnapshotEndpoint {
  readonly id: number;
  readonly name: string;
  /** Ports that at least one policy selects, ascending. */
  readonly ports: readonly number[];
  /** Indexes into `policies` of those that select this endpoint, each with the ports it selects; no port means every port. */
  readonly policies: readonly { readonly policy: number; readonly ports: readonly number[] }[];
  /** Ports that a policy with `observe` selects, ascending; no port means every port. null: none does. See `isObserved`. */
  readonly observed: readonly number[] | null;
}

/** Whether a policy wants to know of the traffic of this port, mirrored or not (`observe`). */
export function isObserved({ observed }: SnapshotEndpoint, port: number): boolean {
  return observed !== null && (observed.length === 0 || observed.includes(port));
}
