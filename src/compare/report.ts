import type { NotCompared } from './answer.ts';
import type { DifferenceKind } from './difference.ts';

/** What `GET /report` and `shadowtap report` say: judged, for people and pipelines. docs/compare.md tells the rules. */
export interface Report {
  readonly version: string;
  /** When it was made, RFC 3339. */
  readonly at: string;
  readonly policies: readonly PolicyReport[];
}

export type Verdict = 'looks safe' | 'differs' | 'too little data';

/** One policy and one of its targets. */
export interface PolicyReport {
  /** `namespace/name` */
  readonly policy: string;
  /** As in the ledger. */
  readonly target: string;
  /** A baseline shows what is noise. Its verdict says nothing of the mirror: do not gate on it. */
  readonly role: 'Mirror' | 'Baseline';
  /** Since when it is compared, RFC 3339. */
  readonly since: string;
  readonly verdict: Verdict;
  /** Why, in whole sentences with numbers; the weightiest first. */
  readonly reasons: readonly string[];
  readonly counts: Counts;
  /** By weight: what differs most comes first. */
  readonly endpoints: readonly EndpointReport[];
  /** Endpoints that are summed up under others, because there were too many. */
  readonly folded: number;
}

/** compared = equal + noise + different; with notCompared, every copy that was to be compared. */
export interface Counts {
  readonly compared: number;
  /** Nothing differed that the policy does not ignore. */
  readonly equal: number;
  /** What differed is noise. */
  readonly noise: number;
  readonly different: number;
  /** different / compared, 0 to 1. */
  readonly differentShare: number;
  /** Exchanges by what kind of difference they had; one may have several. */
  readonly kinds: Readonly<Partial<Record<DifferenceKind, number>>>;
  readonly notCompared: Readonly<Partial<Record<NotCompared, number>>>;
}

/** One method and path template. */
export interface EndpointReport {
  readonly method: string;
  readonly template: string;
  readonly verdict: Verdict;
  readonly reasons: readonly string[];
  readonly counts: Counts;
  /** Differences that are findings or may turn out to be, the most frequent first; bounded. */
  readonly fields: readonly FieldReport[];
  /** Differences that are taken for noise, and why. */
  readonly noise: readonly FieldReport[];
  readonly errors: ErrorReport;
  /** null where no pair has times. */
  readonly latency: LatencyReport | null;
}

export interface FieldReport {
  readonly where: string;
  readonly kind: DifferenceKind;
  /** Exchanges that differ there, and their share of those compared. */
  readonly count: number;
  readonly share: number;
  /** Redacted; bounded. */
  readonly examples: readonly { readonly production: string; readonly mirror: string }[];
  /** Too little is known to tell whether it is noise: of `fields` those that are no finding yet. */
  readonly undecided: boolean;
  /** With numbers: why it is noise, or why it is not. */
  readonly because: string;
}

/** Answers with 5xx or none at all (of gRPC: statuses that are the server's fault), of both sides. */
export interface ErrorReport {
  readonly answered: number;
  readonly production: number;
  readonly mirror: number;
  /** mirror's share - production's, with its confidence interval. */
  readonly difference: Interval;
}

export interface Interval {
  readonly estimate: number;
  readonly low: number;
  readonly high: number;
}

export interface Quantiles {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
}

/** Times to the answer's last byte, microseconds. */
export interface LatencyReport {
  /** Pairs seen, and of those the sample that is tested. */
  readonly pairs: number;
  readonly tested: number;
  readonly production: Quantiles;
  readonly mirror: Quantiles;
  /** What the way to the mirror adds, which production's times do not have, and between what bounds it is known. */
  readonly hopUs: Interval;
  /** How that is known: by the baseline target, by how long connecting takes, or not at all. */
  readonly hopFrom: 'baseline' | 'connect' | 'unknown';
  /** Typical mirror time / production time, without the hop; its low end with the longest hop, its high end with the shortest. */
  readonly ratio: Interval;
  /** Of the interval, such as 0.95. */
  readonly confidence: number;
  /** Of the claim that there is no difference. */
  readonly pValue: number;
  /** Of the claim that the mirror is not slower than is allowed: one-sided, with the longest hop. */
  readonly pSlower: number;
  readonly verdict: 'slower' | 'faster' | 'no difference' | 'too little data';
}
