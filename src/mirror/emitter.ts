import type { HttpRequest } from '../http/exchange.ts';
import type { PolicyAccount } from '../ledger/ledger.ts';
import { outcomeSlot } from '../ledger/outcomes.ts';
import { H1Client } from './h1-client.ts';
import { UndiciClient } from './undici-client.ts';
import { buildCopy, type RewriteRules } from './rewrite.ts';
import { TargetQueue, type CopyListener, type QueueLimits } from './target-queue.ts';

/** One target of a snapshot, compiled. */
export interface EmitterTarget {
  /** Stays the same while the target's meaning does: a queue with the same key survives a new snapshot. */
  readonly key: string;
  /** `http://host:port` */
  readonly origin: string;
  readonly rules: RewriteRules;
  readonly limits: QueueLimits;
  readonly account: PolicyAccount;
  /** Index of the target in its policy. */
  readonly index: number;
}

const REDACTION = outcomeSlot('failed', 'redaction');

const EMPTY = Buffer.alloc(0);

/** Rough cost of a request that waits: its objects and the strings of its head. */
const OBJECT_BYTES = 1024;

/** Where the pipeline puts copies: the emitter, or in a dry run a planner. */
export interface CopySink {
  /** Takes over a snapshot's targets; numbers given to `offer` mean these from now on. */
  configure(targets: readonly EmitterTarget[]): void;
  /**
   * Never waits. The listener hears of the copy's end, possibly before this returns.
   * @param target flat number of the snapshot in force
   * @param body whole content; stays the caller's, unchanged until the listener has heard
   */
  offer(target: number, request: HttpRequest, body: Buffer | null, nowMs: number, listener: CopyListener): void;
}

/**
 * Sends copies to targets and tells each copy's end. Nothing here can wait for anything: a copy is sent, queued within
 * its target's bounds, or shed, at once.
 */
export class Emitter implements CopySink {
  #targets: readonly EmitterTarget[] = [];
  #queues: TargetQueue[] = [];
  #byKey = new Map<string, TargetQueue>();
  /** Queues of targets that are gone from the snapshot and still have copies under way. */
  readonly #retiring = new Set<TargetQueue>();

  /** Takes over a snapshot's targets. Unchanged targets keep their connections and queue; removed ones finish first. */
  configure(targets: readonly EmitterTarget[]): void {
    const next = new Map<string, TargetQueue>();
    this.#queues = targets.map((target) => {
      const queue = next.get(target.key) ?? this.#byKey.get(target.key) ?? openQueue(target);
      next.set(target.key, queue);
      return queue;
    });
    for (const [key, queue] of this.#byKey) {
      if (next.has(key)) continue;
      queue.drain();
      this.#retiring.add(queue);
    }
    this.#targets = targets;
    this.#byKey = next;
  }

  offer(target: number, request: HttpRequest, body: Buffer | null, nowMs: number, listener: CopyListener): void {
    const { rules, account, index } = this.#targets[target]!;
    const copy = buildCopy(request, body, rules);
    if (copy === null) {
      account.copies[index]![REDACTION]! += 1;
      listener.onCopyEnd(REDACTION);
      return;
    }
    // A request may say that it has content and that it is empty.
    const whole = copy.body === null && request.declaredLength === 0 ? { ...copy, body: EMPTY } : copy;
    this.#queues[target]!.offer(whole, OBJECT_BYTES + (whole.body?.length ?? 0), nowMs, listener);
  }

  /** Gives up what waits or is under way at targets that are gone from the snapshot, as `incomplete: shutdown`. */
  abandonRetired(): void {
    for (const queue of this.#retiring) void queue.close();
    this.#retiring.clear();
  }

  /** Expires what took too long and closes retired queues that are empty. Call it a few times a second. */
  tick(nowMs: number): void {
    for (const queue of this.#byKey.values()) queue.expire(nowMs);
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

  *#all(): Iterable<TargetQueue> {
    yield* this.#byKey.values();
    yield* this.#retiring;
  }
}

function openQueue(target: EmitterTarget): TargetQueue {
  const options = { connections: target.limits.maxInFlight, pipelining: 1 };
  const client = target.origin.startsWith('https:') ? new UndiciClient(target.origin) : new H1Client(target.origin, options);
  return new TargetQueue(client, target.limits, target.account.copies[target.index]!);
}
