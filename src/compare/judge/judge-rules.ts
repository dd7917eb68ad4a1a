/** What a policy allows: fields of its `compare`. */
export interface JudgeRules {
  /** Share of different exchanges, and of additional errors, that is still safe, percent; 0: not one. */
  readonly maxDifferentPercent: number;
  readonly maxSlowdownPercent: number;
  /** Of intervals and tests, percent. */
  readonly confidencePercent: number;
  /** Exchanges without which no verdict is given. */
  readonly minCompared: number;
  /** Without it, nothing is noise. */
  readonly learnNoise: boolean;
}
