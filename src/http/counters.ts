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
  /** HTTP/2: connections, */
  h2Connections: number;
  /** times that a direction was joined in its middle, at what looked like a frame, */
  h2Joins: number;
  /** and times that it was none, */
  h2FalseJoins: number;
  /** responses that cannot be known because of the header table, */
  h2UnknownResponses: number;
  /** and requests that a server pushed. */
  h2Pushes: number;
}

export function newHttpCounters(): HttpCounters {
  return {
    requests: 0, responses: 0, interim: 0, unrequested: 0, skippedBytes: 0, resynchronised: 0,
    h2Connections: 0, h2Joins: 0, h2FalseJoins: 0, h2UnknownResponses: 0, h2Pushes: 0,
  };
}
