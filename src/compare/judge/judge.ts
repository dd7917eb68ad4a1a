import { VERSION } from '../../version.ts';
import type { ComparisonData, EndpointComparison, PolicyComparison } from '../data.ts';
import { compareText } from '../evidence/place-counts.ts';
import type { PolicyReport, Report } from '../report.ts';
import { holm } from '../statistics/family.ts';
import { quickestUs } from './hop.ts';
import { judgeEndpoint, measureEndpoint, OUTCOMES, type JudgedEndpoint } from './judge-endpoint.ts';
import { reportPolicy } from './judge-policy.ts';
import type { JudgeRules } from './judge-rules.ts';

/**
 * Says what was found: for each policy and target, and each of its endpoints, whether the mirror's answers are safe, with the
 * reasons. A pure function of merged data.
 *
 * @param rulesOf by name of a policy; null where it is not known any more: it is left out
 */
export function judge(data: ComparisonData, rulesOf: (policy: string) => JudgeRules | null, at: Date = new Date()): Report {
  const current = newestRules(data.policies);
  const policies = current.flatMap((policy) => {
    const rules = rulesOf(policy.policy);
    return rules === null ? [] : [judgePolicy(policy, baselineOf(policy, current), rules)];
  });
  return { version: VERSION, at: at.toISOString(), policies };
}

function judgePolicy(policy: PolicyComparison, baseline: PolicyComparison | null, rules: JudgeRules): PolicyReport {
  const way = { connectUs: policy.connectUs, quickestUs: quickestUs(policy.endpoints.map(({ latency }) => latency)) };
  const measured = policy.endpoints.map((endpoint) => measureEndpoint(endpoint, sameEndpoint(baseline, endpoint), way, rules));
  // Of many endpoints some would seem worse by chance alone.
  const tested = Math.max(1, policy.endpoints.filter(({ compared }) => compared >= rules.minCompared).length);
  const slower = holm(measured.map(({ latency }) => latency?.pSlower ?? 1));
  const judged = measured.map((endpoint, i) => judgeEndpoint(endpoint, rules, { tested, pSlower: slower[i]! }));
  return reportPolicy(policy, judged.sort(byWeight), rules);
}

/** Where rules have changed, what was found by the newest of them. */
export function newestRules(policies: readonly PolicyComparison[]): PolicyComparison[] {
  const newest = new Map<string, PolicyComparison>();
  for (const policy of policies) {
    const key = JSON.stringify([policy.policy, policy.target, policy.role]);
    const other = newest.get(key);
    if (other === undefined || other.sinceMs < policy.sinceMs) newest.set(key, policy);
  }
  return [...newest.values()];
}

function baselineOf(policy: PolicyComparison, all: readonly PolicyComparison[]): PolicyComparison | null {
  if (policy.role === 'Baseline') return null;
  return all.find((other) => other.policy === policy.policy && other.role === 'Baseline') ?? null;
}

/** @returns null also where the baseline is of no use */
function sameEndpoint(policy: PolicyComparison | null, { method, template }: EndpointComparison): EndpointComparison | null {
  const found = policy?.endpoints.find((other) => other.method === method && other.template === template);
  return found === undefined || !answersAlike(found) ? null : found;
}

/** A baseline whose outcome is mostly another than production's lacks something that production has, and says nothing of what varies. */
function answersAlike({ places, compared }: EndpointComparison): boolean {
  return places.every(({ kind, differed }) => !OUTCOMES.has(kind) || differed <= compared / 2);
}

const WEIGHT = { differs: 0, 'too little data': 1, 'looks safe': 1 } as const;

function byWeight(a: JudgedEndpoint, b: JudgedEndpoint): number {
  const [one, other] = [a.report, b.report];
  return (
    WEIGHT[one.verdict] - WEIGHT[other.verdict] ||
    other.counts.different - one.counts.different ||
    other.counts.compared - one.counts.compared ||
    compareText(one.template, other.template) ||
    compareText(one.method, other.method)
  );
}
