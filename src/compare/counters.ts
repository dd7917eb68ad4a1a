/** What comparing has done in one worker, and what it has left undone. */
export class CompareCounters {
  compared = 0;
  notCompared = 0;
  /** Pairs of production's own answers that were compared. */
  repeats = 0;
  /** Repeats that were not, because enough is known, they came too soon, or the worker was short of time. */
  repeatsSpared = 0;
  /** Exchanges whose endpoint found no place of its own. */
  folded = 0;
}
