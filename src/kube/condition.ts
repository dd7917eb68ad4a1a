/** What is said of a policy: a metav1.Condition without its times. */
export interface Verdict {
  readonly type: 'Accepted' | 'ResolvedRefs' | 'Imported';
  readonly status: 'True' | 'False';
  /** One word for programs. */
  readonly reason: string;
  /** For people: what is wrong and what to do. */
  readonly message: string;
}

/** Why something cannot be done, and what to do about it. */
export interface Refusal {
  readonly reason: string;
  readonly message: string;
}
