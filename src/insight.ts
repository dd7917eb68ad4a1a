import type { ComparisonData } from './compare/data.ts';
import { comparisonWithoutValues, mergeComparison } from './compare/merge.ts';
import type { FindingsData } from './findings/data.ts';
import { mergeFindings } from './findings/merge.ts';
import type { ObserveData } from './observe/data.ts';
import { mergeObserve, withoutNow } from './observe/merge.ts';

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
    observe: mergeObserve(parts.map(({ observe }) => observe)),
    findings: mergeFindings(parts.map(({ findings }) => findings)),
  };
}

/** What stays true of a worker that is no more: its sums, but nothing that tells of now. */
export function retired({ compare, observe, findings }: InsightData): InsightData {
  return { compare, observe: withoutNow(observe), findings };
}

/** The same for those who may not see what requests and responses say. */
export function withoutValues({ compare, observe, findings }: InsightData): InsightData {
  // Evidence of findings consists of words of our own.
  return { compare: comparisonWithoutValues(compare), observe, findings };
}
