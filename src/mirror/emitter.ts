import type { ByteBudget } from '../flow/budget.ts';
import type { FlowInfo } from '../flow/stream.ts';
import type { HttpRequest } from '../http/exchange.ts';
import type { PolicyAccount } from '../ledger/ledger.ts';
import { outcomeSlot } from '../ledger/outcomes.ts';
import type { AdaptiveShare } from './adaptive-share.ts';
import { H1Client } from './h1-client.ts';
import type { HttpClientOptions } from './http-client.ts';
import { buildCopy, type RewriteRules } from './rewrite.ts';
import { TargetQueue, type CopyListener, type QueueLimits } from './target-queue.ts';
import { UndiciClient, type TlsOptions } from './undici-client.ts';

/** One target of a snapshot, compiled. */
export interface EmitterTarget {
  /** Stays the same while the target's meaning does: a queue with the same key survives a new snapshot. */
  readonly key: string;
  /** `http://host:port` */
  readonly origin: string;
  readonly rules: RewriteRules;
  readonly limits: QueueLimits;
  readonly client: HttpClientOptions;
  /** For `https` origins. */
  readonly tls: TlsOptions;
  /** Requests of one client connection go out in order, one at a time. */
  readonly ordered: boolean;
  /** The policy's; null: it mirrors the same share however the mirror fares. */
  readonly adaptive: AdaptiveShare | null;
  readonly account: PolicyAccount;
  /** Index of the target in its policy. */
  readonly index: number;
}

const REDACTION = outcomeSlot('failed', 'redaction');

const EMPTY = Buffer.alloc(0);

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
}

/**
 * Sends copies to targets and tells each copy's end. Nothing here can wait for anything: a copy is sent, queued within
 * its target's bounds, or shed, at once.
 */
export class Emitter implements CopySink {
  readonly #budget: ByteBudget;
  #targets: readonly EmitterTarget[] = [];
  #queues: TargetQueue[] = [];
  #byKey = new Map<string, TargetQueue>();
  #shares: ReadonlySet<AdaptiveShare> = new Set();
  /** Queues of targets that are gone from the snapshot and still have copies under way. */
  readonly #retiring = new Set<TargetQueue>();

  /** @param budget room for what copies take up beside captured content */
  constructor(budget: ByteBudget) {
    this.#budget = budget;
  }

  /** Takes over a snapshot's targets. Unchanged targets keep their connections and queue; removed ones finish first. */
  configure(targets: readonly EmitterTarget[]): void {
    const next = new Map<string, TargetQueue>();
    this.#queues = targets.map((target) => {
      const queue = next.get(target.key) ?? this.#byKey.get(target.key) ?? this.#open(target);
      next.set(target.key, queue);
      queue.health = target.adaptive;
      return queue;
    });
    for (const [key, queue] of this.#byKey) {
      if (next.has(key)) continue;
      queue.drain();
      this.#retiring.add(queue);
    }
    this.#targets = targets;
    this.#shares = new Set(targets.flatMap(({ adaptive }) => adaptive ?? []));
    this.#byKey = next;
  }

  offer(target: number, request: HttpRequest, body: Buffer | null, nowMs: number, listener: CopyListener, flow: FlowInfo): void {
    const { rules, ordered, account, index } = this.#targets[target]!;
    const copy = buildCopy(request, body, rules);
    if (copy === null) {
      account.copies[index]![REDACTION]! += 1;
      listener.onCopyEnd(REDACTION);
      return;
    }
    // A request may say that it has content and that it is empty.
    const whole = copy.body === null && request.declaredLength === 0 ? { ...copy, body: EMPTY } : copy;
    this.#queues[target]!.offer(whole, body, nowMs, listener, ordered ? flow : null);
  }

  /** Gives up what waits or is under way at targets that are gone from the snapshot, as `incomplete: shutdown`. */
  abandonRetired(): void {
    for (const queue of this.#retiring) void queue.close();
    this.#retiring.clear();
  }

  /** Expires what took too long, moves shares that adapt, and closes retired queues that are empty. Call it a few times a second. */
  tick(nowMs: number): void {
    for (const queue of this.#byKey.values()) queue.expire(nowMs);
    for (const share of this.#shares) share.tick(nowMs);
    for (const queue of this.#retiring) {
      queue.expire(nowMs);
      if (queue.pending > 0) continue;
      this.#retiring.delete(queue);
      void queue.close();
    }
  }

  /** Copies waiting or under way. */
  get pending(): number {
    let pending = 0;
    for (const queue of this.#all()) pending += queue.pending;
    return pending;
  }

  /** Bytes of those copies. */
  get bytes(): number {
    let bytes = 0;
    for (const queue of this.#all()) bytes += queue.bytes;
    return bytes;
  }

  /** Targets whose circuit breaker is open. */
  get breakersOpen(): number {
    let open = 0;
    for (const queue of this.#byKey.values()) if (queue.breakerOpen) open += 1;
    return open;
  }

  /** Ends what is left as `incomplete: shutdown` and closes all connections. */
  async close(): Promise<void> {
    await Promise.all(Array.from(this.#all(), (queue) => queue.close()));
  }

  #open({ origin, client: options, tls, limits, account, index }: EmitterTarget): TargetQueue {
    const client = origin.startsWith('https:') ? new UndiciClient(origin, tls) : new H1Client(origin, options);
    return new TargetQueue(client, limits, account.copies[index]!, this.#budget);
  }

  *#all(): Iterable<TargetQueue> {
    yield* this.#byKey.values();
    yield* this.#retiring;
  }
}
