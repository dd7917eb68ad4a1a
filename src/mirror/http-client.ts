import { errors, Pool, type Dispatcher } from 'undici';
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

export type FailureReason = ReasonOf<'failed'>;

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

/** Keep-alive pool over undici. The caller bounds what is under way to `connections`, so undici never queues. */
export class UndiciClient implements HttpClient {
  readonly #pool: Pool;

  constructor(origin: string, options: HttpClientOptions) {
    this.#pool = new Pool(origin, {
      connections: options.connections,
      pipelining: 1,
      allowH2: false,
      // The emitter holds every delivery to one deadline; two more timers a request would only cost.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: { timeout: options.connectTimeoutMs },
    });
  }

  send(request: OutgoingRequest, observer: DeliveryObserver): Delivery {
    const delivery = new UndiciDelivery(observer);
    try {
      this.#pool.dispatch(
        {
          method: request.method as Dispatcher.HttpMethod,
          path: request.path,
          headers: request.headers,
          body: request.body,
        },
        delivery,
      );
    } catch (error) {
      delivery.fail(reasonOf(error));
    }
    return delivery;
  }

  destroy(): Promise<void> {
    return this.#pool.destroy();
  }
}

class UndiciDelivery implements Delivery, Dispatcher.DispatchHandler {
  readonly #observer: DeliveryObserver;
  #controller: Dispatcher.DispatchController | null = null;
  #ended = false;

  constructor(observer: DeliveryObserver) {
    this.#observer = observer;
  }

  abort(): void {
    // Without a controller the request has not been given to a connection yet.
    this.fail(this.#controller === null ? 'connect' : 'timeout');
    this.#controller?.abort(ABORTED);
  }

  fail(reason: FailureReason): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#observer.onFailure(reason);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#ended) controller.abort(ABORTED);
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number): void {
    if (!this.#ended && status >= 200) this.#observer.onAnswer(status);
  }

  onResponseData(): void {}

  onResponseEnd(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#observer.onEnd();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.fail(reasonOf(error));
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
