/** What the recording server remembers of a request that it received. */
export interface ReceivedRequest {
  readonly method: string;
  readonly target: string;
  readonly version: string;
  /** In the order and case in which they came. */
  readonly headers: readonly (readonly [string, string])[];
  readonly trailers: readonly (readonly [string, string])[];
  readonly bodyLength: number;
  readonly bodySha256: string;
  /** false: the connection ended in the middle. */
  readonly complete: boolean;
  /** Number of the connection, from 1 in the order of arrival. */
  readonly connection: number;
  /** When its head had arrived, Unix time in milliseconds. */
  readonly receivedAt: number;
}

/** How the recording server treats its clients. */
export type Behaviour =
  /** Reads the request to its end, waits, and answers. */
  | {
      readonly kind: 'answer';
      readonly status?: number;
      readonly headers?: Readonly<Record<string, string>>;
      /** Length of the answer's body; 3 by default. */
      readonly bodyBytes?: number;
      /** Sends the answer in chunks, without Content-Length. */
      readonly chunked?: boolean;
      readonly delayMs?: number;
    }
  /** Reads the request and never answers. */
  | { readonly kind: 'silent' }
  /** Resets the connection as soon as a head arrives. */
  | { readonly kind: 'reset' }
  /** Answers with bytes that are not HTTP. */
  | { readonly kind: 'garbage' }
  /** Begins an answer and resets the connection in its middle. */
  | { readonly kind: 'truncate' };

/** Calls from the test to the server's process; each is answered by a message with the same id. */
export type Call =
  | { readonly id: number; readonly do: 'listen'; readonly port: number; readonly host: string | undefined }
  | { readonly id: number; readonly do: 'behave'; readonly behaviour: Behaviour }
  | { readonly id: number; readonly do: 'count' }
  | { readonly id: number; readonly do: 'requests' }
  | { readonly id: number; readonly do: 'forget' };

export interface Reply {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: string;
}
