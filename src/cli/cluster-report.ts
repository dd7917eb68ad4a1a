import { summarise, type AgentAnswer, type PolicySummary } from '../kube/fleet.ts';
import type { AgentStats } from '../stats.ts';

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
 * @param seconds between the two looks
 * @param wanted whether a policy, `namespace/name`, is asked for
 */
export function clusterReport(
  [before, after]: readonly [readonly AgentAnswer[], readonly AgentAnswer[]],
  objects: readonly ObjectState[],
  seconds: number,
  wanted: (policy: string) => boolean,
): ClusterReport {
  const earlier = new Map(summarise(before).map((summary) => [summary.policy, summary]));
  const states = new Map(objects.map((object) => [object.policy, object]));
  const rates = (now: PolicySummary, then: PolicySummary | undefined): Rates => ({
    seenRate: rate(then?.counts.seen, now.counts.seen, seconds),
    mirroredRate: rate(then?.counts.mirrored, now.counts.mirrored, seconds),
  });
  const perNode = after.map((answer) => {
    const then = before.find(({ pod }) => pod === answer.pod);
    return { node: answer.node, now: bySummary([answer]), then: bySummary(then === undefined ? [] : [then]) };
  });
  const policies = summarise(after).filter(({ policy }) => wanted(policy)).map((summary): PolicyRow => {
    const { policy, nodes, endpoints: pods, attached: tapped, counts, targets, conditions } = summary;
    const byNode = perNode.flatMap(({ node, now, then }) => {
      const own = now.get(policy);
      if (own === undefined) return [];
      return [{ node, pods: own.endpoints, tapped: own.attached, counts: own.counts, ...rates(own, then.get(policy)) }];
    });
    const [wrong] = conditions;
    const state = states.get(policy)?.state ?? (wrong === undefined ? 'ok' : wrong.reason);
    return { policy, state, nodes, pods, tapped, counts, targets, ...rates(summary, earlier.get(policy)), byNode };
  });
  const unseen = objects.filter(({ policy }) => wanted(policy) && !policies.some((row) => row.policy === policy));
  const idle = unseen.map(({ policy, state }): PolicyRow => ({ policy, state, nodes: 0, pods: 0, tapped: 0, counts: NO_COUNTS, targets: [], seenRate: 0, mirroredRate: 0, byNode: [] }));
  return {
    seconds,
    policies: [...policies, ...idle].sort((a, b) => (a.policy < b.policy ? -1 : 1)),
    nodes: after.map((answer) => nodeRow(answer, before.find(({ pod }) => pod === answer.pod), seconds)),
    problems: problemsOf(after, objects.filter(({ policy }) => wanted(policy))),
  };
}

const NO_COUNTS = { seen: 0, mirrored: 0, failed: 0, shed: 0, incomplete: 0, other: 0 };

function bySummary(answers: readonly AgentAnswer[]): ReadonlyMap<string, PolicySummary> {
  return new Map(summarise(answers).map((summary) => [summary.policy, summary]));
}

/** 0 where counts fell: the agent was started anew. */
function rate(before: number | undefined, after: number, seconds: number): number {
  return before === undefined || after < before ? 0 : (after - before) / seconds;
}

function nodeRow({ node, pod, stats, problem }: AgentAnswer, before: AgentAnswer | undefined, seconds: number): NodeRow {
  const nothing = { version: '', tap: '', pods: 0, tapped: 0, seenRate: 0, mirroredRate: 0, shedPackets: 0, lostPackets: 0, cpu: 0, memoryBytes: 0 };
  if (stats === null) return { node, pod, state: problem, ...nothing };
  const then = before?.stats ?? null;
  return {
    node,
    pod,
    state: stateOf(stats),
    version: stats.version,
    tap: stats.tap.name,
    pods: stats.endpoints.length,
    tapped: stats.endpoints.filter(({ attached }) => attached).length,
    seenRate: rate(then?.ledger.seen, stats.ledger.seen, seconds),
    mirroredRate: rate(then === null ? undefined : mirrored(then), mirrored(stats), seconds),
    shedPackets: stats.tap.shed,
    lostPackets: stats.tap.lost,
    cpu: rate(then?.process.cpuUs, stats.process.cpuUs, seconds) / 1e6,
    memoryBytes: stats.process.rssBytes,
  };
}

function mirrored({ ledger }: AgentStats): number {
  return ledger.requests.reduce((sum, { outcome, count }) => sum + (outcome === 'mirrored' || outcome === 'recorded' ? count : 0), 0);
}

function stateOf({ mirroring, workers, cluster }: AgentStats): string {
  if (!mirroring) return 'switched off';
  if (workers.running === 0) return 'no worker runs';
  if (cluster?.synced === false) return 'has not heard the cluster yet';
  return cluster?.watches.some(({ state }) => state === 'failing') === true ? 'cannot follow the cluster' : 'ok';
}

function problemsOf(answers: readonly AgentAnswer[], objects: readonly ObjectState[]): string[] {
  const problems: string[] = [];
  for (const { node, pod, problem } of answers) if (problem !== '') problems.push(`node ${node}: agent ${pod} does not answer: ${problem}`);
  for (const { policy, state, message } of objects) if (state !== 'ok') problems.push(`policy ${policy}: ${state}: ${message}`);
  const objectsSaid = new Set(objects.filter(({ state }) => state !== 'ok').map(({ policy }) => policy));
  const labels = summarise(answers).filter(({ policy }) => !objectsSaid.has(policy));
  for (const { policy, conditions } of labels) for (const { reason, message } of conditions) problems.push(`policy ${policy}: ${reason}: ${message}`);
  for (const { node, stats } of answers) {
    if (stats === null) continue;
    for (const { name, problem } of stats.endpoints) if (problem !== '') problems.push(`node ${node}: pod ${name} is not tapped: ${problem}`);
    for (const { resource, problem } of stats.cluster?.watches ?? []) if (problem !== '' && resource !== 'referencegrants') problems.push(`node ${node}: ${resource}: ${problem}`);
    if (stats.workers.restarts > 0) problems.push(`node ${node}: workers ended unexpectedly, ${stats.workers.restarts} times; see the log of its agent`);
    if (stats.tap.shed > 0) problems.push(`node ${node}: ${stats.tap.shed} packets were left out because a ring was full; give workers or ringBytes`);
    if (stats.tap.lost > 0) problems.push(`node ${node}: ${stats.tap.lost} packets could not be read or were lost by the kernel`);
  }
  const more = problems.length - MAX_PROBLEMS;
  return more > 0 ? [...problems.slice(0, MAX_PROBLEMS), `and ${more} more`] : problems;
}
