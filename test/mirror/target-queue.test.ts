import { ByteBudget } from '../../src/flow/budget.ts';
import { createServer as createTcpServer, type AddressInfo, type Server as TcpServer, type Socket } from 'node:net';
import { createServer, type RequestListener } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { PolicyAccount } from '../../src/ledger/ledger.ts';
import { OUTCOME_SLOTS } from '../../src/ledger/outcomes.ts';
import { BalancedClient } from '../../src/mirror/balanced-client.ts';
import { H1Client } from '../../src/mirror/h1-client.ts';
import type { HttpClient, HttpClientOptions, OutgoingRequest } from '../../src/mirror/http-client.ts';
import type { PreparedCopy } from '../../src/mirror/copy.ts';
import { TargetQueue, type QueueLimits } from '../../src/mirror/target-queue.ts';
import { UndiciClient } from '../../src/mirror/undici-client.ts';

const LIMITS: QueueLimits = { maxInFlight: 4, maxQueued: 8, maxBytes: 1 << 20, timeoutMs: 300, rate: null };
const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function listen(server: TcpServer): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => new Promise((resolve) => server.close(() => resolve())));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function httpMirror(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  cleanups.push(() => server.closeAllConnections());
  return listen(server);
}

/** A server that treats each raw connection as told. */
async function rawMirror(onSocket: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    onSocket(socket);
  });
  const origin = await listen(server);
  cleanups.push(() => sockets.forEach((socket) => socket.destroy()));
  return origin;
}

/** The content is captured, and accounted for elsewhere. */
function weighed(request: OutgoingRequest): PreparedCopy {
  return { request, bytes: 1024 + (request.body?.length ?? 0), room: 1024 };
}

class Rig {
  readonly queue: TargetQueue;
  readonly budget = new ByteBudget(64 << 20);
  readonly account = PolicyAccount.allocate(1);
  offered = 0;
  ended = 0;
  readonly #timer: NodeJS.Timeout;

