/**
 * How copies spread over the three pods of a Service: `node test/bench/balancing.ts`, about two minutes. Beside the
 * agent's way, which is to address each endpoint, it shows what one address with a balancer of connections behind it (a
 * ClusterIP) makes of the same copies. Prints the share of each pod, the lowest and the highest, and how copies ended.
 */
import { createServer as createHttpServer } from 'node:http';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { ByteBudget } from '../../src/flow/budget.ts';
import { PolicyAccount } from '../../src/ledger/ledger.ts';
import { OUTCOME_SLOTS } from '../../src/ledger/outcomes.ts';
import { BalancedClient, hostAndPort } from '../../src/mirror/balanced-client.ts';
import { H1Client } from '../../src/mirror/h1-client.ts';
import type { HttpClient, HttpClientOptions } from '../../src/mirror/http-client.ts';
import { TargetQueue } from '../../src/mirror/target-queue.ts';
import type { BackendAddress } from '../../src/policy/snapshot.ts';

const OPTIONS: HttpClientOptions = { connections: 128, pipelining: 1 };
const PODS = ['127.0.0.11', '127.0.0.12', '127.0.0.13'];
const CLUSTER_IP = '127.0.0.10';

/** What a thread is: a pod, or the balancer before some. */
type Role = { readonly pod: string } | { readonly balancer: string; readonly pods: readonly BackendAddress[] };

async function listen(server: Server, host: string): Promise<void> {
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  parentPort!.postMessage({ address: { host, port: (server.address() as AddressInfo).port } });
}

function serve(role: Role): Promise<void> {
  if ('balancer' in role) return listen(createServer((socket) => pass(socket, role.pods[Math.floor(Math.random() * role.pods.length)]!)), role.balancer);
  let count = 0;
  parentPort!.on('message', () => {
    parentPort!.postMessage({ count });
    count = 0;
  });
  const server = createHttpServer((request, response) => {
    if (++count === 1) parentPort!.postMessage({ firstMs: Date.now() });
    request.resume();
    response.end('ok');
  });
  server.keepAliveTimeout = 60_000;
  return listen(server, role.pod);
}

function pass(socket: Socket, pod: BackendAddress): void {
  const onward = connect(pod);
  for (const [from, to] of [[socket, onward], [onward, socket]] as const) {
    from.on('error', () => to.destroy()).on('close', () => to.destroy());
    from.pipe(to);
  }
}

class Thread {
  readonly #worker: Worker;
  address!: BackendAddress;

  constructor(role: Role) {
    this.#worker = new Worker(new URL(import.meta.url), { workerData: role });
  }

  async start(): Promise<this> {
    this.address = (await this.heard<{ address: BackendAddress }>('address')).address;
    return this;
  }

  heard<T>(key: string): Promise<T> {
    return new Promise((resolve) => {
      const onMessage = (message: Record<string, unknown>): void => {
        if (!(key in message)) return;
        this.#worker.off('message', onMessage);
        resolve(message as T);
      };
      this.#worker.on('message', onMessage);
    });
  }

  /** Requests since the last time. */
  async count(): Promise<number> {
    const counted = this.heard<{ count: number }>('count');
    this.#worker.postMessage('count');
    return (await counted).count;
  }

  async stop(): Promise<void> {
    await this.#worker.terminate();
  }
}

const pods = (addresses = PODS): Promise<Thread[]> => Promise.all(addresses.map((pod) => new Thread({ pod }).start()));

function balanced(addresses: readonly BackendAddress[], options = OPTIONS): BalancedClient {
  return new BalancedClient((address, room) => new H1Client(`http://${hostAndPort(address)}`, options, room), addresses, options);
}

/** Sends copies through a queue as a worker does. */
class Sender {
  readonly queue: TargetQueue;
  readonly #copies = PolicyAccount.allocate(1).copies[0]!;
  readonly #timer: NodeJS.Timeout;
  #underWay = 0;

