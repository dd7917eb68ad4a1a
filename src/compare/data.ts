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
  /** Digest of the rules by which it was compared: what other rules have found does not add up with it. */
  readonly rules: string;
  /** Since when, Unix time in milliseconds. */
  readonly sinceMs: number;
  readonly endpoints: readonly EndpointComparison[];
  /** Of exchanges whose endpoint found no place; they are compared and summed up in the endpoint `* others`. */
  readonly folded: number;
  /** Of exchanges whose request is not known, so that they belong to no endpoint. */
  readonly notCompared: NotComparedCounts;
  /** How long connecting to the target took, microseconds, ascending: some of the newest. */
  readonly connectUs: readonly number[];
}

export type NotComparedCounts = Readonly<Partial<Record<NotCompared, number>>>;

/** One method and path template. */
export interface EndpointComparison {
  readonly method: string;
  readonly template: string;
  readonly compared: number;
  readonly notCompared: NotComparedCounts;
  /**
   * Exchanges that differed, by the set of places that differed; those in which nothing did are not among them. Where there were
   * too many sets, places have been left out of all of them, see `PlaceEvidence.unlisted`; a set may so become empty.
   */
  readonly signatures: readonly { readonly places: readonly number[]; readonly count: number }[];
  /** Places that differed, referred to by their position. */
  readonly places: readonly PlaceEvidence[];
  /** Pairs of production's own answers to equal requests that were compared with each other. */
  readonly repeats: number;
  /** Of these, pairs within three seconds, between which little is written. */
  readonly soonRepeats: number;
  /** Of exchanges in which either side's outcome is known: compared ones, and those that the mirror failed to answer. */
  readonly answers: { readonly production: AnswerCounts; readonly mirror: AnswerCounts };
  /**
   * Where both answers have the same class of status. Each pair: Unix time in milliseconds, production, mirror; microseconds to the
   * last byte.
   */
  readonly latency: PairSample;
}

export interface AnswerCounts {
  /** 1xx to 5xx */
  readonly statuses: readonly [number, number, number, number, number];
  /** 5xx, no answer, and statuses of gRPC that are the server's fault. */
  readonly errors: number;
}

export interface PlaceEvidence {
  /** As in `Difference`; `elsewhere` for all places that found no room. */
  readonly where: string;
  readonly kind: DifferenceKind;
  /** Exchanges in which the mirror differed from production there. */
  readonly differed: number;
  /** Of these, exchanges whose signature does not show it. */
  readonly unlisted: number;
  /** Of those that differed, exchanges whose values there were looked at: the first few, and a share of later ones. */
  readonly looked: number;
  /** Of these, exchanges in which both sides' values looked random (`Difference.random`). */
  readonly random: number;
  /** Repeats in which production differed from itself there. */
  readonly varied: number;
  /** Of these, repeats within three seconds. */
  readonly variedSoon: number;
  readonly examples: readonly Example[];
}

/** What either side had at a place: redacted, printable, short. */
export interface Example {
  readonly production: string;
  readonly mirror: string;
}
