import type { ComparisonSummary, PolicyStats } from '../stats.ts';
import { amountOf, countOf, isRecord, listOf, recordOf, shortTextOf, textsOf } from './json.ts';

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
    uptimeSeconds: amountOf(uptimeSeconds),
    mirroring: mirroring !== false,
    tap: { name: said(tap['name']), shed: countOf(tap['shed']), lost: countOf(tap['lost']) },
    ledger: {
      seen: countOf(ledger['seen']),
      requests: listOf(ledger['requests']).map((row) => ({ policy: said(row['policy']), outcome: said(row['outcome']), count: countOf(row['count']) })),
      copies: listOf(ledger['copies']).map((row) => ({
        policy: said(row['policy']),
        target: said(row['target']),
        outcome: said(row['outcome']),
        count: countOf(row['count']),
      })),
    },
    sampleShares: listOf(sampleShares).map(({ policy, share }) => ({ policy: said(policy), share: Math.min(1, amountOf(share)) })),
    endpoints: listOf(endpoints).map(({ name, attached, problem }) => ({ name: said(name), attached: attached === true, problem: said(problem) })),
    comparisons: listOf(comparisons).map(comparison),
    cluster: isRecord(cluster) ? clusterPart(cluster) : null,
    workers: { running: countOf(recordOf(workers)['running']), restarts: countOf(recordOf(workers)['restarts']) },
    process: { cpuUs: countOf(recordOf(process)['cpuUs']), rssBytes: countOf(recordOf(process)['rssBytes']) },
  };
}

function comparison({ policy, target, verdict, reason, compared, different, notCompared }: Readonly<Record<string, unknown>>): ComparisonSummary {
  return {
    policy: said(policy),
    target: said(target),
    verdict: verdict === 'looks safe' || verdict === 'differs' ? verdict : 'too little data',
    reason: said(reason),
    compared: countOf(compared),
    different: countOf(different),
    notCompared: countOf(notCompared),
  };
}

function clusterPart({ synced, watches, policies }: Readonly<Record<string, unknown>>): AgentReport['cluster'] {
  return {
    synced: synced !== false,
    watches: listOf(watches).map(({ resource, state, problem }) => ({ resource: said(resource), state: said(state), problem: said(problem) })),
    policies: listOf(policies).map(({ policy, generation, conditions, endpoints }) => ({
      policy: said(policy),
      generation: countOf(generation),
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
  return shortTextOf(value, MAX_TEXT);
}
