import type { ConnectionRoom } from './connection-room.ts';
import { H2Connection, type H2Owner } from './h2-connection.ts';
import type { Delivery, DeliveryObserver, HttpClientOptions, OutgoingRequest, PooledClient, TlsOptions } from './http-client.ts';

/** Idle connections are closed before the usual servers and proxies close them (nginx after 75 seconds). */
const MAX_IDLE_MS = 60_000;

/**
 * HTTP/2 to one origin: as few connections as their servers' bounds on streams allow. One that a server takes leave of
 * (GOAWAY) finishes what it has, and the next request goes out on another.
 */
export class H2Client implements PooledClient, H2Owner {
  readonly #origin: URL;
  readonly #tls: TlsOptions;
  readonly #maxConnections: number;
  readonly #room: ConnectionRoom | null;
  /** Those that take requests, oldest first. */
  readonly #open = new Set<H2Connection>();
  /** Those that only finish what they have. */
  readonly #leaving = new Set<H2Connection>();

  /** @param room bounds the connections of several clients in place of `connections`; null: this one is alone */
  constructor(origin: string, { connections }: Pick<HttpClientOptions, 'connections'>, tls: TlsOptions = {}, room: ConnectionRoom | null = null) {
    this.#origin = new URL(origin);
    this.#tls = tls;
    this.#maxConnections = connections;
    this.#room = room;
  }

  get connections(): number {
    return this.#open.size + this.#leaving.size;
  }

  get idle(): number {
    let idle = 0;
    for (const { pending } of this.#open) if (pending === 0) idle += 1;
    return idle;
  }

  get capacity(): number {
    let streams = 0;
    for (const { limit } of this.#open) streams += limit;
    return streams;
  }

  closeIdle(): void {
    let oldest: H2Connection | null = null;
    for (const connection of this.#open) {
      if (connection.pending === 0 && (oldest === null || connection.idleSinceMs < oldest.idleSinceMs)) oldest = connection;
    }
    if (oldest !== null) this.#close(oldest);
  }

  send(request: OutgoingRequest, observer: DeliveryObserver): Delivery {
    return this.#choose().send(request, observer);
  }

  tick(nowMs: number): void {
    for (const connection of this.#open) {
      if (connection.pending === 0 && nowMs - connection.idleSinceMs > MAX_IDLE_MS) this.#close(connection);
      else connection.tick(nowMs);
    }
    for (const connection of this.#leaving) connection.tick(nowMs);
  }

  async destroy(): Promise<void> {
    for (const connection of [...this.#open, ...this.#leaving]) this.#close(connection);
  }

  freed(connection: H2Connection): void {
    if (this.#leaving.has(connection) && connection.pending === 0) this.#close(connection);
  }

  leaving(connection: H2Connection): void {
    if (!this.#open.delete(connection)) return;
    this.#leaving.add(connection);
    if (connection.pending === 0) this.#close(connection);
  }

  gone(connection: H2Connection): void {
    this.#open.delete(connection);
    this.#leaving.delete(connection);
  }

  /** It no longer counts, though its socket may take a moment. */
  #close(connection: H2Connection): void {
    this.gone(connection);
    connection.close();
  }

  /** Where all are full, the request waits in the one with the least to do until a stream is free: the server's bound holds. */
  #choose(): H2Connection {
    let least: H2Connection | null = null;
    for (const connection of this.#open) {
      if (!connection.open) this.leaving(connection);
      else if (connection.pending < connection.limit) return connection;
      else if (least === null || connection.pending < least.pending) least = connection;
    }
    return this.#mayOpen() || least === null ? this.#connect() : least;
  }

  #mayOpen(): boolean {
    return this.#room === null ? this.connections < this.#maxConnections : this.#room.makeWay();
  }

  #connect(): H2Connection {
    const connection = new H2Connection(this.#origin, this.#tls, this);
    this.#open.add(connection);
    return connection;
  }
}
