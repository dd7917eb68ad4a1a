import type { ReasonOf } from '../ledger/outcomes.ts';
import type { BackendAddress } from '../policy/snapshot.ts';

/** What a target is told: a whole request, framing not yet added. */
export interface OutgoingRequest {
  readonly method: string;
  /** Origin form, or absolute form. */
  readonly path: string;
  /** Flat: name, value, name, value; without Content-Length and connection headers. */
  readonly headers: string[];
  /** Owned by the client until the delivery ends. */
  readonly body: Buffer | null;
}

export type FailureReason = Exclude<ReasonOf<'failed'>, 'write' | 'redaction'>;

/** Hears how one delivery went: onAnswer and then onEnd, or onFailure at any time; nothing after onEnd or onFailure. */
export interface DeliveryObserver {
  onAnswer(status: number): void;
  onEnd(): void;
  onFailure(reason: FailureReason): void;
}

/** A delivery under way. */
export interface Delivery {
  /**
   * Gives up: onFailure follows, with `timeout`, or `connect` where no connection was made. What was pipelined behind
   * it fails with it. Safe at any time.
   */
  abort(): void;
}

/** Of a request that has failed already. */
export const NOTHING_TO_ABORT: Delivery = { abort() {} };

/** Sends requests to one origin, once each: no retries, no redirects. */
export interface HttpClient {
  send(request: OutgoingRequest, observer: DeliveryObserver): Delivery;
  /** Closes connections that have been idle for long. Call it a few times a second. */
  tick(nowMs: number): void;
  /** Ends at once; what is under way fails. */
  destroy(): Promise<void>;
  /**
   * Where the origin is a Service: its endpoints from now on. What is under way goes on.
   * @returns whether there is one that was not there before
   */
  setAddresses?(addresses: readonly BackendAddress[]): boolean;
  /** Where the origin is a Service: one of its endpoints at least is not failing, so that a failure is not the Service's. */
  readonly anyHealthy?: boolean;
}

/** A client that can share a bound on connections with others. */
export interface PooledClient extends HttpClient {
  /** Open, or being opened. */
  readonly connections: number;
  /** Of those, the ones with nothing under way. */
  readonly idle: number;
  /** Closes the one that has been idle for longest, if there is one. */
  closeIdle(): void;
}

/** The caller bounds what is under way to `connections` × `pipelining`. */
export interface HttpClientOptions {
  readonly connections: number;
  /** Requests that may be under way on one connection. */
  readonly pipelining: number;
}

const SOCKET_FAILURES: Readonly<Record<string, FailureReason>> = {
  ECONNREFUSED: 'connect',
  EHOSTUNREACH: 'connect',
  EHOSTDOWN: 'connect',
  ENETUNREACH: 'connect',
  EADDRNOTAVAIL: 'connect',
  ENOTFOUND: 'connect',
  EAI_AGAIN: 'connect',
  EMFILE: 'connect',
  ETIMEDOUT: 'timeout',
};

/** The ledger's reason for an error of a socket. */
export function socketFailure(error: Error): FailureReason {
  return SOCKET_FAILURES[codeOf(error)] ?? 'reset';
}

/** Node's error code; empty where there is none. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
