import { buildConnector, Client, errors, type Dispatcher } from 'undici';
import { lengthOf } from './answer-keeper.ts';
import type { ConnectionRoom } from './connection-room.ts';
import {
  codeOf,
  NO_TRAILERS,
  sniOf,
  socketFailure,
  type Delivery,
  type DeliveryObserver,
  type FailureReason,
  type OutgoingRequest,
  type PooledClient,
  type TlsOptions,
} from './http-client.ts';

/**
 * Keep-alive connections over undici, one `Client` each. Not undici's `Pool`: there, a request that cannot be expressed
 * (`OPTIONS *`) leaves its connection marked as busy for good. The caller bounds what is under way.
 * For what our own client does not do: TLS.
 */
export class UndiciClient implements PooledClient {
  readonly #origin: string;
  readonly #hostname: string;
  readonly #options: Client.Options;
  readonly #connect: buildConnector.connector;
  readonly #room: ConnectionRoom | null;
  /** Last in, first out: as few connections as the load needs, and those warm. */
  readonly #idle: UndiciConnection[] = [];
  readonly #all = new Set<UndiciConnection>();

  /** @param room bounds the connections of several clients; null: this one is alone */
  constructor(origin: string, tls: TlsOptions = {}, room: ConnectionRoom | null = null) {
    this.#origin = origin;
    this.#room = room;
    this.#hostname = new URL(origin).hostname;
    this.#options = {
      pipelining: 1,
      allowH2: false,
      // The caller holds every delivery to one deadline; more timers a request would only cost.
      headersTimeout: 0,
      bodyTimeout: 0,
    };
    this.#connect = connectorFor(this.#hostname, tls);
  }

  get connections(): number {
    return this.#all.size;
  }

  get idle(): number {
    return this.#idle.length;
  }

  get capacity(): number {
    return this.#all.size;
  }

  closeIdle(): void {
    const oldest = this.#idle.shift();
    if (oldest !== undefined) this.discard(oldest);
  }

  send(request: OutgoingRequest, observer: DeliveryObserver): Delivery {
    const connection = this.#idle.pop() ?? this.#open();
    const delivery = new UndiciDelivery(this, connection, observer);
    const options: Dispatcher.DispatchOptions & { readonly servername: string } = {
      method: request.method as Dispatcher.HttpMethod,
      path: request.path,
      headers: request.headers,
      body: request.body,
      // undici takes this option though its types do not know it; else it opens another connection for each Host.
      servername: this.#hostname,
    };
    connection.client.dispatch(options, delivery);
    return delivery;
  }

  /** undici closes idle connections by itself. */
  tick(): void {}

  async destroy(): Promise<void> {
    this.#idle.length = 0;
    await Promise.all(Array.from(this.#all, ({ client }) => client.destroy()));
    this.#all.clear();
  }

  /** @internal a delivery has ended and its connection is free */
  release(connection: UndiciConnection): void {
    if (this.#all.has(connection)) this.#idle.push(connection);
  }

  /** @internal closes a connection; where a delivery was given up before there was one, the attempt */
  discard(connection: UndiciConnection): void {
    this.#all.delete(connection);
    void connection.client.destroy();
  }

  #open(): UndiciConnection {
    this.#room?.makeWay();
    const connection = new UndiciConnection(this.#origin, this.#options, this.#connect);
    this.#all.add(connection);
    return connection;
  }
}

/** The server is asked for the mirror's name, whatever Host the copies bear. */
function connectorFor(hostname: string, { serverName, ca, cert, key, insecureSkipVerify = false }: TlsOptions): buildConnector.connector {
  const name = serverName ?? sniOf(hostname);
  const connect = buildConnector({
    timeout: 0,
    allowH2: false,
    rejectUnauthorized: !insecureSkipVerify,
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert, key }),
  });
  return (options, callback) => connect({ ...options, servername: name }, callback);
}

/** One client of undici's, which has one connection at a time. */
class UndiciConnection {
  readonly client: Client;
  #connectUs = -1;

  constructor(origin: string, options: Client.Options, connect: buildConnector.connector) {
    this.client = new Client(origin, { ...options, connect: this.#timed(connect) });
  }

  /** How long connecting took, microseconds: once for each connection, and then -1. */
  takeConnectUs(): number {
    const connectUs = this.#connectUs;
    this.#connectUs = -1;
    return connectUs;
  }

  #timed(connect: buildConnector.connector): buildConnector.connector {
    return (options, callback) => {
      const begunMs = performance.now();
      connect(options, (...result) => {
        this.#connectUs = (performance.now() - begunMs) * 1000;
        callback(...result);
      });
    };
  }
}

class UndiciDelivery implements Delivery, Dispatcher.DispatchHandler {
  readonly #pool: UndiciClient;
  readonly #connection: UndiciConnection;
  readonly #observer: DeliveryObserver;
  #controller: Dispatcher.DispatchController | null = null;
  #firstByteMs = -1;
  #ended = false;

  constructor(pool: UndiciClient, connection: UndiciConnection, observer: DeliveryObserver) {
    this.#pool = pool;
    this.#connection = connection;
    this.#observer = observer;
  }

  abort(reason: 'timeout' | 'cancelled' = 'timeout'): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#controller === null) {
      this.#pool.discard(this.#connection);
      this.#observer.onFailure(reason === 'cancelled' ? reason : 'connect');
    } else {
      this.#controller.abort(ABORTED);
      queueMicrotask(() => this.#pool.release(this.#connection));
      this.#observer.onFailure(reason);
    }
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    const connectUs = this.#connection.takeConnectUs();
    const { keeper } = this.#observer;
    if (keeper === null) return;
    if (connectUs >= 0) keeper.onConnected(connectUs);
    keeper.onSent(performance.now());
  }

  /** The first bytes of an answer, be it an interim one. */
  onResponseStarted(): void {
    if (this.#observer.keeper !== null) this.#firstByteMs = performance.now();
  }

  onResponseStart({ rawHeaders }: Dispatcher.DispatchController, status: number): void {
    if (status < 200) return;
    const { keeper } = this.#observer;
    if (keeper !== null) {
      const fields = flatOf(rawHeaders);
      keeper.onHead(status, fields, lengthOf(fields), this.#firstByteMs);
    }
    this.#observer.onAnswer(status);
  }

  onResponseData(_controller: Dispatcher.DispatchController, piece: Buffer): void {
    this.#observer.keeper?.write(piece, 0, piece.length);
  }

  onResponseEnd({ rawTrailers }: Dispatcher.DispatchController): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#observer.keeper?.onTrailers(flatOf(rawTrailers));
    this.#pool.release(this.#connection);
    this.#observer.onEnd(NO_TRAILERS);
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    // undici does not expect new requests while it is failing old ones.
    queueMicrotask(() => this.#pool.release(this.#connection));
    this.#observer.onFailure(reasonOf(error, this.#controller !== null));
  }
}

/** As undici has them of HTTP/1.1: bytes, which it uses again. */
function flatOf(raw: Dispatcher.DispatchController['rawHeaders']): readonly string[] {
  if (!Array.isArray(raw)) return NO_TRAILERS;
  return raw.map((text) => (typeof text === 'string' ? text : text.latin1Slice()));
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
