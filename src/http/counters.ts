/** What the HTTP stage counts; sums since the start. Lost requests are counted by outcome, in the ledger. */
export interface HttpCounters {
  /** Requests of which at least a part was seen. */
  requests: number;
  /** Final responses whose head was seen. */
  responses: number;
  /** Interim (1xx) responses. */
  interim: number;
  /** Responses whose request was never captured. */
  unrequested: number;
  /** Bytes that belong to no message: behind a gap, after a message that could not be framed, or not HTTP at all. */
  skippedBytes: number;
  /** Times that a direction was picked up again at a start line, after a gap. */
  resynchronised: number;
}

export function newHttpCounters(): HttpCounters {
  return { requests: 0, responses: 0, interim: 0, unrequested: 0, skippedBytes: 0, resynchronised: 0 };
}
