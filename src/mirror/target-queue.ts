import type { ByteBudget } from '../flow/budget.ts';
import { Link } from '../flow/link.ts';
import type { OutcomeRow } from '../ledger/ledger.ts';
import { OUTCOME_SLOTS, outcomeSlot } from '../ledger/outcomes.ts';
import type { BackendAddress } from '../policy/snapshot.ts';
import { Breaker } from './breaker.ts';
import type { Delivery, DeliveryObserver, FailureReason, HttpClient, OutgoingRequest } from './http-client.ts';
import { Lanes } from './lanes.ts';
import type { KeyedQueue } from './queue-set.ts';
import { TokenBucket, type RateLimit } from './token-bucket.ts';

/** Bounds of one target in one worker. */
export interface QueueLimits {
  readonly maxInFlight: number;
  readonly maxQueued: number;
  /** Bytes of requests waiting or under way. */
  readonly maxBytes: number;
  readonly timeoutMs: number;
  /** null: as many as come. */
  readonly rate: RateLimit | null;
}

/** A copy that may be sent, and what it costs to keep it. */
export interface PreparedCopy {
  readonly request: OutgoingRequest;
  /** Memory that it takes until it has ended: its texts, objects and content. */
  readonly bytes: number;
  /** The part of `bytes` that no budget knows of yet: all but captured content. */
  readonly room: number;
}

/** Hears how the mirror fares. */
export interface MirrorHealth {
  onSuccess(latencyMs: number): void;
  /** A copy failed, or was answered with 5xx. */
  onError(): void;
}

/** Hears of a copy's end, once; `slot` is an index of OUTCOME_SLOTS. */
export interface CopyListener {
  onCopyEnd(slot: number): void;
}

const SHED_QUEUE = outcomeSlot('shed', 'queue');
const SHED_BYTES = outcomeSlot('shed', 'bytes');
const SHED_RATE = outcomeSlot('shed', 'rate');
const SHED_MEMORY = outcomeSlot('shed', 'memory');
const SHED_BREAKER = outcomeSlot('shed', 'breaker');
const SHUTDOWN = outcomeSlot('incomplete', 'shutdown');
const MIRRORED = [
  outcomeSlot('mirrored', '1xx'),
  outcomeSlot('mirrored', '2xx'),
  outcomeSlot('mirrored', '3xx'),
  outcomeSlot('mirrored', '4xx'),
  outcomeSlot('mirrored', '5xx'),
];
const SERVER_ERROR = MIRRORED[4]!;
const FAILED: Readonly<Record<FailureReason, number>> = {
  connect: outcomeSlot('failed', 'connect'),
  timeout: outcomeSlot('failed', 'timeout'),
  reset: outcomeSlot('failed', 'reset'),
  protocol: outcomeSlot('failed', 'protocol'),
  rejected: outcomeSlot('failed', 'rejected'),
  cancelled: outcomeSlot('incomplete', 'reset'),
};

/**
 * Copies on their way to one target: waiting first in, first out, then under way. When a bound is reached the newest
 * copy is shed (those accepted finish), so a slow or dead mirror costs a fixed amount of memory and nothing else.
 */
export class TargetQueue implements KeyedQueue {
  /** null: nobody wants to know. */
  health: MirrorHealth | null = null;
  readonly #client: HttpClient;
  readonly #limits: QueueLimits;
  readonly #row: OutcomeRow;
  readonly #budget: ByteBudget;
  readonly #breaker = new Breaker();
  readonly #bucket: TokenBucket | null;
  readonly #waiting: Copy[] = [];
  /** Index of the oldest waiting copy; the array is compacted when it is half consumed. */
  #head = 0;
  /** Copies that wait for one before them in their lane. */
  readonly #lanes = new Lanes<Copy>();
  /**
   * Under way, oldest first: with one timeout for all, the first to expire is the first in the list. Not a Set: V8
   * chains a Set's old tables to its new ones, and whatever was in them lives too long.
   */
  readonly #underWay = new Link<Copy>(null);
  #inFlight = 0;
  #pending = 0;
  #bytes = 0;
  #closing = false;
  #sending = false;

  /**
   * @param row where the ends of copies are counted
   * @param budget room for what copies take up beside captured content, of all queues together
   */
  constructor(client: HttpClient, limits: QueueLimits, row: OutcomeRow, budget: ByteBudget) {
    this.#client = client;
    this.#limits = limits;
    this.#row = row;
    this.#budget = budget;
    this.#bucket = limits.rate === null ? null : new TokenBucket(limits.rate);
  }

  /** Copies accepted and not ended. */
  get pending(): number {
    return this.#pending;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get breakerOpen(): boolean {
    return this.#breaker.isOpen;
  }

