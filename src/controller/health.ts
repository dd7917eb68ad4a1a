import type { Refusal, Verdict } from '../kube/condition.ts';
import type { FleetCounts, PolicySummary } from '../kube/fleet.ts';
import type { PolicyStatus } from '../kube/policy-status.ts';

/** Below so many copies between two looks, a share says nothing. */
const MIN_COPIES = 20;
/** Share of the copies. */
const TOO_MANY = 0.5;
/** An endpoint may take a moment to be tapped, as when its pod has just been started. Looks in a row. */
const PATIENCE = 3;

/** What the API server takes for the reason of a condition, in short. */
const REASON = /^[A-Za-z]{1,64}$/;

/** Watches one policy's figures from look to look, and says what is not well. */
export class PolicyHealth {
  #last: PolicySummary | null = null;
  /** Looks in a row in which pods were not tapped, and in which agents said that something is wrong. */
  #untapped = 0;
  #complaints = 0;
  #copies: Refusal | null = null;
  #ailment: Refusal | null;

  /** @param standing what the policy's status says: a controller that is started anew goes on from there */
  constructor(standing: PolicyStatus) {
    const degraded = standing.conditions?.find(({ type, status, reason }) => type === 'Degraded' && status === 'True' && reason !== 'NoReadyEndpoints');
    this.#ailment = degraded === undefined ? null : { reason: degraded.reason, message: degraded.message };
    if (degraded?.reason === 'CopiesFail' || degraded?.reason === 'CopiesShed') this.#copies = this.#ailment;
    else if (degraded?.reason === 'EndpointsNotTapped') this.#untapped = PATIENCE;
    else if (degraded !== undefined) this.#complaints = PATIENCE;
  }

  /** null: nothing speaks against it. */
  get ailment(): Refusal | null {
    return this.#ailment;
  }

  /**
   * Looks once at each summary.
   * @param summary null: no agent selects a pod by it
   * @param verdicts what is said of the policy already
   */
  look(summary: PolicySummary | null, verdicts: readonly Verdict[]): void {
    if (summary !== null && summary === this.#last) return;
    if (summary === null) {
      this.#last = this.#copies = this.#ailment = null;
      this.#untapped = this.#complaints = 0;
      return;
    }
    if (this.#last !== null) this.#copies = copiesBetween(this.#last.counts, summary.counts, this.#copies);
    this.#last = summary;
    this.#untapped = summary.attached < summary.endpoints ? this.#untapped + 1 : 0;
    const complaint = complaintOf(summary, verdicts);
    this.#complaints = complaint === null ? 0 : this.#complaints + 1;
    if (this.#untapped >= PATIENCE) {
      this.#ailment = { reason: 'EndpointsNotTapped', message: `not all pods are tapped, such as ${summary.problems[0] ?? 'one that has just gone'}` };
    } else {
      this.#ailment = this.#complaints >= PATIENCE ? complaint : this.#copies;
    }
  }
}

/** What only an agent can know, as that a file on its node cannot be read. */
function complaintOf({ conditions }: PolicySummary, verdicts: readonly Verdict[]): Refusal | null {
  const own = conditions.find(({ reason }) => !verdicts.some((verdict) => verdict.reason === reason));
  if (own === undefined) return null;
  return { reason: REASON.test(own.reason) ? own.reason : 'AgentProblem', message: `agents say: ${own.message}` };
}

/** @param last what was said before: it holds while there are too few copies to tell, and while counts fall, as when an agent is started anew */
function copiesBetween(before: FleetCounts, now: FleetCounts, last: Refusal | null): Refusal | null {
  const mirrored = now.mirrored - before.mirrored;
  const failed = now.failed - before.failed;
  const shed = now.shed - before.shed;
  const all = mirrored + failed + shed;
  if (Math.min(mirrored, failed, shed) < 0 || all < MIN_COPIES) return last;
  // No figures: a message that changes all the time would be written all the time.
  if (failed > all * TOO_MANY) return { reason: 'CopiesFail', message: 'more than half of the copies get no answer from their target' };
  if (shed > all * TOO_MANY) return { reason: 'CopiesShed', message: 'more than half of the copies are left out because a limit is reached' };
  return null;
}
