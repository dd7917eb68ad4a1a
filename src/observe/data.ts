import type { SparseHistogram } from '../sketch/histogram.ts';

/** What is known of the traffic of selected pods; of several workers and agents it can be summed up. Plain data. */
export interface ObserveData {
  readonly endpoints: readonly EndpointLoad[];
  readonly clients: readonly ClientLoad[];
  /** Requests summed up under `others`, because there were too many endpoints. */
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
  readonly requests: number;
  /** Requests in the last whole ten seconds, a second. */
  readonly rate: number;
  /** Answers by status class, 1xx to 5xx, and requests that got none. */
  readonly statuses: readonly [number, number, number, number, number];
  readonly unanswered: number;
  /** From the request's last byte to the answer's first, microseconds. */
  readonly firstByte: SparseHistogram;
  /** To the answer's last byte. */
  readonly complete: SparseHistogram;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly largestRequest: number;
  readonly largestResponse: number;
  /** Requests under way at the same time: mean and most. */
  readonly concurrency: { readonly mean: number; readonly most: number };
  /** How latency goes with concurrency, -1 to 1 (rank correlation); NaN is written as null where too little is known. */
  readonly saturation: number | null;
}

/** A busy client: requests between `count - error` and `count`. */
export interface ClientLoad {
  readonly endpoint: string;
  readonly address: string;
  readonly count: number;
  readonly error: number;
}
