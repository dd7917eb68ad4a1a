import { Client, errors, type Dispatcher } from 'undici';
import type { ReasonOf } from '../ledger/outcomes.ts';

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
  /** Gives up: onFailure follows, with `timeout`, or `connect` where no connection was made. Safe at any time. */
  abort(): void;
}

/** Sends requests to one origin, once each: no retries, no redirects. */
export interface HttpClient {
  send(request: OutgoingRequest, observer: DeliveryObserver): Delivery;
  /** Ends at once; what is under way fails. */
  destroy(): Promise<void>;
}

export interface HttpClientOptions {
  readonly connections: number;
  readonly connectTimeoutMs: number;
}

/**
 * Keep-alive connections over undici, one `Client` each. Not undici's `Pool`: there, a request that cannot be expressed
 * (`OPTIONS *`) leaves its connection marked as busy for good. The caller bounds what is under way to `connections`.
 */
export class UndiciClient implements HttpClient {
  readonly #origin: string;
  readonly #options: Client.Options;
  /** Last in, first out: as few connections as the load needs, and those warm. */
  readonly #idle: Client[] = [];
  readonly #all = new Set<Client>();

  constructor(origin: string, options: HttpClientOptions) {
    this.#origin = origin;
    this.#options = {
      pipelining: 1,
      allowH2: false,
      // The caller holds every delivery to one deadline; two more timers a request would only cost.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: { timeout: options.connectTimeoutMs },
    };
  }

  send(request: OutgoingRequest, observer: DeliveryObserver): Delivery {
    const client = this.#idle.pop() ?? this.#open();
    const delivery = new UndiciDelivery(this, client, observer);
    client.dispatch(
      {
        method: request.method as Dispatcher.HttpMethod,
        path: request.path,
        headers: request.headers,
        body: request.body,
      },
      delivery,
    );
    return delivery;
  }

  async destroy(): Promise<void> {
    this.#idle.length = 0;
    await Promise.all(Array.from(this.#all, (client) => client.destroy()));
    this.#all.clear();
  }

  /** @internal a delivery has ended and its connection is free */
  release(client: Client): void {
    if (this.#all.has(client)) this.#idle.push(client);
  }

  /** @internal a delivery was given up before there was a connection: the attempt goes with it */
  discard(client: Client): void {
    this.#all.delete(client);
    void client.destroy();
  }

  #open(): Client {
    const client = new Client(this.#origin, this.#options);
    this.#all.add(client);
    return client;
  }
}

class UndiciDelivery implements Delivery, Dispatcher.DispatchHandler {
  readonly #pool: UndiciClient;
  readonly #client: Client;
  readonly #observer: DeliveryObserver;
  #controller: Dispatcher.DispatchController | null = null;
  #ended = false;

  constructor(pool: UndiciClient, client: Client, observer: DeliveryObserver) {
    this.#pool = pool;
    this.#client = client;
    this.#observer = observer;
  }

  abort(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#controller === null) {
      this.#pool.discard(this.#client);
      this.#observer.onFailure('connect');
    } else {
      this.#controller.abort(ABORTED);
      queueMicrotask(() => this.#pool.release(this.#client));
      this.#observer.onFailure('timeout');
    }
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number): void {
    if (status >= 200) this.#observer.onAnswer(status);
  }

  onResponseData(): void {}

  onResponseEnd(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#pool.release(this.#client);
    this.#observer.onEnd();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    // undici does not expect new requests while it is failing old ones.
    queueMicrotask(() => this.#pool.release(this.#client));
    this.#observer.onFailure(reasonOf(error));
  }
}

const ABORTED = new Error('the delivery took longer than the policy allows');

const REASON_BY_CODE: Readonly<Record<string, FailureReason>> = {
  ECONNREFUSED: 'connect',
  EHOSTUNREACH: 'connect',
  EHOSTDOWN: 'connect',
  ENETUNREACH: 'connect',
  EADDRNOTAVAIL: 'connect',
  ENOTFOUND: 'connect',
  EAI_AGAIN: 'connect',
  EMFILE: 'connect',
  UND_ERR_CONNECT_TIMEOUT: 'connect',
  ETIMEDOUT: 'timeout',
  ECONNRESET: 'reset',
  EPIPE: 'reset',
  UND_ERR_SOCKET: 'reset',
  UND_ERR_DESTROYED: 'reset',
  UND_ERR_CLOSED: 'reset',
  UND_ERR_INVALID_ARG: 'rejected',
  UND_ERR_NOT_SUPPORTED: 'rejected',
};

/** The ledger's reason for an error of undici, Node's sockets or TLS. */
export function reasonOf(error: unknown): FailureReason {
  if (error instanceof errors.HTTPParserError) return 'protocol';
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
  const known = REASON_BY_CODE[code];
  if (known !== undefined) return known;
  if (code.startsWith('ERR_TLS') || code.startsWith('CERT_') || code.startsWith('ERR_SSL')) return 'connect';
  return 'protocol';
}
