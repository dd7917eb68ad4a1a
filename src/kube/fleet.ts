import { REMOVED } from '../ledger/book.ts';
import type { ComparisonSummary, PolicyStats } from '../stats.ts';
import type { AgentReport } from './agent-report.ts';
import { ComparisonTally, type FleetComparison } from './comparison-tally.ts';

/** What one agent said, or why it said nothing. */
export interface AgentAnswer {
  readonly node: string;
  /** Name of its pod. */
  readonly pod: string;
  readonly stats: AgentReport | null;
  /** Empty where it answered. */
  readonly problem: string;
}

export interface FleetCounts {
  readonly seen: number;
  readonly mirrored: number;
  readonly failed: number;
  readonly shed: number;
  readonly incomplete: number;
  /** Every other outcome: not matched, not sampled, ... */
  readonly other: number;
}

export interface TargetCounts {
  readonly target: string;
  readonly mirrored: number;
  readonly failed: number;
  readonly shed: number;
}

/** One policy on all nodes. Counts are those of the agents that answered, since each of them was started. */
export interface PolicySummary {
  /** `namespace/name` */
  readonly policy: string;
  /** Agents that select a pod by it. */
  readonly nodes: number;
  /** The lowest and the highest `generation` that they go by. */
  readonly generations: readonly [least: number, most: number];
  /** Pods that it selects, and those of them that are tapped. */
  readonly endpoints: number;
  readonly attached: number;
  /** Share of the sample that is mirrored, 0 to 1, the mean over nodes. */
  readonly share: number;
  readonly counts: FleetCounts;
  /** By name. */
  readonly targets: readonly TargetCounts[];
  /** `pod: why it is not tapped`, the first of them by name. */
  readonly problems: readonly string[];
  /** What its mirrors answer, held against production; null where nothing is compared. */
  readonly comparison: FleetComparison | null;
  /** What agents say of it other than "True"; one of each reason, in order. */
  readonly conditions: PolicyStats['conditions'];
}

/** Enough to see what is wrong. */
const MAX_PROBLEMS = 10;

/** Adds up what agents say, policy by policy. What comes out is the same in whatever order they are added. */
export class FleetTally {
  readonly #policies = new Map<string, PolicyTally>();

  /** Keeps nothing of the report itself. */
  add({ endpoints: all, cluster, ledger, sampleShares, comparisons }: AgentReport): void {
    const endpoints = new Map(all.map((endpoint) => [endpoint.name, endpoint]));
    for (const policy of cluster?.policies ?? []) this.#of(policy.policy).addNode(policy, endpoints);
    for (const { policy, outcome, count } of ledger.requests) if (isPolicy(policy)) this.#of(policy).addRequests(outcome, count);
    for (const { policy, target, outcome, count } of ledger.copies) if (isPolicy(policy)) this.#of(policy).addCopies(target, outcome, count);
    for (const comparison of comparisons) if (isPolicy(comparison.policy)) this.#of(comparison.policy).addComparison(comparison);
    for (const { policy, share } of sampleShares) if (isPolicy(policy)) this.#of(policy).addShare(share);
  }

  /** In the order of their names. */
  summaries(): PolicySummary[] {
    return Array.from(this.#policies.values(), (tally) => tally.summary()).sort((a, b) => byText(a.policy, b.policy));
  }

  #of(policy: string): PolicyTally {
    let tally = this.#policies.get(policy);
    if (tally === undefined) this.#policies.set(policy, (tally = new PolicyTally(policy)));
    return tally;
  }
}

/** All of them at once. */
export function summarise(answers: readonly AgentAnswer[]): PolicySummary[] {
  const tally = new FleetTally();
  for (const { stats } of answers) if (stats !== null) tally.add(stats);
  return tally.summaries();
}

/** Requests that no policy wants, and those of policies that are long gone, are counted under names that are none. */
function isPolicy(policy: string): boolean {
  return policy !== '' && policy !== REMOVED;
}

class PolicyTally {
  readonly #policy: string;
  readonly #counts = { seen: 0, mirrored: 0, failed: 0, shed: 0, incomplete: 0, other: 0 };
  readonly #targets = new Map<string, { mirrored: number; failed: number; shed: number }>();
  #problems: string[] = [];
  readonly #conditions = new Map<string, PolicyStats['conditions'][number]>();
  #nodes = 0;
  #least = Infinity;
  #most = 0;
  #endpoints = 0;
  #attached = 0;
  readonly #comparison = new ComparisonTally();
  #shares = 0;
  #shareSum = 0;

  constructor(policy: string) {
    this.#policy = policy;
  }

  addNode({ generation, conditions, endpoints: names }: PolicyStats, endpoints: ReadonlyMap<string, AgentReport['endpoints'][number]>): void {
    this.#nodes += 1;
    this.#least = Math.min(this.#least, generation);
    this.#most = Math.max(this.#most, generation);
    this.#endpoints += names.length;
    for (const name of names) {
      const { attached = false, problem = 'not tapped yet' } = endpoints.get(name) ?? {};
      if (attached) this.#attached += 1;
      else this.#problems.push(`${name}: ${problem}`);
    }
    if (this.#problems.length > MAX_PROBLEMS) this.#problems = this.#problems.sort(byText).slice(0, MAX_PROBLEMS);
    for (const condition of conditions) {
      if (condition.status === 'True') continue;
      const key = `${condition.type} ${condition.reason}`;
      const known = this.#conditions.get(key);
      if (known === undefined || condition.message < known.message) this.#conditions.set(key, condition);
    }
  }

  addRequests(outcome: string, count: number): void {
    const kind = classOf(outcome);
    this.#counts.seen = sum(this.#counts.seen, count);
    this.#counts[kind] = sum(this.#counts[kind], count);
  }

  addCopies(target: string, outcome: string, count: number): void {
    let row = this.#targets.get(target);
    if (row === undefined) this.#targets.set(target, (row = { mirrored: 0, failed: 0, shed: 0 }));
    const kind = classOf(outcome);
    if (kind === 'mirrored' || kind === 'failed' || kind === 'shed') row[kind] = sum(row[kind], count);
  }

  addComparison(comparison: ComparisonSummary): void {
    this.#comparison.add(comparison);
  }

  addShare(share: number): void {
    this.#shares += 1;
    this.#shareSum += share;
  }

  summary(): PolicySummary {
    return {
      policy: this.#policy,
      nodes: this.#nodes,
      generations: [this.#nodes === 0 ? 0 : this.#least, this.#most],
      endpoints: this.#endpoints,
      attached: this.#attached,
      share: this.#shares === 0 ? 1 : this.#shareSum / this.#shares,
      counts: { ...this.#counts },
      targets: [...this.#targets].sort(([a], [b]) => byText(a, b)).map(([target, row]) => ({ target, ...row })),
      comparison: this.#comparison.sum(),
      problems: [...this.#problems].sort(byText),
      conditions: [...this.#conditions].sort(([a], [b]) => byText(a, b)).map(([, condition]) => condition),
    };
  }
}

function classOf(outcome: string): Exclude<keyof FleetCounts, 'seen'> {
  switch (outcome) {
    case 'mirrored':
    case 'recorded':
      return 'mirrored';
    case 'failed':
    case 'shed':
    case 'incomplete':
      return outcome;
    default:
      return 'other';
  }
}

/** Within what every reader of JSON takes exactly. */
function sum(a: number, b: number): number {
  return Math.min(Number.MAX_SAFE_INTEGER, a + b);
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
