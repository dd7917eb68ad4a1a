import { ByteBudget } from '../flow/budget.ts';
import type { ComparisonData, EndpointComparison, NotComparedCounts, PolicyComparison } from './data.ts';
import { addTo, sortedCounts } from './evidence/endpoint-evidence.ts';
import { EndpointTable, TABLE_LIMITS, type TableLimits } from './evidence/endpoint-table.ts';
import { compareText } from './evidence/place-counts.ts';

/** Nothing is left out where parts are joined: each of them is bounded. Only samples stay as small. */
const NO_LIMITS: TableLimits = { endpoints: Infinity, places: 65_536, signatures: Infinity, latency: TABLE_LIMITS.latency };
const CONNECTS = 256;

/**
 * What several workers, or several agents, have found, as if one had seen it all. It does not matter in which order they come,
 * or whether some have been merged before; only which times stay of a sample that is full is drawn. Where rules have changed
 * meanwhile, what was found by either stays apart.
 */
export function mergeComparison(parts: readonly ComparisonData[]): ComparisonData {
  const groups = new Map<string, PolicyComparison[]>();
  for (const policy of parts.flatMap((part) => part.policies)) {
    const key = JSON.stringify([policy.policy, policy.target, policy.role, policy.rules]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [policy]);
    else group.push(policy);
  }
  return { policies: [...groups.values()].map(mergePolicy).sort(byTarget) };
}

function mergePolicy(parts: readonly PolicyComparison[]): PolicyComparison {
  const { policy, target, role, rules } = parts[0]!;
  const table = new EndpointTable(NO_LIMITS, new ByteBudget(Infinity));
  const notCompared: NotComparedCounts = {};
  for (const part of parts) {
    table.join(part.endpoints, part.folded);
    addTo(notCompared, part.notCompared);
  }
  return {
    policy,
    target,
    role,
    rules,
    sinceMs: Math.min(...parts.map((part) => part.sinceMs)),
    endpoints: table.data(),
    folded: table.folded,
    notCompared: sortedCounts(notCompared),
    connectUs: joinTimes(parts.map((part) => part.connectUs)),
  };
}

/** All of them in order; where they are too many, evenly thinned. */
export function joinTimes(parts: readonly (readonly number[])[]): number[] {
  const all = parts.flat().sort((a, b) => a - b);
  return all.length <= CONNECTS ? all : Array.from({ length: CONNECTS }, (_, i) => all[Math.floor(((i + 0.5) * all.length) / CONNECTS)]!);
}

/** The order of targets in what is handed on. */
export function byTarget(a: PolicyComparison, b: PolicyComparison): number {
  return compareText(a.policy, b.policy) || compareText(a.target, b.target) || compareText(a.role, b.role) || compareText(a.rules, b.rules);
}

/** The same without anything that was in an answer, for viewers that are not trusted with it. */
export function comparisonWithoutValues(data: ComparisonData): ComparisonData {
  return { policies: data.policies.map((policy) => ({ ...policy, endpoints: policy.endpoints.map(withoutExamples) })) };
}

function withoutExamples(endpoint: EndpointComparison): EndpointComparison {
  return { ...endpoint, places: endpoint.places.map((place) => ({ ...place, examples: [] })) };
}
