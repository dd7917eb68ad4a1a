import type { ComparisonData } from './compare/data.ts';
import { comparisonWithoutValues, mergeComparison } from './compare/merge.ts';
import type { FindingsData } from './findings/data.ts';
import type { ObserveData } from './observe/data.ts';

/** What has been learnt of the traffic, by one worker or by several. Plain data: it crosses threads and the network. */
export interface InsightData {
  readonly compare: ComparisonData;
  readonly observe: ObserveData;
  readonly findings: FindingsData;
}

/** Sums up what several workers, or agents, have learnt; of none, nothing. */
export function mergeInsight(parts: readonly InsightData[]): InsightData {
  return {
    compare: mergeComparison(parts.map(({ compare }) => compare)),
    observe: {
      endpoints: parts.flatMap(({ observe }) => observe.endpoints),
      clients: parts.flatMap(({ observe }) => observe.clients),
      folded: sum(parts.map(({ observe }) => observe.folded)),
    },
    findings: {
      findings: parts.flatMap(({ findings }) => findings.findings),
      totals: totals(parts.map(({ findings }) => findings.totals)),
      unlisted: sum(parts.map(({ findings }) => findings.unlisted)),
    },
  };
}

/** What stays true of a worker that is no more: its sums, but nothing that tells of now. */
export function retired({ compare, observe, findings }: InsightData): InsightData {
  const endpoints = observe.endpoints.map((endpoint) => ({ ...endpoint, rate: 0 }));
  return { compare, observe: { ...observe, endpoints }, findings };
}

/** The same for those who may not see what requests and responses say. */
export function withoutValues({ compare, observe, findings }: InsightData): InsightData {
  return { compare: comparisonWithoutValues(compare), observe, findings: { ...findings, findings: findings.findings.map((finding) => ({ ...finding, evidence: '' })) } };
}

function totals(parts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const into: Record<string, number> = {};
  for (const part of parts) for (const [rule, count] of Object.entries(part)) into[rule] = (into[rule] ?? 0) + count;
  return into;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
