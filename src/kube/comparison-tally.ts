import type { Verdict } from '../compare/report.ts';
import type { ComparisonSummary } from '../stats.ts';

/** Of all mirrors of a policy, on all nodes. */
export interface FleetComparison {
  readonly verdict: Verdict;
  /** That of the agent with the most differences, or else with the most exchanges. */
  readonly reason: string;
  readonly compared: number;
  readonly different: number;
}

/**
 * Adds up what agents say of a policy's mirrors. Where one of them says that a mirror differs, it does; it looks safe where agents
 * that have compared at least half of everything say so, and the others know too little.
 */
export class ComparisonTally {
  #compared = 0;
  #different = 0;
  #safe = 0;
  /** The one that speaks for all. */
  #spokesman: ComparisonSummary | null = null;

  add(summary: ComparisonSummary): void {
    this.#compared = Math.min(Number.MAX_SAFE_INTEGER, this.#compared + summary.compared);
    this.#different = Math.min(Number.MAX_SAFE_INTEGER, this.#different + summary.different);
    if (summary.verdict === 'looks safe') this.#safe += summary.compared;
    if (this.#spokesman === null || weightier(summary, this.#spokesman)) this.#spokesman = summary;
  }

  /** null: nobody compares. */
  sum(): FleetComparison | null {
    const spokesman = this.#spokesman;
    if (spokesman === null) return null;
    const isSafe = spokesman.verdict === 'looks safe' && this.#safe >= this.#compared / 2;
    const verdict = spokesman.verdict === 'differs' ? 'differs' : isSafe ? 'looks safe' : 'too little data';
    return { verdict, reason: spokesman.reason, compared: this.#compared, different: this.#different };
  }
}

const WEIGHT = { differs: 2, 'looks safe': 1, 'too little data': 0 } as const;

/** The same order whoever comes first. */
function weightier(a: ComparisonSummary, b: ComparisonSummary): boolean {
  const order = WEIGHT[a.verdict] - WEIGHT[b.verdict] || a.different - b.different || a.compared - b.compared;
  return order !== 0 ? order > 0 : a.reason < b.reason;
}
