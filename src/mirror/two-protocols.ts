import type { Delivery, DeliveryObserver, OutgoingRequest, PooledClient } from './http-client.ts';

/** Sends each request in what it is meant for: one origin, with a client for HTTP/1.1 and one for HTTP/2. */
export class TwoProtocols implements PooledClient {
  readonly #h1: PooledClient;
  readonly #h2: PooledClient;

  /** None of them has connections before it has a request. */
  constructor(h1: PooledClient, h2: PooledClient) {
    this.#h1 = h1;
    this.#h2 = h2;
  }

  get connections(): number {
    return this.#h1.connections + this.#h2.connections;
  }

  get idle(): number {
    return this.#h1.idle + this.#h2.idle;
  }

  get capacity(): number {
    return this.#h1.capacity + this.#h2.capacity;
  }

  closeIdle(): void {
    (this.#h1.idle > 0 ? this.#h1 : this.#h2).closeIdle();
  }

  send(request: OutgoingRequest, observer: DeliveryObserver): Delivery {
    return (request.http2 === undefined ? this.#h1 : this.#h2).send(request, observer);
  }

  tick(nowMs: number): void {
    this.#h1.tick(nowMs);
    this.#h2.tick(nowMs);
  }

  async destroy(): Promise<void> {
    await Promise.all([this.#h1.destroy(), this.#h2.destroy()]);
  }
}
