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

  /** Another connection could be opened only in place of one. */
  get isFull(): boolean {
    let open = 0;
    for (const { connections } of this.#clients) open += connections;
    return open >= this.#limit;
  }

  /** The client with the most idle connections; null where all are busy. */
  get idlest(): PooledClient | null {
    let idlest: PooledClient | null = null;
    for (const client of this.#clients) if (client.idle > (idlest?.idle ?? 0)) idlest = client;
    return idlest;
  }

  /** @returns whether one more may be opened; where there is no room, an idle one gives way */
  makeWay(): boolean {
    if (!this.isFull) return true;
    const { idlest } = this;
    idlest?.closeIdle();
    return idlest !== null;
  }
}
