import type { ComparisonSummary, PolicyStats } from '../stats.ts';
import { isRecord, listOf, recordOf, textOf, textsOf } from './json.ts';

/** What is read of an agent's statistics, `AgentStats`; another version's may have more, or say less. */
export interface AgentReport {
  readonly version: string;
  readonly uptimeSeconds: number;
  readonly mirroring: boolean;
  readonly tap: { readonly name: string; readonly shed: number; readonly lost: number };
  readonly ledger: { readonly seen: number; readonly requests: readonly OutcomeCount[]; readonly copies: readonly CopyOutcomeCount[] };
  readonly sampleShares: readonly { readonly policy: string; readonly share: number }[];
  readonly endpoints: readonly { readonly name: string; readonly attached: boolean; readonly problem: string }[];
  readonly comparisons: readonly ComparisonSummary[];
  /** null: it is told by a file what to tap. */
  readonly cluster: {
    readonly synced: boolean;
    readonly watches: readonly { readonly resource: string; readonly state: string; readonly problem: string }[];
    readonly policies: readonly PolicyStats[];
  } | null;
  readonly workers: { readonly running: number; readonly restarts: number };
  readonly process: { readonly cpuUs: number; readonly rssBytes: number };
}

export interface OutcomeCount {
  readonly policy: string;
  readonly outcome: string;
  readonly count: number;
}

export interface CopyOutcomeCount extends OutcomeCount {
  readonly target: string;
}

/** Longer than any name, address or message of an agent that means well. */
const MAX_TEXT = 2048;

/**
 * Reads what an agent says. It runs on a node that may have been taken over: whatever it says concerns its own figures
 * only, so what is not as it should be counts as nothing.
 * @returns null where it is no agent's statistics at all
 */
export function agentReport(value: unknown): AgentReport | null {
  const { version, uptimeSeconds, mirroring, tap, ledger, sampleShares, endpoints, comparisons, cluster, workers, process } = recordOf(value);
  if (!isRecord(ledger) || !isRecord(tap) || !Array.isArray(endpoints)) return null;
  return {
    version: said(version),
    uptimeSeconds: amount(uptimeSeconds),
    mirroring: mirroring !== false,
    tap: { name: said(tap['name']), shed: count(tap['shed']), lost: count(tap['lost']) },
    ledger: {
      seen: count(ledger['seen']),
      requests: listOf(ledger['requests']).map((row) => ({ policy: said(row['policy']), outcome: said(row['outcome']), count: count(row['count']) })),
      copies: listOf(ledger['copies']).map((row) => ({
        policy: said(row['policy']),
        target: said(row['target']),
        outcome: said(row['outcome']),
        count: count(row['count']),
      })),
    },
    sampleShares: listOf(sampleShares).map(({ policy, share }) => ({ policy: said(policy), share: Math.min(1, amount(share)) })),
    endpoints: listOf(endpoints).map(({ name, attached, problem }) => ({ name: said(name), attached: attached === true, problem: said(problem) })),
    comparisons: listOf(comparisons).map(comparison),
    cluster: isRecord(cluster) ? clusterPart(cluster) : null,
    workers: { running: count(recordOf(workers)['running']), restarts: count(recordOf(workers)['restarts']) },
    process: { cpuUs: count(recordOf(process)['cpuUs']), rssBytes: count(recordOf(process)['rssBytes']) },
  };
}

function comparison({ policy, target, verdict, reason, compared, different, notCompared }: Readonly<Record<string, unknown>>): ComparisonSummary {
  return {
    policy: said(policy),
    target: said(target),
    verdict: verdict === 'looks safe' || verdict === 'differs' ? verdict : 'too little data',
    reason: said(reason),
    compared: count(compared),
    different: count(different),
    notCompared: count(notCompared),
  };
}

function clusterPart({ synced, watches, policies }: Readonly<Record<string, unknown>>): AgentReport['cluster'] {
  return {
    synced: synced !== false,
    watches: listOf(watches).map(({ resource, state, problem }) => ({ resource: said(resource), state: said(state), problem: said(problem) })),
    policies: listOf(policies).map(({ policy, generation, conditions, endpoints }) => ({
      policy: said(policy),
      generation: count(generation),
      conditions: listOf(conditions).map(({ type, status, reason, message }) => ({
        type: said(type),
        status: said(status),
        reason: said(reason),
        message: said(message),
      })),
      endpoints: textsOf(endpoints),
    })),
  };
}

function said(value: unknown): string {
  return textOf(value).slice(0, MAX_TEXT);
}

/** A whole number from 0 that every reader takes exactly. */
function count(value: unknown): number {
  return Math.min(Number.MAX_SAFE_INTEGER, Math.floor(amount(value)));
}

function amount(value: unknown): number {
  return typeof value === 'number' && value > 0 ? value : 0;
}
