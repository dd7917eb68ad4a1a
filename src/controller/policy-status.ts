import type { FleetCounts, PolicySummary } from '../kube/fleet.ts';
import type { Refusal } from '../kube/condition.ts';
import type { Judgement } from '../kube/judge.ts';
import type { PolicyCondition, PolicyStatus } from '../kube/policy-status.ts';

/** All that goes into the status of one policy. */
export interface StatusInput {
  readonly generation: number;
  readonly judgement: Judgement;
  /** null: no agent selects a pod by it. */
  readonly summary: PolicySummary | null;
  /** Agents that answered, and all. */
  readonly agents: readonly [answered: number, all: number];
  /** Whether it is known which endpoints of Services are ready. */
  readonly endpointsKnown: boolean;
  /** What its figures, and the agents, say against it. */
  readonly ailment: Refusal | null;
  /** What stands there now. */
  readonly before: PolicyStatus;
  /** RFC 3339. */
  readonly now: string;
}

type Said = Omit<PolicyCondition, 'lastTransitionTime' | 'observedGeneration'>;

/** The status that a policy should have. Pure. */
export function policyStatus(input: StatusInput): PolicyStatus {
  const { generation, summary, before, now, judgement } = input;
  const said: Said[] = [...judgement.verdicts, programmed(input), degraded(input), ...matches(input)];
  const conditions = said.map((condition): PolicyCondition => {
    const old = before.conditions?.find(({ type }) => type === condition.type);
    const lastTransitionTime = old !== undefined && old.status === condition.status ? old.lastTransitionTime : now;
    return { ...condition, message: condition.message.slice(0, 1024), observedGeneration: generation, lastTransitionTime };
  });
  const { nodes = 0, endpoints = 0, attached = 0, counts = NO_COUNTS, targets = [], share = 1 } = summary ?? {};
  return {
    observedGeneration: generation,
    conditions,
    nodes,
    endpoints: Math.min(attached, endpoints),
    counts,
    countedAt: now,
    share: Math.round(share * 100),
    targets: targets.slice(0, 16),
  };
}

/**
 * Whether what programs act upon is the same: all but figures and the wording of messages, which may name one pod or
 * another from look to look.
 */
export function saysTheSame(a: PolicyStatus, b: PolicyStatus): boolean {
  const essence = ({ observedGeneration, conditions = [] }: PolicyStatus): string =>
    JSON.stringify([observedGeneration, conditions.map(({ type, status, reason }) => [type, status, reason])]);
  return essence(a) === essence(b);
}

/** Whether its figures and messages are the same, too. */
export function countsTheSame(a: PolicyStatus, b: PolicyStatus): boolean {
  const details = ({ conditions = [], nodes = 0, endpoints = 0, counts = NO_COUNTS, targets = [], share = 100 }: PolicyStatus): string => {
    const { seen, mirrored, failed, shed, incomplete, other } = counts;
    const rows = targets.map((row) => [row.target, row.mirrored, row.failed, row.shed]);
    return JSON.stringify([conditions.map(({ message }) => message), nodes, endpoints, seen, mirrored, failed, shed, incomplete, other, share, rows]);
  };
  return details(a) === details(b);
}

const NO_COUNTS: FleetCounts = { seen: 0, mirrored: 0, failed: 0, shed: 0, incomplete: 0, other: 0 };

/** Whether agents do what the policy says. */
function programmed({ generation, judgement, summary, agents: [answered, all] }: StatusInput): Said {
  const type = 'Programmed';
  if (judgement.applied === null) return { type, status: 'False', reason: 'Invalid', message: 'the policy is not accepted' };
  if (answered === 0) {
    const message = all === 0 ? 'no agent runs; apply the DaemonSet' : 'no agent answers; does a NetworkPolicy stand between?';
    return { type, status: 'Unknown', reason: 'NoAgents', message };
  }
  // Figures are in the fields beside it: a message that changes with them would be written all the time.
  const missing = answered < all ? ' (not all agents answer)' : '';
  if (summary === null || summary.endpoints === 0) {
    return { type, status: 'False', reason: 'NoPods', message: `no running pod of the namespace fits the selector${missing}` };
  }
  if (summary.generations[0] < generation) {
    return { type, status: 'False', reason: 'Pending', message: `not all agents go by generation ${generation} yet${missing}` };
  }
  if (summary.attached === 0) {
    return { type, status: 'False', reason: 'EndpointsNotTapped', message: `none of its pods is tapped, such as ${summary.problems[0] ?? ''}` };
  }
  return { type, status: 'True', reason: 'Programmed', message: `pods that fit the selector are tapped${missing}` };
}

function degraded({ judgement, ailment, endpointsKnown, before }: StatusInput): Said {
  const type = 'Degraded';
  const idle = endpointsKnown ? idleTarget(judgement) : idleBefore(before);
  if (idle !== null) return { type, status: 'True', ...idle };
  return ailment === null
    ? { type, status: 'False', reason: 'Healthy', message: 'nothing speaks against it' }
    : { type, status: 'True', ...ailment };
}

/** Whether the mirror answers as production does; of policies that compare. */
function matches({ judgement: { applied }, summary }: StatusInput): Said[] {
  if (applied?.policy.spec.compare === undefined) return [];
  const type = 'Matches';
  const { verdict = 'too little data', reason = 'no agent has compared anything yet' } = summary?.comparison ?? {};
  if (verdict === 'looks safe') return [{ type, status: 'True', reason: 'LooksSafe', message: reason }];
  if (verdict === 'differs') return [{ type, status: 'False', reason: 'Differs', message: reason }];
  return [{ type, status: 'Unknown', reason: 'TooLittleData', message: reason }];
}

/** A target whose Service is there, and nobody behind it. */
function idleTarget({ applied, verdicts }: Judgement): Refusal | null {
  if (applied === null || !verdicts.every(({ status }) => status === 'True')) return null;
  const index = applied.policy.spec.targets.findIndex(({ backendRef }, at) => backendRef !== undefined && applied.addresses[at]?.length === 0);
  return index < 0 ? null : { reason: 'NoReadyEndpoints', message: `the Service of spec.targets[${index}] has no endpoint that is ready` };
}

function idleBefore({ conditions }: PolicyStatus): Refusal | null {
  const old = conditions?.find(({ type, reason }) => type === 'Degraded' && reason === 'NoReadyEndpoints');
  return old === undefined ? null : { reason: old.reason, message: old.message };
}
