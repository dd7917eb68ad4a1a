import { isIP } from 'node:net';
import type { ReasonOf } from '../ledger/outcomes.ts';
import type { BackendAddress } from '../policy/snapshot.ts';
import type { AnswerKeeper } from './answer-keeper.ts';

/** For `https` origins: how the mirror proves who it is, and how we do. PEM texts. */
export interface TlsOptions {
  /** Authorities that are trusted; not given: the well-known ones. */
  readonly ca?: string;
  /** SNI, and the name that the certificate must bear; not given: the origin's host. */
  readonly serverName?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly insecureSkipVerify?: boolean;
}

/** What a target is told: a request, framing not yet added. */
export interface OutgoingRequest {
  readonly method: string;
  /** Origin form, or absolute form. */
  readonly path: string;
  /** Flat: name, value, name, value; without Content-Length and connection headers. */
  readonly headers: string[];
  /** Owned by the client until the delivery ends. */
  readonly body: Buffer | null;
  /** It goes out as HTTP/2, and this is what only HTTP/2 says; not given: as HTTP/1.1. */
  readonly http2?: Http2Part;
}

export interface Http2Part {
  /** Pseudo-headers in the order in which they go out. Flat: name, value, name, value. */
  readonly pseudo: readonly string[];
  /** Flat, as headers. */
  readonly trailers: readonly string[];
  /** Content that comes while the request is under way; null: all of it is in `body`. */
  readonly live: LiveBody | null;
}

/** Content that comes piece by piece. */
export interface LiveBody {
  /** The request is on its way, and the writer takes its content from now on. Called once. */
  attach(writer: BodyWriter): void;
  /** The oldest piece that was not yet, is out of our hands. */
  onWritten(): void;
  /** A part of the answer has come. */
  onHeard(): void;
}

/** Where the pieces go. Nothing that it does waits for the target. */
export interface BodyWriter {
  /** @param piece unchanged until onWritten tells of it */
  write(piece: Buffer): void;
  /** The request is whole. */
  end(): void;
}

/** Why an answer did not come; `cancelled`: by us, and it says nothing of the target. */
export type FailureReason = Exclude<ReasonOf<'failed'>, 'write' | 'redaction'> | 'cancelled';

/** Hears how one delivery went: onAnswer and then onEnd, or onFailure at any time; nothing after onEnd or onFailure. */
export interface DeliveryObserver {
  /**
   * Gets the answer, but for its end; null: nobody wants it, and nothing of it is kept. Clients call onConnected and onSent,
   * then onHead before onAnswer, and write and onTrailers before onEnd.
   */
  readonly keeper: AnswerKeeper | null;
  onAnswer(status: number): void;
  /** @param trailers flat; of HTTP/2, where an answer has nothing but a head, that head; NO_TRAILERS where only a keeper gets them */
  onEnd(trailers: readonly string[]): void;
  onFailure(reason: FailureReason): void;
}

export const NO_TRAILERS: readonly string[] = [];

/** A delivery under way. */
export interface Delivery {
  /**
   * Gives up: onFailure follows, with `timeout` or what is given, or `connect` where no connection was made in time. What
   * was pipelined behind it fails with it. Safe at any time.
   */
  abort(reason?: 'timeout' | 'cancelled'): void;
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
  /** Requests that may be under way on the connections that it has. */
  readonly capacity: number;
}

/** The caller bounds what is under way to `connections` × `pipelining`. */
export interface HttpClientOptions {
  readonly connections: number;
  /** Requests that may be under way on one connection. */
  readonly pipelining: number;
}

/** What a server of this name is asked for (SNI): nothing where it is an address. @param hostname as in a URL */
export function sniOf(hostname: string): string {
  return isIP(hostname.replace(/^\[|\]$/g, '')) === 0 ? hostname : '';
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
