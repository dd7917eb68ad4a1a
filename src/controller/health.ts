import type { FleetCounts, PolicySummary } from '../kube/fleet.ts';
import type { Refusal } from '../kube/condition.ts';

/** Below so many copies between two looks, a share says nothing. */
const MIN_COPIES = 20;
/** Share of the copies. */
const TOO_MANY = 0.5;
/** An endpoint may take a moment to be tapped, as when its pod has just been started. Looks in a row. */
const PATIENCE = 3;

/** Watches one policy's figures from look to look, and says what is not well. */
export class PolicyHealth {
  #before: FleetCounts | null = null;
  #untapped = 0;
  #copies: Refusal | null = null;

  /** @returns null: nothing speaks against it */
  look(summary: PolicySummary): Refusal | null {
    const { endpoints, attached, problems, counts } = summary;
    if (this.#before !== null) this.#copies = copiesBetween(this.#before, counts, this.#copies);
    this.#before = counts;
    this.#untapped = attached < endpoints ? this.#untapped + 1 : 0;
    if (this.#untapped < PATIENCE) return this.#copies;
    return { reason: 'EndpointsNotTapped', message: `not all pods are tapped, such as ${problems[0] ?? 'one that has just gone'}` };
  }
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