  /**
   * Sends, queues or sheds; the listener hears of the end in each case, possibly before this returns.
   * @param lane copies of one lane go out in order, one after the other has ended; null: in no order
   */
  offer({ request, bytes, room }: PreparedCopy, nowMs: number, listener: CopyListener, lane: object | null): void {
    const { maxInFlight, maxQueued, maxBytes } = this.#limits;
    if (this.#closing) return this.#end(SHUTDOWN, listener);
    const free = this.#inFlight < maxInFlight && (lane === null || !this.#lanes.isBusy(lane));
    if (!free && this.#pending - this.#inFlight >= maxQueued) return this.#end(SHED_QUEUE, listener);
    if (this.#bytes + bytes > maxBytes) return this.#end(SHED_BYTES, listener);
    if (this.#bucket !== null && !this.#bucket.take(nowMs)) return this.#end(SHED_RATE, listener);
    if (!this.#budget.take(room)) return this.#end(SHED_MEMORY, listener);
    // Only what is sent now may be the probe of a half-open breaker.
    if (free ? !this.#breaker.admits(nowMs) : this.#breaker.isOpen) {
      this.#budget.give(room);
      return this.#end(SHED_BREAKER, listener);
    }
    this.#bytes += bytes;
    this.#pending += 1;
    const copy = new Copy(this, request, bytes, room, listener, lane);
    if (lane !== null && !this.#lanes.enter(lane, copy)) return;
    if (free) this.#send(copy, nowMs);
    else this.#waiting.push(copy);
  }

  /** Where the endpoints of a Service are from now on. Copies under way go on, those that wait go to the new ones. */
  setAddresses(addresses: readonly BackendAddress[]): void {
    if (this.#client.setAddresses?.(addresses) === true) this.#breaker.endPause();
  }

  /** Gives up deliveries that have taken too long, and connections idle for long. Call it a few times a second. */
  tick(nowMs: number): void {
    this.#client.tick(nowMs);
    let oldest = this.#underWay.next.owner;
    while (oldest !== null && nowMs - oldest.sentMs >= this.#limits.timeoutMs) {
      // Giving up ends the copy; should it not, it goes to the end rather than round and round.
      oldest.link.moveTo(this.#underWay);
      oldest.sentMs = nowMs;
      oldest.delivery?.abort();
      oldest = this.#underWay.next.owner;
    }
  }

  /** Accepts nothing more; what waits or is under way goes on. */
  drain(): void {
    this.#closing = true;
  }

  /** Ends what is left as `incomplete: shutdown` and closes the connections. */
  async close(): Promise<void> {
    this.#closing = true;
    for (let copy = this.#underWay.next.owner; copy !== null; copy = this.#underWay.next.owner) this.#finish(copy, SHUTDOWN);
    // Those that waited for others in their lane come here one after the other.
    while (this.#head < this.#waiting.length) this.#finish(this.#waiting[this.#head++]!, SHUTDOWN);
    await this.#client.destroy();
  }

  /** @internal called by Copy */
  ended(copy: Copy, slot: number): void {
    if (!copy.link.linked) return;
    const nowMs = performance.now();
    const failed = OUTCOME_SLOTS[slot]!.outcome === 'failed';
    if (!failed) this.#breaker.succeeded();
    else if (slot === FAILED.rejected || this.#client.anyHealthy === true) this.#breaker.abstained();
    else this.#breaker.failed(nowMs);
    if (this.health !== null && slot !== FAILED.rejected) {
      if (failed || slot === SERVER_ERROR) this.health.onError();
      else this.health.onSuccess(nowMs - copy.sentMs);
    }
    this.#finish(copy, slot);
    this.#sendNext(nowMs);
  }

  #sendNext(nowMs: number): void {
    // A delivery may fail before send returns and come back here: the loop below then goes on by itself.
    if (this.#sending) return;
    this.#sending = true;
    while (this.#head < this.#waiting.length && this.#inFlight < this.#limits.maxInFlight) {
      const copy = this.#waiting[this.#head++]!;
      if (this.#breaker.admits(nowMs)) this.#send(copy, nowMs);
      else this.#finish(copy, SHED_BREAKER);
    }
    this.#sending = false;
    if (this.#head > 32 && this.#head * 2 > this.#waiting.length) {
      this.#waiting.splice(0, this.#head);
      this.#head = 0;
    }
  }

  #send(copy: Copy, nowMs: number): void {
    copy.sentMs = nowMs;
    copy.link.moveTo(this.#underWay);
    this.#inFlight += 1;
    copy.delivery = this.#client.send(copy.request, copy);
  }

  #finish(copy: Copy, slot: number): void {
    if (copy.link.linked) this.#inFlight -= 1;
    copy.link.unlink();
    this.#pending -= 1;
    this.#bytes -= copy.bytes;
    this.#budget.give(copy.room);
    const next = copy.lane === null ? undefined : this.#lanes.leave(copy.lane);
    if (next !== undefined) this.#waiting.push(next);
    this.#end(slot, copy.listener);
  }

  #end(slot: number, listener: CopyListener): void {
    this.#row[slot]! += 1;
    listener.onCopyEnd(slot);
  }
}

class Copy implements DeliveryObserver {
  readonly #queue: TargetQueue;
  readonly request: OutgoingRequest;
  readonly bytes: number;
  /** Taken from the budget. */
  readonly room: number;
  readonly listener: CopyListener;
  readonly lane: object | null;
  sentMs = 0;
  delivery: Delivery | null = null;
  readonly link = new Link<Copy>(this);
  #status = 0;

  constructor(
    queue: TargetQueue,
    request: OutgoingRequest,
    bytes: number,
    room: number,
    listener: CopyListener,
    lane: object | null,
  ) {
    this.#queue = queue;
    this.request = request;
    this.bytes = bytes;
    this.room = room;
    this.listener = listener;
    this.lane = lane;
  }

  onAnswer(status: number): void {
    this.#status = status;
  }

  onEnd(): void {
    const statusClass = Math.min(Math.max(Math.floor(this.#status / 100), 1), 5);
    this.#queue.ended(this, MIRRORED[statusClass - 1]!);
  }

  onFailure(reason: FailureReason): void {
    this.#queue.ended(this, FAILED[reason]);
  }
}
