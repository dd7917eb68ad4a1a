import type { BackendAddress } from '../policy/snapshot.ts';
import type { ConnectionRoom } from './connection-room.ts';
import { encodeHead } from './h1-request.ts';
import { H1Connection, type ConnectionOwner } from './h1-connection.ts';
import {
  NOTHING_TO_ABORT,
  type Delivery,
  type DeliveryObserver,
  type HttpClientOptions,
  type OutgoingRequest,
  type PooledClient,
} from './http-client.ts';

/** Idle connections are closed before the usual servers close them (Node and Apache after five seconds). */
const MAX_IDLE_MS = 4_000;

/**
 * HTTP/1.1 over plain TCP, made for copies: a request is one string and one write, its fields are in the order and case
 * in which they are given, and of answers only the status is kept, unless somebody wants more. With pipelining, the requests that come in one turn
 * of the event loop share connections and writes.
 */
export class H1Client implements PooledClient, ConnectionOwner {
  readonly #address: BackendAddress;
  readonly #maxConnections: number;
  readonly #pipelining: number;
  readonly #room: ConnectionRoom | null;
  readonly #all = new Set<H1Connection>();
  /** Connections with nothing under way. Last in, first out: as few as the load needs, and those warm. */
  readonly #idle: H1Connection[] = [];
  /** Connections with requests that are not written yet; the last one takes the next request. */
  #unflushed: H1Connection[] = [];

  /** @param room bounds the connections of several clients in place of `connections`; null: this one is alone */
  constructor(origin: string, { connections, pipelining }: HttpClientOptions, room: ConnectionRoom | null = null) {
    const { hostname, port } = new URL(origin);
    this.#address = { host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? 80 : Number(port) };
    this.#maxConnections = connections;
    this.#pipelining = pipelining;
    this.#room = room;
  }

  get connections(): number {
    return this.#all.size;
  }

  get idle(): number {
    return this.#idle.length;
  }

  get capacity(): number {
    return this.#all.size * this.#pipelining;
  }

  closeIdle(): void {
    this.#idle[0]?.close();
  }

  send(request: OutgoingRequest, observer: DeliveryObserver): Delivery {
    const head = encodeHead(request);
    if (head === null) {
      observer.onFailure('rejected');
      return NOTHING_TO_ABORT;
    }
    const connection = this.#choose();
    const delivery = connection.send(request.method, head, request.body, observer);
    if (this.#pipelining === 1) connection.flush();
    return delivery;
  }

  tick(nowMs: number): void {
    while (this.#idle.length > 0 && nowMs - this.#idle[0]!.idleSinceMs > MAX_IDLE_MS) this.#idle[0]!.close();
  }

  async destroy(): Promise<void> {
    for (const connection of this.#all) connection.close();
  }

  freed(connection: H1Connection): void {
    if (connection.pending > 0) return;
    connection.idleSinceMs = performance.now();
    this.#idle.push(connection);
  }

  gone(connection: H1Connection): void {
    this.#all.delete(connection);
    for (const list of [this.#idle, this.#unflushed]) {
      const at = list.indexOf(connection);
      if (at >= 0) list.splice(at, 1);
    }
  }

  #choose(): H1Connection {
    const current = this.#unflushed.at(-1);
    if (current !== undefined && current.pending < this.#pipelining) return current;
    const connection = this.#idle.pop() ?? (this.#mayOpen() ? this.#open() : this.#leastBusy());
    if (this.#pipelining > 1) this.#flushLater(connection);
    return connection;
  }

  #mayOpen(): boolean {
    return this.#room === null ? this.#all.size < this.#maxConnections : this.#room.makeWay();
  }

  /** The caller bounds what is under way to connections × pipelining: there is room. */
  #leastBusy(): H1Connection {
    let least: H1Connection | null = null;
    for (const connection of this.#all) if (least === null || connection.pending < least.pending) least = connection;
    return least ?? this.#open();
  }

  #open(): H1Connection {
    const connection = new H1Connection(this.#address, this);
    this.#all.add(connection);
    return connection;
  }

  #flushLater(connection: H1Connection): void {
    if (this.#unflushed.length === 0) queueMicrotask(() => this.#flush());
    this.#unflushed.push(connection);
  }

  #flush(): void {
    const connections = this.#unflushed;
    this.#unflushed = [];
    for (const connection of connections) connection.flush();
  }
}
