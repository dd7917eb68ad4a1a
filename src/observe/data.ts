import type { SparseHistogram } from '../sketch/histogram.ts';

/** Method and template of what found no place of its own; its port is 0. */
export const OTHERS = '(others)';

/** Of one endpoint; fewer means that these are all. */
export const CLIENTS_LISTED = 20;

/** What is known of the traffic of selected pods; of several workers and agents it can be summed up. Plain data. */
export interface ObserveData {
  readonly endpoints: readonly EndpointLoad[];
  readonly clients: readonly ClientLoad[];
  /** Requests that were counted under `OTHERS`, because there were too many templates. */
  readonly folded: number;
}

/** One pod, port, method and path template. */
export interface EndpointLoad {
  /** Name of the endpoint, as in the agent's statistics. */
  readonly endpoint: string;
  readonly port: number;
  readonly method: string;
  readonly template: string;
  /** Since when, Unix time in milliseconds. */
  readonly sinceMs: number;
  /** Requests that have ended: the sum of `statuses` and `unanswered`. */
  readonly requests: number;
  /** Requests in the last whole ten seconds, a second. */
  readonly rate: number;
  /** Answers by status class, 1xx to 5xx; calls of gRPC by the class of the status of HTTP that is like theirs. */
  readonly statuses: readonly [number, number, number, number, number];
  /** Requests that ended without that an answer was seen. */
  readonly unanswered: number;
  /** From the request's last byte to the answer's first, microseconds. */
  readonly firstByte: SparseHistogram;
  /** To the answer's last byte. */
  readonly complete: SparseHistogram;
  /** Of content, without heads. */
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly largestRequest: number;
  readonly largestResponse: number;
  /** Requests under way on the pod, as those of the last whole ten seconds met them, themselves included: mean and most. */
  readonly concurrency: { readonly mean: number; readonly most: number };
  /** How the time to the first byte goes with concurrency, -1 to 1 (rank correlation); null where too little is known. */
  readonly saturation: number | null;
}

/** A busy client: requests between `count - error` and `count`. */
export interface ClientLoad {
  readonly endpoint: string;
  readonly address: string;
  readonly count: number;
  readonly error: number;
}
