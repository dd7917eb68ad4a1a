import type { PairSample } from '../sketch/reservoir.ts';
import type { NotCompared } from './answer.ts';
import type { DifferenceKind } from './difference.ts';

/** What comparing has found so far: plain data that of several workers and agents can be summed up, and then judged. */
export interface ComparisonData {
  readonly policies: readonly PolicyComparison[];
}

/** One policy and one of its targets. */
export interface PolicyComparison {
  /** `namespace/name` */
  readonly policy: string;
  readonly target: string;
  /** `Baseline`: the target runs the version that production runs, and what differs there is noise. */
  readonly role: 'Mirror' | 'Baseline';
  /** Since when, Unix time in milliseconds. */
  readonly sinceMs: number;
  readonly endpoints: readonly EndpointComparison[];
  /** Of exchanges whose endpoint found no place. */
  readonly folded: number;
  /** How long connecting to the target took, microseconds: a sample. */
  readonly connectUs: readonly number[];
}

/** One method and path template. */
export interface EndpointComparison {
  readonly method: string;
  readonly template: string;
  readonly compared: number;
  readonly notCompared: Readonly<Partial<Record<NotCompared, number>>>;
  /** Exchanges by the set of places that differed; those with none are not among them. */
  readonly signatures: readonly { readonly places: readonly number[]; readonly count: number }[];
  /** Exchanges that differed in a way that found no place in `signatures`. */
  readonly unlisted: number;
  /** Places that differed, referred to by their position. */
  readonly places: readonly PlaceEvidence[];
  /** Pairs of production's own answers to equal requests that were compared with each other. */
  readonly repeats: number;
  readonly answers: { readonly production: AnswerCounts; readonly mirror: AnswerCounts };
  /** Each pair: Unix time in milliseconds, production, mirror; microseconds to the last byte. */
  readonly latency: PairSample;
}

export interface AnswerCounts {
  /** 1xx to 5xx */
  readonly statuses: readonly [number, number, number, number, number];
  /** 5xx, no answer, and statuses of gRPC that are the server's fault. */
  readonly errors: number;
}

export interface PlaceEvidence {
  readonly where: string;
  readonly kind: DifferenceKind;
  /** Exchanges in which the mirror differed from production there. */
  readonly differed: number;
  /** Repeats in which production differed from itself there. */
  readonly varied: number;
  readonly examples: readonly { readonly production: string; readonly mirror: string }[];
}
