export type Severity = 'info' | 'low' | 'medium' | 'high';

/** Something that looks like an attack or a fault, found in what was captured. Repetitions are counted, not listed. */
export interface Finding {
  /** Which rule found it; docs/findings.md tells of each. */
  readonly rule: string;
  readonly severity: Severity;
  /** Name of the endpoint whose traffic it was found in. */
  readonly endpoint: string;
  /** Address of the client; empty where it concerns many. */
  readonly source: string;
  /** As it was seen last; empty where it concerns many, as the template is. */
  readonly method: string;
  /** Path template. */
  readonly template: string;
  /** For people: what was seen, in words of the rule and numbers; nothing that a client sent. Printable, at most 160 characters. */
  readonly evidence: string;
  /** Unix time, milliseconds. */
  readonly firstMs: number;
  readonly lastMs: number;
  readonly count: number;
}

/** Plain data; of several workers and agents it can be summed up. */
export interface FindingsData {
  /** Bounded; the newest first. Where there are too many, rules that found much give up their oldest. */
  readonly findings: readonly Finding[];
  /** By rule, since the agent started: every occurrence, those that are no longer listed included. */
  readonly totals: Readonly<Record<string, number>>;
  /** Occurrences of findings that found no place in the list. */
  readonly unlisted: number;
}
