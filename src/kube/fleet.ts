import type { Outcome } from '../ledger/outcomes.ts';
import type { AgentStats, PolicyStats } from '../stats.ts';

/** What one agent said, or why it said nothing. */
export interface AgentAnswer {
  readonly node: string;
  /** Name of its pod. */
  readonly pod: string;
  readonly stats: AgentStats | null;
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
  readonly targets: readonly TargetCounts[];
  /** `pod: why it is not tapped`, some of them. */
  readonly problems: readonly string[];
  /** What the agents say of it where they do not all agree with "True"; the first of each reason. */
  readonly conditions: PolicyStats['conditions'];
}

/** Enough to see what is wrong. */
const MAX_PROBLEMS = 10;

/** Adds up what the agents say, policy by policy, in the order of their names. */
export function summarise(answers: readonly AgentAnswer[]): PolicySummary[] {
  const tallies = new Map<string, Tally>();
  const tallyOf = (policy: string): Tally => {
    let tally = tallies.get(policy);
    if (tally === undefined) tallies.set(policy, (tally = new Tally(policy)));
    return tally;
  };
  for (const { stats } of answers) {
    if (stats === null) continue;
    const endpoints = new Map(stats.endpoints.map((endpoint) => [endpoint.name, endpoint]));
    for (const policy of stats.cluster?.policies ?? []) tallyOf(policy.policy).addNode(policy, endpoints);
    for (const { policy, outcome, count } of stats.ledger.requests) if (policy !== '') tallyOf(policy).addRequests(outcome, count);
    for (const { policy, target, outcome, count } of stats.ledger.copies) tallyOf(policy).addCopies(target, outcome, count);
    for (const { policy, share } of stats.sampleShares) tallyOf(policy).addShare(share);
  }
  return Array.from(tallies.values(), (tally) => tally.summary()).sort((a, b) => (a.policy < b.policy ? -1 : 1));
}

class Tally {
  readonly #policy: string;
  readonly #counts = { seen: 0, mirrored: 0, failed: 0, shed: 0, incomplete: 0, other: 0 };
  readonly #targets = new Map<string, { mirrored: number; failed: number; shed: number }>();
  readonly #problems: string[] = [];
  readonly #conditions = new Map<string, PolicyStats['conditions'][number]>();
  #nodes = 0;
  #least = Infinity;
  #most = 0;
  #endpoints = 0;
  #attached = 0;
  #shares = 0;
  #shareSum = 0;

  constructor(policy: string) {
    this.#policy = policy;
  }

  addNode({ generation, conditions, endpoints: names }: PolicyStats, endpoints: ReadonlyMap<string, AgentStats['endpoints'][number]>): void {
    this.#nodes += 1;
    this.#least = Math.min(this.#least, generation);
    this.#most = Math.max(this.#most, generation);
    this.#endpoints += names.length;
    for (const name of names) {
      const { attached = false, problem = 'not tapped yet' } = endpoints.get(name) ?? {};
      if (attached) this.#attached += 1;
      else if (this.#problems.length < MAX_PROBLEMS) this.#problems.push(`${name}: ${problem}`);
    }
    for (const condition of conditions) {
      const key = `${condition.type} ${condition.reason}`;
      if (condition.status !== 'True' && !this.#conditions.has(key)) this.#conditions.set(key, condition);
    }
  }

  addRequests(outcome: Outcome, count: number): void {
    this.#counts.seen += count;
    this.#counts[classOf(outcome)] += count;
  }

  addCopies(target: string, outcome: Outcome, count: number): void {
    let row = this.#targets.get(target);
    if (row === undefined) this.#targets.set(target, (row = { mirrored: 0, failed: 0, shed: 0 }));
    const kind = classOf(outcome);
    if (kind === 'mirrored' || kind === 'failed' || kind === 'shed') row[kind] += count;
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
      targets: Array.from(this.#targets, ([target, row]) => ({ target, ...row })),
      problems: this.#problems,
      conditions: [...this.#conditions.values()],
    };
  }
}

function classOf(outcome: Outcome): Exclude<keyof FleetCounts, 'seen'> {
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
