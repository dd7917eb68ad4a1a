import { createServer as createTcpServer, type AddressInfo, type Server as TcpServer, type Socket } from 'node:net';
import { createServer, type RequestListener } from 'node:http';
import { ByteBudget } from '../../src/flow/budget.ts';
import { PolicyAccount } from '../../src/ledger/ledger.ts';
import { OUTCOME_SLOTS } from '../../src/ledger/outcomes.ts';
import { AnswerKeeper } from '../../src/mirror/answer-keeper.ts';
import type { HttpClient, OutgoingRequest } from '../../src/mirror/http-client.ts';
import type { LiveFeed } from '../../src/mirror/live-copy.ts';
import { TargetQueue } from '../../src/mirror/target-queue.ts';

const LIMITS = { maxInFlight: 64, maxQueued: 64, maxBytes: 1 << 20, timeoutMs: 15_000, rate: null };
const GET: OutgoingRequest = { method: 'GET', path: '/', headers: ['Host', 'shop'], body: null };

/** What became of a copy, as its listener finds it. */
export interface Answered {
  readonly keeper: AnswerKeeper;
  /** `mirrored:2xx` */
  readonly outcome: string;
}

export interface AskOptions {
  readonly maxBytes?: number;
  readonly budget?: ByteBudget;
}

/** Sends copies over a queue, and keeps what is answered. */
export class Asker implements AsyncDisposable {
  readonly queue: TargetQueue;
  readonly budget = new ByteBudget(8 << 20);
  readonly #timer: NodeJS.Timeout;

  constructor(client: HttpClient, limits: Partial<typeof LIMITS> = {}) {
    this.queue = new TargetQueue(client, { ...LIMITS, ...limits }, PolicyAccount.allocate(1).copies[0]!, new ByteBudget(1 << 20));
    this.#timer = setInterval(() => this.queue.tick(performance.now()), 20);
  }

  ask(request: Partial<OutgoingRequest> = {}, options: AskOptions = {}): Promise<Answered> {
    const { keeper, result, listener } = this.#listen(options);
    this.queue.offer({ request: { ...GET, ...request }, bytes: 1024, room: 1024 }, performance.now(), listener, null);
    return result.then((outcome) => ({ keeper, outcome }));
  }

  /** A copy that nobody wants the answer of. */
  tell(): Promise<void> {
    return new Promise((resolve) => {
      this.queue.offer({ request: GET, bytes: 1024, room: 1024 }, performance.now(), { keeper: null, onCopyEnd: () => resolve() }, null);
    });
  }

  /** A call of gRPC whose messages are still to come. */
  call(request: Partial<OutgoingRequest>, options: AskOptions = {}): { readonly feed: LiveFeed; readonly answered: Promise<Answered> } {
    const { keeper, result, listener } = this.#listen(options);
    const rules = { maxBodyBytes: 1 << 20, redactor: null, grpcTimeoutMs: Infinity };
    const feed = this.queue.offerLive({ request: { ...GET, ...request }, bytes: 1024, room: 1024 }, performance.now(), listener, rules);
    return { feed: feed!, answered: result.then((outcome) => ({ keeper, outcome })) };
  }

  #listen({ maxBytes = 1 << 20, budget = this.budget }: AskOptions) {
    const keeper = new AnswerKeeper(maxBytes, budget);
    const { promise: result, resolve } = Promise.withResolvers<string>();
    const listener = {
      keeper,
      onCopyEnd: (slot: number) => resolve(`${OUTCOME_SLOTS[slot]!.outcome}:${OUTCOME_SLOTS[slot]!.reason}`),
    };
    return { keeper, result, listener };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.queue.close();
  }
}

/** A server, and where it listens. */
export interface Listening extends AsyncDisposable {
  readonly origin: string;
}

export function httpMirror(listener: RequestListener): Promise<Listening> {
  return listening(createServer(listener));
}

/** A server that treats each raw connection as told. */
export function rawMirror(onSocket: (socket: Socket) => void): Promise<Listening> {
  return listening(
    createTcpServer((socket) => {
      socket.on('error', () => {});
      onSocket(socket);
    }),
  );
}

/** Answers every request with these bytes. */
export function answering(answer: string): Promise<Listening> {
  return rawMirror((socket) => socket.on('data', (bytes) => socket.write(answer.repeat(bytes.toString('latin1').split('\r\n\r\n').length - 1), 'latin1')));
}

/** @param scheme of the origin */
export async function listening(server: TcpServer, scheme = 'http'): Promise<Listening> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Content as text. */
export function textOf({ content }: AnswerKeeper): string | null {
  return content === null ? null : content.toString('latin1');
}
