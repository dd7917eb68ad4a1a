import type { PooledClient } from './http-client.ts';

/** How many connections the clients of one target may have open together. */
export class ConnectionRoom {
  readonly #limit: number;
  readonly #clients = new Set<PooledClient>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(client: PooledClient): void {
    this.#clients.add(client);
  }

  delete(client: PooledClient): void {
    this.#clients.delete(client);
  }

  /** No connection may be opened, and none closed to make way. */
  get isFull(): boolean {
    let open = 0;
    for (const client of this.#clients) {
      if (client.idle > 0) return false;
      open += client.connections;
    }
    return open >= this.#limit;
  }

  /** @returns whether one more may be opened; where there are too many, an idle one of the client with the most gives way */
  makeWay(): boolean {
    let open = 0;
    let idlest: PooledClient | null = null;
    for (const client of this.#clients) {
      open += client.connections;
      if (client.idle > (idlest?.idle ?? 0)) idlest = client;
    }
    if (open < this.#limit) return true;
    idlest?.closeIdle();
    return idlest !== null;
  }
}
