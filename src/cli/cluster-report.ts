import type { AgentReport } from '../kube/agent-report.ts';
import { FleetTally, summarise, type AgentAnswer, type PolicySummary } from '../kube/fleet.ts';

/** How a cluster's agents and policies fare; what `shadowtap status -o json` prints. */
export interface ClusterReport {
  readonly seconds: number;
  readonly policies: readonly PolicyRow[];
  readonly nodes: readonly NodeRow[];
  /** What is wrong, the worst first. */
  readonly problems: readonly string[];
}

export interface PolicyRow extends Rates {
  readonly policy: string;
  /** The first condition that is not as it should be, or `ok`. */
  readonly state: string;
  readonly nodes: number;
  readonly pods: number;
  readonly tapped: number;
  readonly counts: PolicySummary['counts'];
  readonly targets: PolicySummary['targets'];
  /** The same for each node. */
  readonly byNode: readonly (Rates & { readonly node: string; readonly pods: number; readonly tapped: number; readonly counts: PolicySummary['counts'] })[];
}

interface Rates {
  /** A second, between the two looks. */
  readonly seenRate: number;
  readonly mirroredRate: number;
}

export interface NodeRow extends Rates {
  readonly node: string;
  readonly pod: string;
  /** `ok`, or why it is not. */
  readonly state: string;
  readonly version: string;
  readonly tap: string;
  readonly pods: number;
  readonly tapped: number;
  /** Packets that were not copied because a ring was full, and that the kernel lost. */
  readonly shedPackets: number;
  readonly lostPackets: number;
  /** Cores in use between the two looks. */
  readonly cpu: number;
  readonly memoryBytes: number;
}

/** What MirrorPolicy objects say: `False` conditions that should be `True`, and the other way round. */
export interface ObjectState {
  /** `namespace/name` */
  readonly policy: string;
  readonly state: string;
  readonly message: string;
}

const MAX_PROBLEMS = 20;

/**
 * @param looks what the agents said, and what they said a while later
 * @param seconds between the two, as was asked for; rates go by the agents' own clocks
 * @param wanted whether a policy, `namespace/name`, is asked for
 */
export function clusterReport(
  [before, after]: readonly [readonly AgentAnswer[], readonly AgentAnswer[]],
  objects: readonly ObjectState[],
  seconds: number,
  wanted: (policy: string) => boolean,
): ClusterReport {
  const earlier = new Map(before.map((answer) => [answer.pod, answer.stats]));
  const nodes = after.map((answer) => new NodeLook(answer, earlier.get(answer.pod) ?? null));
  const ours = objects.filter(({ policy }) => wanted(policy));
  const states = new Map(ours.map(({ policy, state }) => [policy, state]));
  const seen = summarise(after).filter(({ policy }) => wanted(policy));
  const names = new Set(seen.map(({ policy }) => policy));
  const unseen = ours.filter(({ policy }) => !names.has(policy)).map(({ policy }) => policy);
  return {
    seconds,
    policies: [...seen.map((summary) => policyRow(summary, states, nodes)), ...unseen.map((policy) => idleRow(policy, states))].sort((a, b) => (a.policy < b.policy ? -1 : 1)),
    nodes: nodes.map((node) => node.row()),
    problems: problemsOf(after, ours),
  };
}

/** One agent at two moments. */
class NodeLook {
  readonly answer: AgentAnswer;
  readonly summaries: ReadonlyMap<string, PolicySummary>;
  readonly #before: AgentReport | null;
  readonly #summariesBefore: ReadonlyMap<string, PolicySummary>;
  /** Between the two by the agent's own clock; 0 where it was not there before, or was started anew. */
  readonly #seconds: number;

  constructor(answer: AgentAnswer, before: AgentReport | null) {
    const { stats } = answer;
    this.answer = answer;
    this.#before = before;
    this.#seconds = stats === null || before === null ? 0 : Math.max(0, stats.uptimeSeconds - before.uptimeSeconds);
    this.summaries = byPolicy(stats);
    this.#summariesBefore = byPolicy(before);
  }

