import type { NotCompared } from '../compare/answer.ts';
import type { Difference } from '../compare/difference.ts';

/** What a viewer wants to see of the exchanges; what is empty takes all. */
export interface LiveFilter {
  /** `namespace/name` */
  readonly policy: string;
  /** Path template. */
  readonly template: string;
  readonly method: string;
  /** Of production or of the mirror: 1 to 5, as in 2xx; 0 takes all. */
  readonly statusClass: number;
  readonly onlyDifferent: boolean;
  /** In the path, in any case of letters; lower-case here. */
  readonly text: string;
}

/** `noise`: all that differed is known to differ by nature. */
export type LiveVerdict = 'equal' | 'noise' | 'different' | NotCompared;

/** One mirrored exchange, both sides of it, for people: redacted, printable, bounded. */
export interface LiveExchange {
  /** When it was taken, Unix time in milliseconds. */
  readonly atMs: number;
  /** `namespace/name` */
  readonly policy: string;
  readonly target: string;
  readonly method: string;
  readonly path: string;
  /** Path template. */
  readonly template: string;
  readonly verdict: LiveVerdict;
  /** The copy's outcome in the ledger, such as `mirrored 2xx` or `failed timeout`. */
  readonly outcome: string;
  readonly differences: readonly Difference[];
  /** null: it was never seen whole, or there is none. */
  readonly production: LiveAnswer | null;
  readonly mirror: LiveAnswer | null;
}

/** One side's answer. */
export interface LiveAnswer {
  readonly status: number;
  /** Name, value, name, value; values that are secret are masked. */
  readonly headers: readonly string[];
  readonly trailers: readonly string[];
  /** null: there is none, or it is not shown. */
  readonly body: LiveBody | null;
  /** Length of the content as it was sent, bytes. */
  readonly bodyBytes: number;
  /** Microseconds after the request's last byte; -1 where not known. */
  readonly firstByteUs: number;
  readonly completeUs: number;
}

export interface LiveBody {
  /** Decoded. Empty where it is not text. */
  readonly text: string;
  /** Why there is no text, or not all of it; else empty. */
  readonly note: string;
}

/** What a viewer is sent at a time. */
export interface LiveBatch {
  /** Exchanges that fit the filter since the last batch, and those of them that are not shown, because there are too many. */
  readonly matched: number;
  readonly left: number;
  readonly items: readonly LiveExchange[];
}
