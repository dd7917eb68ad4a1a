import { Client, errors, type Dispatcher } from 'undici';
import {
  codeOf,
  socketFailure,
  type Delivery,
  type DeliveryObserver,
  type FailureReason,
  type HttpClient,
  type OutgoingRequest,
} from './http-client.ts';

/**
 * Keep-alive connections over undici, one `Client` each. Not undici's `Pool`: there, a request that cannot be expressed
 * (`OPTIONS *`) leaves its connection marked as busy for good. The caller bounds what is under way.
 * For what our own client does not do: TLS.
 */
export class UndiciClient implements HttpClient {
  readonly #origin: string;
  readonly #options: Client.Options;
  /** Last in, first out: as few connections as the load needs, and those warm. */
  readonly #idle: Client[] = [];
  readonly #all = new Set<Client>();

  constructor(origin: string) {
    this.#origin = origin;
    this.#options = {
      pipelining: 1,
      allowH2: false,
      // The caller holds every delivery to one deadline; more timers a request would only cost.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: { timeout: 0 },
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

  /** undici closes idle connections by itself. */
  tick(): void {}

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
    this.#observer.onFailure(reasonOf(error, this.#controller !== null));
  }
}

const ABORTED = new Error('the delivery took longer than the policy allows');

const REASON_BY_CODE: Readonly<Record<string, FailureReason>> = {
  UND_ERR_INVALID_ARG: 'rejected',
  UND_ERR_NOT_SUPPORTED: 'rejected',
  UND_ERR_SOCKET: 'reset',
  UND_ERR_DESTROYED: 'reset',
  UND_ERR_CLOSED: 'reset',
};

/** @param started the connection, TLS included, was made and the request was on its way */
function reasonOf(error: Error, started: boolean): FailureReason {
  const known = REASON_BY_CODE[codeOf(error)];
  if (known === 'rejected') return known;
  if (!started) return 'connect';
  if (error instanceof errors.HTTPParserError || error instanceof errors.ResponseExceededMaxSizeError) return 'protocol';
  return known ?? socketFailure(error);
}
