import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { BalancedClient, hostAndPort } from '../../src/mirror/balanced-client.ts';
import type { ConnectionRoom } from '../../src/mirror/connection-room.ts';
import { H1Client } from '../../src/mirror/h1-client.ts';
import type { HttpClientOptions } from '../../src/mirror/http-client.ts';
import { UndiciClient } from '../../src/mirror/undici-client.ts';
import type { BackendAddress } from '../../src/policy/snapshot.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** An endpoint of a Service, at an address of its own. */
class Pod {
  requests = 0;
  /** Connections that are open, and all that ever were. */
  open = 0;
  opened = 0;
  readonly address: { readonly host: string; port: number };
  readonly #answer: Answer;
  #server: Server | null = null;

  constructor(host: string, answer: Answer = (_request, response) => response.end('ok')) {
    this.address = { host, port: 0 };
    this.#answer = answer;
  }

  async start(): Promise<this> {
    const server = createServer((request, response) => {
      this.requests += 1;
      request.resume();
      this.#answer(request, response);
    });
    server.on('connection', (socket) => {
      this.open += 1;
      this.opened += 1;
      socket.on('close', () => (this.open -= 1));
    });
    await new Promise<void>((resolve) => server.listen(this.address.port, this.address.host, resolve));
    this.address.port = (server.address() as AddressInfo).port;
    this.#server = server;
    cleanups.push(() => this.stop());
    return this;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    if (server === null) return;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

const threePods = (answer?: Answer): Promise<Pod[]> => Promise.all([1, 2, 3].map((number) => new Pod(`127.0.0.1${number}`, answer).start()));
const addressesOf = (pods: readonly Pod[]): BackendAddress[] => pods.map(({ address }) => ({ ...address }));
const requestsOf = (pods: readonly Pod[]): number[] => pods.map(({ requests }) => requests);

/** The client of a Service that has these endpoints. */
class Service {
  readonly client: BalancedClient;
  readonly #clients: H1Client[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor(addresses: readonly BackendAddress[], options: Partial<HttpClientOptions> = {}) {
    const all = { connections: 64, pipelining: 1, ...options };
    const open = (address: BackendAddress, room: ConnectionRoom): H1Client => {
      const client = new H1Client(`http://${hostAndPort(address)}`, all, room);
      this.#clients.push(client);
      return client;
    };
    this.client = new BalancedClient(open, addresses, all);
    this.#timer = setInterval(() => this.client.tick(performance.now()), 20);
    cleanups.push(() => this.client.destroy(), () => clearInterval(this.#timer));
  }

  get connections(): number {
    return this.#clients.reduce((sum, { connections }) => sum + connections, 0);
  }

  /** @returns the status, or why there is none */
  fetch(path = '/'): Promise<number | string> {
    const { client } = this;
    const request = { method: 'GET', path, headers: ['Host', 'shop'], body: null };
    return new Promise((resolve) => {
      let status = 0;
      client.send(request, { keeper: null, onAnswer: (value) => (status = value), onEnd: () => resolve(status), onFailure: (reason) => resolve(reason) });
    });
  }

  /** One after the other. @returns how often each result was */
  async fetchInTurn(count: number): Promise<Record<string, number>> {
    const results: Record<string, number> = {};
    for (let i = 0; i < count; i++) {
      const result = await this.fetch();
      results[result] = (results[result] ?? 0) + 1;
    }
    return results;
  }
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 5_000;
  while (!condition() && Date.now() < deadline) await sleep(5);
  expect(condition()).toBe(true);
}

describe('copies to a Service', () => {
  it('go to its endpoints by turns, be they ever so few', async () => {
    const pods = await threePods();
    expect(await new Service(addressesOf(pods)).fetchInTurn(30)).toEqual({ 200: 30 });
    expect(requestsOf(pods)).toEqual([10, 10, 10]);
  });

  it('go to the endpoint with the fewest under way', async () => {
    const slow = await new Pod('127.0.0.11', (_request, response) => void setTimeout(() => response.end(), 200)).start();
    const quick = await new Pod('127.0.0.12').start();
    const service = new Service(addressesOf([slow, quick]));
    const all = Array.from({ length: 20 }, () => sleep(Math.random() * 100).then(() => service.fetch()));
    expect(await Promise.all(all)).toEqual(Array.from({ length: 20 }, () => 200));
    expect(slow.requests).toBeLessThan(6);
    expect(slow.requests).toBeGreaterThan(0);
    expect(quick.requests).toBe(20 - slow.requests);
  });

  it('lose a few at an endpoint that is dead, and find it when it lives again', async () => {
    const pods = await threePods();
    const service = new Service(addressesOf(pods));
    await pods[1]!.stop();
    expect(await service.fetchInTurn(100)).toEqual({ 200: 97, connect: 3 });
    expect(Math.abs(pods[0]!.requests - pods[2]!.requests)).toBeLessThan(3);
    expect(service.client.anyHealthy).toBe(true);
    await pods[1]!.start();
    await sleep(600);
    expect(await service.fetchInTurn(30)).toEqual({ 200: 30 });
    expect(pods[1]!.requests).toBeGreaterThanOrEqual(9);
  });

  it('lose a few at an endpoint that hangs up, though it has always the fewest under way', async () => {
    const broken = await new Pod('127.0.0.11', (request) => void request.socket.destroy()).start();
    const sound = await new Pod('127.0.0.12', (_request, response) => void setTimeout(() => response.end(), 20)).start();
    const service = new Service(addressesOf([broken, sound]));
    const results = await Promise.all(Array.from({ length: 50 }, (_, i) => sleep(i * 4).then(() => service.fetch())));
    expect(results.filter((result) => result === 'reset').length).toBeLessThan(6);
  });

  it('are tried where there is no endpoint that answers', async () => {
    const pods = await threePods();
    const service = new Service(addressesOf(pods));
    for (const pod of pods) await pod.stop();
    expect(await service.fetchInTurn(30)).toEqual({ connect: 30 });
    expect(service.client.anyHealthy).toBe(false);
    await pods[2]!.start();
    expect((await service.fetchInTurn(3))[200]).toBeGreaterThan(0);
    expect(service.client.anyHealthy).toBe(true);
  });

  it('fail at once where there is no endpoint', async () => {
    expect(await new Service([]).fetch()).toBe('connect');
  });

  it('reach endpoints at IPv6 addresses', async () => {
    const pod = await new Pod('::1').start();
    expect(await new Service(addressesOf([pod])).fetch()).toBe(200);
  });
});

describe('the endpoints of a Service', () => {
  it('finish what they have when they go, and are left then; those that come are used at once', async () => {
    let answer: () => void = () => {};
    const going = await new Pod('127.0.0.11', (request, response) => {
      if (request.url === '/slow') answer = () => response.end();
      else response.end();
    }).start();
    const coming = await new Pod('127.0.0.12').start();
    const service = new Service(addressesOf([going]));
    await Promise.all([service.fetch(), service.fetch()]);
    const slow = service.fetch('/slow');
    await until(() => going.requests === 3);
    expect(service.client.setAddresses(addressesOf([coming]))).toBe(true);
    expect(await service.fetchInTurn(5)).toEqual({ 200: 5 });
    await until(() => going.open === 1);
    answer();
    expect(await slow).toBe(200);
    await until(() => going.open === 0);
    expect([going.requests, coming.requests]).toEqual([3, 5]);
  });

  it('keep their connections when others come or go, or the order changes', async () => {
    const pods = await threePods();
    const service = new Service(addressesOf(pods.slice(0, 2)));
    await service.fetchInTurn(2);
    expect(service.client.setAddresses(addressesOf(pods.slice(0, 2)))).toBe(false);
    expect(service.client.setAddresses(addressesOf([pods[1]!, pods[0]!, pods[0]!]))).toBe(false);
    expect(service.client.setAddresses(addressesOf(pods))).toBe(true);
    await service.fetchInTurn(9);
    expect(service.client.setAddresses(addressesOf(pods.slice(1)))).toBe(false);
    await service.fetchInTurn(4);
    expect(requestsOf(pods)).toEqual([4, 6, 5]);
    expect(pods.map(({ opened }) => opened)).toEqual([1, 1, 1]);
  });

  it('may go while all of their copies are under way, and come back', async () => {
    const pods = await threePods((_request, response) => void setTimeout(() => response.end(), 30));
    const service = new Service(addressesOf(pods));
    const first = Array.from({ length: 9 }, () => service.fetch());
    service.client.setAddresses([]);
    expect(await service.fetch()).toBe('connect');
    service.client.setAddresses(addressesOf(pods));
    const second = Array.from({ length: 9 }, () => service.fetch());
    expect(new Set(await Promise.all([...first, ...second]))).toEqual(new Set([200]));
    expect(requestsOf(pods)).toEqual([6, 6, 6]);
  });
});

describe('connections to a Service', () => {
  it.each([
    [{ connections: 1, pipelining: 1 }, 1],
    [{ connections: 2, pipelining: 1 }, 2],
    [{ connections: 4, pipelining: 1 }, 4],
    [{ connections: 16, pipelining: 1 }, 16],
    [{ connections: 2, pipelining: 4 }, 8],
    [{ connections: 4, pipelining: 4 }, 16],
  ])('%o are for all endpoints together, with %i copies under way, and shares are fair', async (options, underWay) => {
    const pods = await threePods((_request, response) => void setTimeout(() => response.end(), 2));
    const service = new Service(addressesOf(pods), options);
    let most = 0;
    const fetching = Array.from({ length: underWay }, async () => {
      for (let i = 0; i < 40; i++) {
        const answer = service.fetch();
        most = Math.max(most, service.connections);
        expect(await answer).toBe(200);
      }
    });
    await Promise.all(fetching);
    expect(most).toBe(options.connections);
    // Four busy connections to three endpoints are two, one and one.
    for (const { requests } of pods) expect(requests).toBeGreaterThanOrEqual((underWay * 40) / 4);
    // As long as every endpoint can have one, they are kept.
    const opened = pods.reduce((sum, pod) => sum + pod.opened, 0);
    if (options.connections > pods.length) expect(opened).toBeLessThan(3 * options.connections);
  });

  it('hold no more requests than may be pipelined', async () => {
    const pods = await threePods((_request, response) => void setTimeout(() => response.end(), 5));
    const options = { connections: 3, pipelining: 4 };
    const service = new Service(addressesOf(pods), options);
    expect(await Promise.all(Array.from({ length: 12 }, () => service.fetch()))).toEqual(Array.from({ length: 12 }, () => 200));
    expect(requestsOf(pods)).toEqual([4, 4, 4]);
    expect(pods.map(({ opened }) => opened)).toEqual([1, 1, 1]);
  });

  it('are bounded with undici, too', async () => {
    const pods = await threePods();
    const client = new BalancedClient((address, room) => new UndiciClient(`http://${hostAndPort(address)}`, {}, room), addressesOf(pods), {
      connections: 2,
      pipelining: 1,
    });
    cleanups.push(() => client.destroy());
    for (let i = 0; i < 12; i++) {
      await new Promise<void>((resolve, reject) => {
        client.send({ method: 'GET', path: '/', headers: ['Host', 'shop'], body: null }, { keeper: null, onAnswer() {}, onEnd: () => resolve(), onFailure: reject });
      });
    }
    expect(requestsOf(pods)).toEqual([4, 4, 4]);
    await until(() => pods.reduce((sum, { open }) => sum + open, 0) <= 2);
  });
});
