/** What was asked, of production and of its mirror alike. */
export interface Question {
  readonly method: string;
  /** Request target as production got it, with its query. */
  readonly target: string;
  /** Path template, such as `/orders/{id}`; of gRPC `/package.Service/Method`. */
  readonly template: string;
  /**
   * The same for requests that should get the same answer: made of method, target, content, and the headers by which servers
   * choose an answer (RFC 9110 section 12.5, and credentials). Empty where that is not known, as for content that was not kept.
   */
  readonly key: string;
  /** A call of gRPC: status is in the trailers, content is a sequence of length-prefixed messages. */
  readonly grpc: boolean;
}

/** An answer to it, by production or by a mirror. Everything is borrowed until the call that it is given to returns. */
export interface Answer {
  readonly status: number;
  /** Flat: name, value, name, value; latin-1 of the bytes on the wire. */
  readonly headers: readonly string[];
  /** Flat, likewise. */
  readonly trailers: readonly string[];
  /** Whole content as sent: without transfer coding, still in its content-encoding; null where there is none. */
  readonly body: Buffer | null;
  /** From the request's last byte to the answer's first, microseconds; -1 where not known. */
  readonly firstByteUs: number;
  /** From the request's last byte to the answer's last, microseconds; -1 where not known. */
  readonly completeUs: number;
}

/**
 * Why a copy was not compared, though its policy wants it:
 * `incomplete` an answer was not captured whole; `too-large` content beyond the bound; `memory` no room to keep it;
 * `no-answer` production's answer was never seen; `failed` the mirror gave none; `not-sent` the mirror was never asked, as the copy was shed; `encoding` content that cannot be decoded within bounds;
 * `conditional` one side says that what the client has is still good (304), the other sends it: their validators differ, of the rest nothing is known;
 * `streaming` a call that goes on message by message; `sampled-out` the policy compares a share only, or more came than are compared a second;
 * `pressure` comparing would have taken too much of the worker's time; `policy` the policy changed or went away meanwhile.
 */
export const NOT_COMPARED = ['incomplete', 'too-large', 'memory', 'no-answer', 'failed', 'not-sent', 'encoding', 'conditional', 'streaming', 'sampled-out', 'pressure', 'policy'] as const;
export type NotCompared = (typeof NOT_COMPARED)[number];