  constructor(client: HttpClient, limits: Partial<QueueLimits> = {}) {
    const all = { ...LIMITS, ...limits };
    this.queue = new TargetQueue(client, all, this.account.copies[0]!, this.budget);
    this.#timer = setInterval(() => this.queue.tick(performance.now()), 20);
    cleanups.push(async () => {
      clearInterval(this.#timer);
      await this.queue.close();
    });
  }

  offer(count: number, body: Buffer | null = null, path = '/x', lane: object | null = null): void {
    for (let i = 0; i < count; i++) {
      const request = { method: body === null ? 'GET' : 'POST', path, headers: ['Host', 'shop'], body };
      this.offered += 1;
      this.queue.offer(weighed(request), performance.now(), { keeper: null, onCopyEnd: () => (this.ended += 1) }, lane);
    }
  }

  async settled(): Promise<Record<string, number>> {
    const deadline = Date.now() + 5000;
    while (this.ended < this.offered && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(this.ended).toBe(this.offered);
    expect(this.queue.pending).toBe(0);
    expect(this.queue.bytes).toBe(0);
    expect(this.budget.used).toBe(0);
    return this.counts();
  }

  counts(): Record<string, number> {
    const row = this.account.copies[0]!;
    return Object.fromEntries(
      OUTCOME_SLOTS.flatMap(({ outcome, reason }, slot) => (row[slot]! > 0 ? [[`${outcome}:${reason}`, row[slot]!]] : [])),
    );
  }
}

/** A Service of one endpoint. */
function serviceOf(origin: string, options: HttpClientOptions): HttpClient {
  const { hostname: host, port } = new URL(origin);
  return new BalancedClient((_address, room) => new H1Client(origin, options, room), [{ host, port: Number(port) }], options);
}

/** Ways to speak HTTP/1.1 to a mirror: to the queue they are all the same. */
const CLIENTS: readonly [string, (origin: string) => HttpClient][] = [
  ['undici', (origin) => new UndiciClient(origin)],
  ['our own client', (origin) => new H1Client(origin, { connections: 128, pipelining: 1 })],
  ['the endpoints of a Service', (origin) => serviceOf(origin, { connections: 128, pipelining: 1 })],
  ['the endpoints of a Service with pipelining', (origin) => serviceOf(origin, { connections: 2, pipelining: 64 })],
  ['our own client with pipelining', (origin) => new H1Client(origin, { connections: 2, pipelining: 64 })],
];

describe.each(CLIENTS)('a target queue with %s', (_name, open) => {
  it('delivers each copy once and counts it by the class of the answer', async () => {
    const paths: string[] = [];
    const origin = await httpMirror((request, response) => {
      paths.push(request.url!);
      response.writeHead(Number(request.url!.slice(1))).end('ignored');
    });
    const rig = new Rig(open(origin));
    for (const status of [200, 204, 301, 404, 503]) rig.offer(1, null, `/${status}`);
    expect(await rig.settled()).toEqual({ 'mirrored:2xx': 2, 'mirrored:3xx': 1, 'mirrored:4xx': 1, 'mirrored:5xx': 1 });
    expect(paths.sort()).toEqual(['/200', '/204', '/301', '/404', '/503']);
  });

  it('sheds the newest when its count is full; those accepted arrive', async () => {
    let seen = 0;
    const origin = await httpMirror((_request, response) => {
      seen += 1;
      setTimeout(() => response.end(), 20);
    });
    const rig = new Rig(open(origin));
    rig.offer(30);
    expect(rig.counts()).toEqual({ 'shed:queue': 18 });
    expect(await rig.settled()).toEqual({ 'shed:queue': 18, 'mirrored:2xx': 12 });
    expect(seen).toBe(12);
  });

  it('sheds when its bytes are full', async () => {
    const origin = await httpMirror((request, response) => request.resume().on('end', () => response.end()));
    const rig = new Rig(open(origin), { maxBytes: 5000 });
    rig.offer(4, Buffer.alloc(1000));
    expect(await rig.settled()).toEqual({ 'shed:bytes': 2, 'mirrored:2xx': 2 });
  });

  it('gives up at the deadline on a mirror that never answers', async () => {
    const origin = await httpMirror(() => {});
    const rig = new Rig(open(origin));
    rig.offer(6);
    expect(await rig.settled()).toEqual({ 'failed:timeout': 6 });
  });

  it('gives up at the deadline on an answer that never ends', async () => {
    const origin = await rawMirror((socket) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n');
      const drip = setInterval(() => socket.write('x'), 10);
      socket.on('close', () => clearInterval(drip));
    });
    const rig = new Rig(open(origin));
    rig.offer(2);
    expect(await rig.settled()).toEqual({ 'failed:timeout': 2 });
  });

  it('names resets and nonsense answers', async () => {
    const resetting = new Rig(open(await rawMirror((socket) => socket.on('data', () => socket.resetAndDestroy()))));
    resetting.offer(4);
    expect(await resetting.settled()).toEqual({ 'failed:reset': 4 });
    const garbage = new Rig(open(await rawMirror((socket) => socket.on('data', () => socket.write('SSH-2.0-no\r\n\r\n')))));
    garbage.offer(4);
    expect(await garbage.settled()).toEqual({ 'failed:protocol': 4 });
  });

  it('leaves a dead mirror alone after some failures and comes back when it answers again', async () => {
    const server = createServer((_request, response) => response.end());
    const origin = await listen(server);
    const port = (server.address() as AddressInfo).port;
    await new Promise<void>((resolve) => server.close(() => resolve()));
    const rig = new Rig(open(origin));
    for (let i = 0; i < 10; i++) {
      rig.offer(5);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const dead = await rig.settled();
    expect(dead['failed:connect']).toBeGreaterThanOrEqual(20);
    expect(dead['failed:connect']).toBeLessThan(30);
    expect(dead['shed:breaker']).toBe(50 - dead['failed:connect']!);
    expect(rig.queue.breakerOpen).toBe(true);

    const revived = createServer((_request, response) => response.end());
    await new Promise<void>((resolve) => revived.listen(port, '127.0.0.1', resolve));
    cleanups.push(() => new Promise((resolve) => revived.close(() => resolve())));
    cleanups.push(() => revived.closeAllConnections());
    const deadline = Date.now() + 4000;
    while (rig.queue.breakerOpen && Date.now() < deadline) {
      rig.offer(1);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await rig.settled();
    rig.offer(5);
    expect((await rig.settled())['mirrored:2xx']).toBeGreaterThanOrEqual(6);
  });

  it('counts what it cannot express as rejected, and goes on', async () => {
    const origin = await httpMirror((_request, response) => response.end());
    const rig = new Rig(open(origin), { maxInFlight: 1, maxQueued: 1000 });
    rig.offer(300, null, 'no slash');
    rig.offer(2);
    expect(await rig.settled()).toEqual({ 'failed:rejected': 300, 'mirrored:2xx': 2 });
  });

  it('counts what is left when it is closed as shutdown', async () => {
    const origin = await httpMirror(() => {});
    const rig = new Rig(open(origin), { timeoutMs: 10_000 });
    rig.offer(7);
    await rig.queue.close();
    expect(await rig.settled()).toEqual({ 'incomplete:shutdown': 7 });
  });

  it('keeps the order within a lane, one at a time, while other lanes go on', async () => {
    const begun: string[] = [];
    let underWay = 0;
    let most = 0;
    const origin = await httpMirror((request, response) => {
      begun.push(request.url!);
      if (request.url!.startsWith('/a')) most = Math.max(most, ++underWay);
      setTimeout(() => {
        if (request.url!.startsWith('/a')) underWay -= 1;
        response.end();
      }, request.url === '/a1' ? 60 : 5);
    });
    const rig = new Rig(open(origin), { maxQueued: 20, maxInFlight: 2 });
    const [a, b] = [{}, {}];
    for (const path of ['/a1', '/a2', '/a3', '/a4']) rig.offer(1, null, path, a);
    // With pipelining, what comes in one turn goes out on one connection.
    await new Promise((resolve) => setTimeout(resolve, 5));
    for (const path of ['/b1', '/b2']) rig.offer(1, null, path, b);
    expect(await rig.settled()).toEqual({ 'mirrored:2xx': 6 });
    expect(begun.filter((path) => path.startsWith('/a'))).toEqual(['/a1', '/a2', '/a3', '/a4']);
    expect(most).toBe(1);
    expect(begun.indexOf('/b2')).toBeLessThan(begun.indexOf('/a2'));
  });

  it('lets the next of a lane go when the one before it fails, and bounds what waits there', async () => {
    const paths: string[] = [];
    const origin = await httpMirror((request, response) => {
      paths.push(request.url!);
      if (request.url === '/1') request.socket.destroy();
      else if (request.url !== '/2') response.end();
    });
    const rig = new Rig(open(origin), { maxQueued: 3 });
    const lane = {};
    for (const path of ['/1', '/2', '/3', '/4', '/5', '/6']) rig.offer(1, null, path, lane);
    expect(await rig.settled()).toEqual({ 'failed:reset': 1, 'failed:timeout': 1, 'mirrored:2xx': 2, 'shed:queue': 2 });
    expect(paths).toEqual(['/1', '/2', '/3', '/4']);
  });

  it('counts what waits in lanes as shutdown when it is closed', async () => {
    const rig = new Rig(open(await httpMirror(() => {})), { timeoutMs: 10_000 });
    const lanes = [{}, {}];
    for (let i = 0; i < 8; i++) rig.offer(1, null, '/x', lanes[i % 2]!);
    await rig.queue.close();
    expect(await rig.settled()).toEqual({ 'incomplete:shutdown': 8 });
  });

  it('sheds beyond its rate', async () => {
    const origin = await httpMirror((_request, response) => response.end());
    const rig = new Rig(open(origin), { maxQueued: 100, rate: { perSecond: 1, burst: 3 } });
    rig.offer(10);
    expect(await rig.settled()).toEqual({ 'shed:rate': 7, 'mirrored:2xx': 3 });
  });

  it('sheds when the budget of all queues is used up, counting content only where nobody else does', async () => {
    const origin = await httpMirror((request, response) => request.resume().on('end', () => response.end()));
    const rig = new Rig(open(origin));
    rig.budget.take((64 << 20) - 5000);
    const copy = weighed({ method: 'POST', path: '/', headers: ['Host', 'shop'], body: Buffer.alloc(10_000) });
    for (const { bytes, room } of [copy, { ...copy, room: copy.bytes }]) {
      rig.offered += 1;
      rig.queue.offer({ ...copy, bytes, room }, performance.now(), { keeper: null, onCopyEnd: () => (rig.ended += 1) }, null);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
    rig.budget.give((64 << 20) - 5000);
    expect(await rig.settled()).toEqual({ 'shed:memory': 1, 'mirrored:2xx': 1 });
  });

  it('tells how the mirror fares', async () => {
    const origin = await httpMirror((request, response) => response.writeHead(Number(request.url!.slice(1))).end());
    const rig = new Rig(open(origin));
    const heard = { good: 0, bad: 0, latencyMs: 0 };
    rig.queue.health = {
      onSuccess: (latencyMs) => {
        heard.good += 1;
        heard.latencyMs += latencyMs;
      },
      onError: () => (heard.bad += 1),
    };
    for (const status of [200, 404, 500, 503]) rig.offer(1, null, `/${status}`);
    rig.offer(1, null, 'no slash');
    await rig.settled();
    expect(heard).toEqual({ good: 2, bad: 2, latencyMs: expect.any(Number) as number });
    expect(heard.latencyMs).toBeGreaterThan(0);
  });
});