  constructor(client: HttpClient, maxInFlight = 128) {
    const limits = { maxInFlight, maxQueued: 1024, maxBytes: 1 << 30, timeoutMs: 5_000, rate: null };
    this.queue = new TargetQueue(client, limits, this.#copies, new ByteBudget(1 << 30));
    this.#timer = setInterval(() => this.queue.tick(performance.now()), 100);
  }

  /** @param perSecond on the average, at random times; Infinity: as many as are answered */
  async run(perSecond: number, seconds: number): Promise<void> {
    const end = performance.now() + seconds * 1000;
    let due = performance.now();
    while (performance.now() < end) {
      if (perSecond === Infinity) for (let room = 256 - this.#underWay; room > 0; room--) this.#offer();
      else for (; due <= performance.now(); due += (-Math.log(1 - Math.random()) * 1000) / perSecond) this.#offer();
      await sleep(2);
    }
    while (this.#underWay > 0) await sleep(5);
  }

  outcomes(): string {
    return OUTCOME_SLOTS.flatMap(({ outcome, reason }, slot) => (this.#copies[slot]! > 0 ? [`${this.#copies[slot]} ${outcome} ${reason}`] : [])).join(', ');
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.queue.close();
  }

  #offer(): void {
    this.#underWay += 1;
    const request = { method: 'GET', path: '/', headers: ['Host', 'shop.example'], body: null };
    this.queue.offer({ request, bytes: 1024, room: 1024 }, performance.now(), { keeper: null, onCopyEnd: () => (this.#underWay -= 1) }, null);
  }
}

async function shares(name: string, rate: number, seconds: number, connects: (threads: Thread[]) => Promise<HttpClient>, maxInFlight?: number): Promise<void> {
  const threads = await pods();
  const sender = new Sender(await connects(threads), maxInFlight);
  await sender.run(rate, seconds);
  const counts = await Promise.all(threads.map((thread) => thread.count()));
  const sum = counts.reduce((a, b) => a + b, 0);
  const percents = counts.map((count) => `${((100 * count) / sum).toFixed(1)} %`).join('  ');
  const speed = rate === Infinity ? `flat out (${(sum / seconds).toFixed(0)}/s)` : `${rate}/s`;
  console.log(`${name.padEnd(34)} ${speed.padEnd(22)} ${percents.padEnd(26)} ${sender.outcomes()}`);
  await sender.close();
  await Promise.all(threads.map((thread) => thread.stop()));
}

const toEndpoints = (options = OPTIONS) => async (threads: Thread[]): Promise<HttpClient> => balanced(threads.map(({ address }) => address), options);

/** Nothing listens in place of the second pod. */
async function toDeadAndLiving(threads: Thread[]): Promise<HttpClient> {
  const dead = { host: '127.0.0.14', port: threads[1]!.address.port };
  return balanced([threads[0]!.address, dead, threads[2]!.address]);
}

async function toClusterIp(threads: Thread[]): Promise<HttpClient> {
  const balancer = await new Thread({ balancer: CLUSTER_IP, pods: threads.map(({ address }) => address) }).start();
  return new H1Client(`http://${hostAndPort(balancer.address)}`, OPTIONS);
}

/** How long until a pod that has just become ready gets its first copy, and until it gets as many as the others. */
async function added(rate: number): Promise<void> {
  const threads = await pods();
  const [last] = threads.splice(2);
  const sender = new Sender(balanced(threads.map(({ address }) => address)));
  const running = sender.run(rate, 4);
  await sleep(2000);
  const first = last!.heard<{ firstMs: number }>('firstMs');
  const addedMs = Date.now();
  await Promise.all(threads.map((thread) => thread.count()));
  sender.queue.setAddresses([...threads, last!].map(({ address }) => address));
  const { firstMs } = await first;
  await running;
  const counts = await Promise.all([...threads, last!].map((thread) => thread.count()));
  console.log(`an added endpoint, ${rate}/s: first copy after ${firstMs - addedMs} ms; since then ${counts.join(', ')} copies`);
  await sender.close();
  await Promise.all([...threads, last!].map((thread) => thread.stop()));
}

async function main(): Promise<void> {
  await Promise.all([
    shares('to each endpoint', 10, 30, toEndpoints()),
    shares('to one address', 10, 30, toClusterIp),
    shares('to one address, once more', 10, 30, toClusterIp),
    shares('to each endpoint, one dead', 10, 30, toDeadAndLiving),
  ]);
  await Promise.all([
    shares('to each endpoint', 100, 20, toEndpoints()),
    shares('to one address', 100, 20, toClusterIp),
    shares('to one address, once more', 100, 20, toClusterIp),
    shares('to each endpoint, one dead', 100, 20, toDeadAndLiving),
  ]);
  await shares('to each endpoint', Infinity, 5, toEndpoints());
  await shares('to one address', Infinity, 5, toClusterIp);
  await shares('to each endpoint, one dead', Infinity, 5, toDeadAndLiving);
  const pipelined = { connections: 8, pipelining: 16 };
  await shares('to each endpoint, pipelining 16', 100, 5, toEndpoints(pipelined));
  await shares('to each endpoint, pipelining 16', Infinity, 5, toEndpoints(pipelined));
  for (const rate of [10, 1000]) await added(rate);
  process.exit();
}

await (isMainThread ? main() : serve(workerData as Role));