  ratesOf(policy: string): Rates {
    const [now, then] = [this.summaries.get(policy)?.counts, this.#summariesBefore.get(policy)?.counts];
    return { seenRate: this.#rate(then?.seen, now?.seen), mirroredRate: this.#rate(then?.mirrored, now?.mirrored) };
  }

  row(): NodeRow {
    const { node, pod, stats, problem } = this.answer;
    const nothing = { version: '', tap: '', pods: 0, tapped: 0, seenRate: 0, mirroredRate: 0, shedPackets: 0, lostPackets: 0, cpu: 0, memoryBytes: 0 };
    if (stats === null) return { node, pod, state: problem, ...nothing };
    const before = this.#before;
    return {
      node,
      pod,
      state: stateOf(stats),
      version: stats.version,
      tap: stats.tap.name,
      pods: stats.endpoints.length,
      tapped: stats.endpoints.filter(({ attached }) => attached).length,
      seenRate: this.#rate(before?.ledger.seen, stats.ledger.seen),
      mirroredRate: this.#rate(before === null ? undefined : mirrored(before), mirrored(stats)),
      shedPackets: stats.tap.shed,
      lostPackets: stats.tap.lost,
      cpu: this.#rate(before?.process.cpuUs, stats.process.cpuUs) / 1e6,
      memoryBytes: stats.process.rssBytes,
    };
  }

  /** @param before `undefined`: it was not counted then */
  #rate(before = 0, after = 0): number {
    return this.#seconds === 0 || after < before ? 0 : (after - before) / this.#seconds;
  }
}

function byPolicy(stats: AgentReport | null): ReadonlyMap<string, PolicySummary> {
  const tally = new FleetTally();
  if (stats !== null) tally.add(stats);
  return new Map(tally.summaries().map((summary) => [summary.policy, summary]));
}

function policyRow({ policy, nodes: count, endpoints: pods, attached: tapped, counts, targets, conditions }: PolicySummary, states: ReadonlyMap<string, string>, nodes: readonly NodeLook[]): PolicyRow {
  const byNode = nodes.flatMap((node) => {
    const own = node.summaries.get(policy);
    return own === undefined ? [] : [{ node: node.answer.node, pods: own.endpoints, tapped: own.attached, counts: own.counts, ...node.ratesOf(policy) }];
  });
  // Of one that no agent knows any more, nor the cluster, only counts are left.
  const unsaid = count === 0 ? 'gone' : (conditions[0]?.reason ?? 'ok');
  const rates = { seenRate: total(byNode.map(({ seenRate }) => seenRate)), mirroredRate: total(byNode.map(({ mirroredRate }) => mirroredRate)) };
  return { policy, state: states.get(policy) ?? unsaid, nodes: count, pods, tapped, counts, targets, ...rates, byNode };
}

/** Of a policy that no agent speaks of. */
function idleRow(policy: string, states: ReadonlyMap<string, string>): PolicyRow {
  return { policy, state: states.get(policy) ?? '', nodes: 0, pods: 0, tapped: 0, counts: NO_COUNTS, targets: [], seenRate: 0, mirroredRate: 0, byNode: [] };
}

const NO_COUNTS = { seen: 0, mirrored: 0, failed: 0, shed: 0, incomplete: 0, other: 0 };

function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

function mirrored({ ledger }: AgentReport): number {
  return total(ledger.requests.map(({ outcome, count }) => (outcome === 'mirrored' || outcome === 'recorded' ? count : 0)));
}

function stateOf({ mirroring, workers, cluster }: AgentReport): string {
  if (!mirroring) return 'switched off';
  if (workers.running === 0) return 'no worker runs';
  if (cluster?.synced === false) return 'has not heard the cluster yet';
  return cluster?.watches.some(({ state }) => state === 'failing') === true ? 'cannot follow the cluster' : 'ok';
}

/** The worst first: agents that are not heard, policies that do not do what they say, pods, and what was lost on the way. */
function problemsOf(answers: readonly AgentAnswer[], objects: readonly ObjectState[]): string[] {
  const wrong = objects.filter(({ state }) => state !== 'ok');
  const problems = [
    ...answers.filter(({ problem }) => problem !== '').map(({ node, pod, problem }) => `node ${node}: agent ${pod} does not answer: ${problem}`),
    ...wrong.map(({ policy, state, message }) => `policy ${policy}: ${state}: ${message}`),
    ...unsaidProblems(answers, new Set(wrong.map(({ policy }) => policy))),
    ...answers.flatMap(({ node, stats }) => (stats === null ? [] : nodeProblems(stats).map((problem) => `node ${node}: ${problem}`))),
  ];
  const more = problems.length - MAX_PROBLEMS;
  return more > 0 ? [...problems.slice(0, MAX_PROBLEMS), `and ${more} more`] : problems;
}

/** What agents say of policies of which the cluster says nothing, such as labels that stand in for one. */
function unsaidProblems(answers: readonly AgentAnswer[], said: ReadonlySet<string>): string[] {
  return summarise(answers)
    .filter(({ policy }) => !said.has(policy))
    .flatMap(({ policy, conditions }) => conditions.map(({ reason, message }) => `policy ${policy}: ${reason}: ${message}`));
}

function nodeProblems({ endpoints, cluster, workers, tap }: AgentReport): string[] {
  // That the Gateway API is not installed is no problem.
  const watches = (cluster?.watches ?? []).filter(({ resource, state, problem }) => problem !== '' && !(state === 'missing' && resource === 'referencegrants'));
  return [
    ...endpoints.filter(({ problem }) => problem !== '').map(({ name, problem }) => `pod ${name} is not tapped: ${problem}`),
    ...watches.map(({ resource, problem }) => `${resource}: ${problem}`),
    ...(workers.restarts > 0 ? [`workers ended unexpectedly, ${workers.restarts} times; see the log of its agent`] : []),
    ...(tap.shed > 0 ? [`${tap.shed} packets were left out because a ring was full; give workers or ringBytes`] : []),
    ...(tap.lost > 0 ? [`${tap.lost} packets could not be read or were lost by the kernel`] : []),
  ];
}
