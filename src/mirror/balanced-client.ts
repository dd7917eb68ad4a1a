import type { BackendAddress } from '../policy/snapshot.ts';
import type { AnswerKeeper } from './answer-keeper.ts';
import { Breaker } from './breaker.ts';
import { ConnectionRoom } from './connection-room.ts';
import {
  NOTHING_TO_ABORT,
  type Delivery,
  type DeliveryObserver,
  type FailureReason,
  type HttpClient,
  type HttpClientOptions,
  type OutgoingRequest,
  type PooledClient,
} from './http-client.ts';

/** An endpoint is left alone early: another one takes its copies meanwhile. */
const ENDPOINT_BREAKER = { openAfter: 3, maxPauseMs: 5_000 };

/** Beyond any number of copies under way: what makes an endpoint the worse choice, whatever the others have to do. */
const FAILING = 1e6;
const WITHOUT_CONNECTION = 1e9;
/** Less than one copy: among equals, those are taken that need no connection in place of another one. */
const CROWDED = 0.5;

/** @param room asked before a connection is opened */
export type OpenClient = (address: BackendAddress, room: ConnectionRoom) => PooledClient;

/**
 * Sends each request to one of the endpoints of a Service: to the one with the fewest under way, by turns among equals.
 * One that has just failed several times in a row is left alone for a while, as long as there is another one. Where
 * there is no endpoint, requests fail as `connect` at once.
 */
export class BalancedClient implements HttpClient {
  readonly #open: OpenClient;
  readonly #room: ConnectionRoom;
  #addresses: readonly BackendAddress[] = [];
  #endpoints: readonly BackendEndpoint[] = [];
  /** Gone from the Service, with something under way. */
  readonly #leaving = new Set<BackendEndpoint>();
  /** Index of the endpoint whose turn it is. Agents all over the cluster do not begin with the same one. */
  #turn = Math.floor(Math.random() * 0x7fff_ffff);

  /** @param options for all endpoints together */
  constructor(open: OpenClient, addresses: readonly BackendAddress[], { connections }: HttpClientOptions) {
    this.#open = open;
    this.#room = new ConnectionRoom(connections);
    this.setAddresses(addresses);
  }

  /** Endpoints that are no longer there finish what they have. */
  setAddresses(addresses: readonly BackendAddress[]): boolean {
    if (areSame(addresses, this.#addresses)) return false;
    const before = new Map(this.#endpoints.map((endpoint) => [endpoint.name, endpoint]));
    const next = new Map<string, BackendEndpoint>();
    let added = false;
    for (const address of addresses) {
      const name = hostAndPort(address);
      if (next.has(name)) continue;
      added ||= !before.has(name);
      next.set(name, before.get(name) ?? this.#enter(name, address));
    }
    for (const [name, endpoint] of before) if (!next.has(name)) this.#leaving.add(endpoint);
    this.#closeLeaving();
    this.#addresses = addresses;
    this.#endpoints = [...next.values()];
    return added;
  }

  get anyHealthy(): boolean {
    return this.#endpoints.some(({ breaker }) => !breaker.isOpen);
  }

  send(request: OutgoingRequest, observer: DeliveryObserver): Delivery {
    const endpoint = this.#choose();
    if (endpoint === null) {
      observer.onFailure('connect');
      return NOTHING_TO_ABORT;
    }
    endpoint.underWay += 1;
    return endpoint.client.send(request, new BalancedDelivery(endpoint, observer));
  }

  tick(nowMs: number): void {
    for (const { client } of this.#endpoints) client.tick(nowMs);
    for (const { client } of this.#leaving) client.tick(nowMs);
    this.#closeLeaving();
  }

  async destroy(): Promise<void> {
    await Promise.all([...this.#endpoints, ...this.#leaving].map(({ client }) => client.destroy()));
  }

  #enter(name: string, address: BackendAddress): BackendEndpoint {
    const endpoint = new BackendEndpoint(name, this.#open(address, this.#room));
    this.#room.add(endpoint.client);
    return endpoint;
  }

  #closeLeaving(): void {
    for (const endpoint of this.#leaving) {
      const { client, underWay } = endpoint;
      while (client.idle > 0) client.closeIdle();
      if (underWay > 0) continue;
      this.#leaving.delete(endpoint);
      this.#room.delete(client);
      void client.destroy();
    }
  }

  #choose(): BackendEndpoint | null {
    const endpoints = this.#endpoints;
    const full = this.#room.isFull;
    const busy = full && this.#room.idlest === null;
    let best: BackendEndpoint | null = null;
    let least = Infinity;
    let index = this.#turn;
    for (let i = 0; i < endpoints.length && least > 0; i++, index++) {
      if (index >= endpoints.length) index %= endpoints.length;
      const endpoint = endpoints[index]!;
      const cost = this.#cost(endpoint, full, busy);
      if (cost >= least) continue;
      best = endpoint;
      least = cost;
      this.#turn = index + 1;
    }
    if (best?.breaker.isOpen === true) best.breaker.admits(performance.now());
    return best;
  }

  /**
   * @param full a connection to one endpoint would have to take the place of one to another
   * @param busy there is none that could give way
   */
  #cost({ underWay, client, breaker }: BackendEndpoint, full: boolean, busy: boolean): number {
    let cost = underWay;
    if (breaker.isOpen && breaker.refuses(performance.now())) cost += FAILING;
    if (busy && underWay >= client.capacity) cost += WITHOUT_CONNECTION;
    // An endpoint without any may have one, else it would never get copies.
    else if (full && client.idle === 0 && client.connections > 0) cost += CROWDED;
    return cost;
  }
}

class BackendEndpoint {
  readonly name: string;
  readonly client: PooledClient;
  readonly breaker = new Breaker(ENDPOINT_BREAKER);
  underWay = 0;

  constructor(name: string, client: PooledClient) {
    this.name = name;
    this.client = client;
  }
}

class BalancedDelivery implements DeliveryObserver {
  readonly #endpoint: BackendEndpoint;
  readonly #observer: DeliveryObserver;

  constructor(endpoint: BackendEndpoint, observer: DeliveryObserver) {
    this.#endpoint = endpoint;
    this.#observer = observer;
  }

  get keeper(): AnswerKeeper | null {
    return this.#observer.keeper;
  }

  onAnswer(status: number): void {
    this.#observer.onAnswer(status);
  }

  onEnd(trailers: readonly string[]): void {
    this.#endpoint.underWay -= 1;
    this.#endpoint.breaker.succeeded();
    this.#observer.onEnd(trailers);
  }

  onFailure(reason: FailureReason): void {
    this.#endpoint.underWay -= 1;
    if (reason === 'rejected' || reason === 'cancelled') this.#endpoint.breaker.abstained();
    else this.#endpoint.breaker.failed(performance.now());
    this.#observer.onFailure(reason);
  }
}

/** As in a URL. */
export function hostAndPort({ host, port }: BackendAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function areSame(a: readonly BackendAddress[], b: readonly BackendAddress[]): boolean {
  return a.length === b.length && a.every(({ host, port }, i) => host === b[i]!.host && port === b[i]!.port);
}
