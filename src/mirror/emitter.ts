import type { ByteBudget } from '../flow/budget.ts';
import type { FlowInfo } from '../flow/stream.ts';
import type { HttpRequest } from '../http/exchange.ts';
import { grpcTimeoutMs } from '../http/grpc.ts';
import type { PolicyAccount } from '../ledger/ledger.ts';
import { outcomeSlot } from '../ledger/outcomes.ts';
import type { BackendAddress } from '../policy/snapshot.ts';
import type { AdaptiveShare } from './adaptive-share.ts';
import { BalancedClient, hostAndPort } from './balanced-client.ts';
import { ConnectionRoom } from './connection-room.ts';
import type { CopyListener } from './copy.ts';
import { H1Client } from './h1-client.ts';
import { H2Client } from './h2-client.ts';
import type { HttpClient, HttpClientOptions, PooledClient, TlsOptions } from './http-client.ts';
import type { LiveFeed } from './live-copy.ts';
import { endCopy, prepareCopy, type CopyRules } from './prepare-copy.ts';
import { QueueSet } from './queue-set.ts';
import { TargetQueue, type QueueLimits } from './target-queue.ts';
import { TwoProtocols } from './two-protocols.ts';
import { UndiciClient } from './undici-client.ts';

const NOBODY = outcomeSlot('failed', 'connect');

/** One target of a snapshot, compiled. */
export interface EmitterTarget extends CopyRules {
  /** Stays the same while the target's meaning does: a queue with the same key survives a new snapshot. */
  readonly key: string;
  /** `http://host:port` */
  readonly origin: string;
  /** Of a Service: where its endpoints are, each of them as good as the others; null: where the origin says. */
  readonly addresses: readonly BackendAddress[] | null;
  readonly limits: QueueLimits;
  readonly client: HttpClientOptions;
  /** For `https` origins. */
  readonly tls: TlsOptions;
  /** Requests of one client connection go out in order, one at a time. */
  readonly ordered: boolean;
  /** Calls of gRPC are sent message by message; false: only those of one message, once it is certain. */
  readonly streaming: boolean;
  /** The policy's; null: it mirrors the same share however the mirror fares. */
  readonly adaptive: AdaptiveShare | null;
  readonly account: PolicyAccount;
  /** Index of the target in its policy. */
  readonly index: number;
}

/** Where the pipeline puts copies: the emitter, or in a dry run a planner. */
export interface CopySink {
  /** Takes over a snapshot's targets; numbers given to `offer` mean these from now on. */
  configure(targets: readonly EmitterTarget[]): void;
  /**
   * Never waits. The listener hears of the copy's end, possibly before this returns.
   * @param target flat number of the snapshot in force
   * @param body whole content; stays the caller's, unchanged until the listener has heard
   * @param flow the connection that the request came on
   */
  offer(target: number, request: HttpRequest, body: Buffer | null, nowMs: number, listener: CopyListener, flow: FlowInfo): void;
  /**
   * The same for a call of gRPC whose messages come one by one; without this, calls are offered when they are whole.
   * @returns who wants them; null where the copy has ended
   */
  offerLive?(target: number, request: HttpRequest, nowMs: number, listener: CopyListener): LiveFeed | null;
}

/**
 * Sends copies to targets and tells each copy's end. Nothing here can wait for anything: a copy is sent, queued within
 * its target's bounds, or shed, at once.
 */
export class Emitter extends QueueSet<EmitterTarget, TargetQueue> implements CopySink {
  readonly #budget: ByteBudget;
  #targets: readonly EmitterTarget[] = [];
  #queues: readonly TargetQueue[] = [];
  #shares: ReadonlySet<AdaptiveShare> = new Set();

  /** @param budget room for what copies take up beside captured content */
  constructor(budget: ByteBudget) {
    super();
    this.#budget = budget;
  }

  configure(targets: readonly EmitterTarget[]): void {
    const queues = this.replace(targets);
    for (const { key, adaptive, addresses } of targets) {
      const queue = queues.get(key)!;
      queue.health = adaptive;
      if (addresses !== null) queue.setAddresses(addresses);
    }
    this.#queues = targets.map(({ key }) => queues.get(key)!);
    this.#targets = targets;
    this.#shares = new Set(targets.flatMap(({ adaptive }) => adaptive ?? []));
  }

  offer(number: number, request: HttpRequest, body: Buffer | null, nowMs: number, listener: CopyListener, flow: FlowInfo): void {
    const target = this.#targets[number]!;
    // Not for the queue: its breaker would open, and be closed to endpoints that come.
    if (target.addresses?.length === 0) return endCopy(target, NOBODY, listener);
    const copy = prepareCopy(target, request, body);
    if (typeof copy === 'number') endCopy(target, copy, listener);
    else this.#queues[number]!.offer(copy, nowMs, listener, target.ordered ? flow : null);
  }

  offerLive(number: number, request: HttpRequest, nowMs: number, listener: CopyListener): LiveFeed | null {
    const target = this.#targets[number]!;
    const copy = target.addresses?.length === 0 ? NOBODY : prepareCopy(target, request, null);
    if (typeof copy === 'number') {
      endCopy(target, copy, listener);
      return null;
    }
    const rules = { maxBodyBytes: target.maxBodyBytes, redactor: target.rules.redactor, grpcTimeoutMs: grpcTimeoutMs(request.headers) };
    return this.#queues[number]!.offerLive(copy, nowMs, listener, rules);
  }

  /** Of `pending`, those that can only wait for more of the capture. */
  get awaiting(): number {
    return this.#queues.reduce((sum, queue) => sum + queue.awaiting, 0);
  }

  /** Besides, moves shares that adapt. */
  override tick(nowMs: number): void {
    super.tick(nowMs);
    for (const share of this.#shares) share.tick(nowMs);
  }

  protected open(target: EmitterTarget): TargetQueue {
    const { limits, account, index } = target;
    return new TargetQueue(openClient(target), limits, account.copies[index]!, this.#budget);
  }
}

function openClient({ origin, addresses, client, tls, rules }: EmitterTarget): HttpClient {
  const secure = origin.startsWith('https:');
  const openH1 = (at: string, room: ConnectionRoom): PooledClient =>
    secure ? new UndiciClient(at, tls, room) : new H1Client(at, client, room);
  const openH2 = (at: string, room: ConnectionRoom): PooledClient => new H2Client(at, client, tls, room);
  const open = (at: string, room: ConnectionRoom): PooledClient => {
    if (rules.protocol !== null) return rules.protocol === 'h1' ? openH1(at, room) : openH2(at, room);
    return new TwoProtocols(openH1(at, room), openH2(at, room));
  };
  if (addresses === null) return alone(open, origin, client);
  return new BalancedClient((address, room) => open(`${secure ? 'https' : 'http'}://${hostAndPort(address)}`, room), addresses, client);
}

/** A client that shares the bound on connections with nobody, whatever it is made of. */
function alone(open: (at: string, room: ConnectionRoom) => PooledClient, origin: string, { connections }: HttpClientOptions): HttpClient {
  const room = new ConnectionRoom(connections);
  const client = open(origin, room);
  room.add(client);
  return client;
}
