import { createServer, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttp2Server, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NotCompared } from '../../src/compare/answer.ts';
import { Comparator } from '../../src/compare/comparator.ts';
import type { EndpointComparison } from '../../src/compare/data.ts';
import { ByteBudget, SpareBudget } from '../../src/flow/budget.ts';
import { HttpConnection } from '../../src/http/connection.ts';
import { newHttpCounters } from '../../src/http/counters.ts';
import { AccountBook } from '../../src/ledger/book.ts';
import { Emitter } from '../../src/mirror/emitter.ts';
import { buildSnapshot } from '../../src/policy/build-snapshot.ts';
import type { MirrorPolicy } from '../../src/policy/schema.ts';
import { validatePolicy } from '../../src/policy/validate.ts';
import { PathTemplates } from '../../src/sketch/path-templates.ts';
import { TO_CLIENT, TO_SERVER, type Direction } from '../../src/tap/segment.ts';
import { Pairing } from '../../src/worker/pairing.ts';
import { Pipeline } from '../../src/worker/pipeline.ts';
import { compileSnapshot, policyEntry, type CompiledSnapshot } from '../../src/worker/targets.ts';

/** A mirror that does what the request's path says: `/ok`, `/other`, `/big`, `/echo`, `/slow`, `/late`, `/silent`, `/reset`, `/half`. */
export class Mirror implements AsyncDisposable {
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      request.resume().on('end', () => void this.#answer(request.url!, response));
    });
  }

  static async start(): Promise<Mirror> {
    const mirror = new Mirror();
    await new Promise<void>((resolve) => mirror.#server.listen(0, '127.0.0.1', resolve));
    return mirror;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async #answer(path: string, response: ServerResponse): Promise<void> {
    const body = path.includes('/other') ? 'not the same' : path.includes('/big') ? 'x'.repeat(8192) : path.includes('/echo') ? path : 'ok';
    if (path.includes('/silent')) return;
    if (path.includes('/slow')) await sleep(30);
    if (path.includes('/late')) await sleep(1500);
    if (path.includes('/reset')) return void response.socket?.destroy();
    if (path.includes('/half')) return void response.writeHead(200, { 'content-length': 100 }).write('half', () => response.socket?.destroy());
    if (path.includes('/empty')) return void response.writeHead(304).end();
    response.writeHead(200, { 'content-type': 'text/plain' }).end(body);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** A mirror of gRPC that answers each call with so many messages. */
export async function startGrpcMirror(messages: number): Promise<{ url: string } & AsyncDisposable> {
  const server = createHttp2Server();
  server.on('stream', (stream: ServerHttp2Stream) => {
    stream.on('error', () => {});
    stream.resume().on('end', () => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.end(Buffer.concat(Array.from({ length: messages }, () => Buffer.from('\0\0\0\0\x02hi', 'latin1'))));
    });
  });
  server.on('session', (session) => session.on('error', () => {}));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

export interface RigOptions {
  /** Bytes of the worker's memory. */
  readonly memory?: number;
  readonly random?: () => number;
}

/** What became of the copies of all targets together. */
export interface Sums {
  readonly offered: number;
  readonly compared: number;
  readonly different: number;
  readonly notCompared: Partial<Record<NotCompared, number>>;
}

/** Decoder, pipeline, emitter, pairing and comparator, as a worker has them. Clients and production are the test itself. */
export class PairingRig implements AsyncDisposable {
  readonly book = new AccountBook(1);
  readonly budget: ByteBudget;
  readonly comparator: Comparator;
  readonly pairing: Pairing;
  readonly #emitter: Emitter;
  readonly #pipeline: Pipeline;
  readonly #connections: Connection[] = [];
  readonly #timer: NodeJS.Timeout;
  /** Added to the clock that deadlines go by, milliseconds. */
  aheadMs = 0;
  #version = 0;

  constructor(spec: object, { memory = 8 << 20, random = Math.random }: RigOptions = {}) {
    const templates = new PathTemplates();
    this.budget = new ByteBudget(memory);
    const spare = new SpareBudget(this.budget, 1 / 2);
    this.#emitter = new Emitter(this.budget);
    // Of its memory, so that what it keeps to learn from is not taken for a leak.
    this.comparator = new Comparator({ memory: new ByteBudget(1 << 20) });
    this.pairing = new Pairing({ comparator: this.comparator, budget: spare, templateOf: ({ request }) => templates.of(request!.target), random });
    this.#pipeline = new Pipeline(this.book.workers[0]!, this.#emitter, this.budget, this.#compile(spec), 'marker', { pairing: this.pairing });
    this.#timer = setInterval(() => this.tick(), 5);
  }

  tick(): void {
    this.#emitter.tick(performance.now());
    this.pairing.tick(performance.now() + this.aheadMs);
  }

  apply(spec: object, off = false): void {
    this.#pipeline.apply(this.#compile(spec, off));
    if (off) this.#emitter.abandonRetired();
  }

  connect(): Connection {
    const connection = new Connection(this.#pipeline, this.budget, this.#connections.length + 1);
    this.#connections.push(connection);
    return connection;
  }

  /** Ends all connections, waits until nothing is under way, and looks whether everything was given back. */
  async sums(): Promise<Sums> {
    for (const connection of this.#connections) connection.close();
    const deadline = Date.now() + 8_000;
    while ((this.#emitter.pending > 0 || this.pairing.pending > 0) && Date.now() < deadline) await sleep(5);
    const { open, copies } = this.book.sums();
    const left = { open, pending: this.pairing.pending, bytes: this.budget.used };
    if (open + left.pending + left.bytes > 0) throw new Error(`left over: ${JSON.stringify(left)}`);
    return { offered: copies.reduce((sum, { count }) => sum + count, 0), ...countsOf(this.comparator.data().policies.flatMap(({ endpoints }) => endpoints)) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    for (const connection of this.#connections) connection.close();
    await this.#emitter.close();
    this.pairing.finish();
    if (this.pairing.pending > 0 || this.budget.used > 0) throw new Error(`${this.pairing.pending} pairs and ${this.budget.used} bytes are left`);
  }

  /** Closes the emitter as a worker that stops does. */
  async stop(): Promise<void> {
    for (const connection of this.#connections) connection.close();
    await this.#emitter.close();
    this.pairing.finish();
  }

  #compile(spec: object, off = false): CompiledSnapshot {
    const { value, problems } = validatePolicy({ apiVersion: 'shadowtap.dev/v1alpha1', kind: 'MirrorPolicy', metadata: { name: 'p' }, spec: { selector: {}, ...spec } });
    if (value === null) throw new Error(JSON.stringify(problems));
    const policies: MirrorPolicy[] = [value];
    const snapshot = buildSnapshot(++this.#version, policies, [{ id: 1, name: 'e', labels: {}, ports: [8080] }]);
    const accounts = policies.map((policy) => this.book.policy(policyEntry(policy))[0]!.buffer);
    return compileSnapshot({ kind: 'policies', snapshot, accounts, off }, 'marker');
  }
}

function countsOf(endpoints: readonly EndpointComparison[]): Omit<Sums, 'offered'> {
  const notCompared: Partial<Record<NotCompared, number>> = {};
  for (const endpoint of endpoints) for (const [why, count] of Object.entries(endpoint.notCompared) as [NotCompared, number][]) notCompared[why] = (notCompared[why] ?? 0) + count;
  const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
  return {
    compared: sum(endpoints.map(({ compared }) => compared)),
    different: sum(endpoints.flatMap(({ signatures }) => signatures.map(({ count }) => count))),
    notCompared,
  };
}

/** One client's connection to production, as it is captured. */
export class Connection {
  readonly #http: HttpConnection;
  #nowUs = 0;
  #closed = false;

  constructor(pipeline: Pipeline, budget: ByteBudget, id: number) {
    const flow = { id, endpoint: 1, clientAddress: '10.0.0.1', clientPort: 40_000 + id, serverAddress: '10.0.0.2', serverPort: 8080 };
    this.#http = new HttpConnection(flow, { mute() {} }, pipeline, { maxHeadBytes: 128 * 1024, budget }, newHttpCounters());
  }

  client(...segments: readonly (Buffer | string)[]): this {
    return this.#say(TO_SERVER, segments);
  }

  server(...segments: readonly (Buffer | string)[]): this {
    return this.#say(TO_CLIENT, segments);
  }

  /** So many bytes of production's were never captured. */
  gap(bytes: number): this {
    this.#http.onGap(TO_CLIENT, bytes, ++this.#nowUs);
    return this;
  }

  /** Production ends its side, in order. */
  finish(): this {
    this.#http.onFin(TO_CLIENT, ++this.#nowUs);
    return this;
  }

  wait(us: number): this {
    this.#nowUs += us;
    return this;
  }

  close(): this {
    if (!this.#closed) this.#http.onEnd('fin', ++this.#nowUs);
    this.#closed = true;
    return this;
  }

  #say(direction: Direction, segments: readonly (Buffer | string)[]): this {
    for (const segment of segments) {
      const bytes = Buffer.from(segment as string, 'latin1');
      this.#http.onData(direction, bytes, 0, bytes.length, ++this.#nowUs);
    }
    return this;
  }
}

export function request(path: string, method = 'GET', content = ''): string {
  return `${method} ${path} HTTP/1.1\r\nHost: shop\r\n${content === '' ? '' : `Content-Length: ${content.length}\r\n`}\r\n${content}`;
}

export function response(content = 'ok', status = '200 OK'): string {
  return `HTTP/1.1 ${status}\r\nContent-Type: text/plain\r\nContent-Length: ${content.length}\r\n\r\n${content}`;
}
