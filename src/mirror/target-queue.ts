import type { ByteBudget } from '../flow/budget.ts';
import { Fifo } from '../flow/fifo.ts';
import { Link } from '../flow/link.ts';
import type { OutcomeRow } from '../ledger/ledger.ts';
import { OUTCOME_SLOTS, outcomeSlot } from '../ledger/outcomes.ts';
import type { BackendAddress } from '../policy/snapshot.ts';
import { Breaker } from './breaker.ts';
import { Copy, FAILED, type CopyListener, type PreparedCopy } from './copy.ts';
import type { HttpClient } from './http-client.ts';
import { Lanes } from './lanes.ts';
import { LiveCopy, type LiveFeed, type LiveOwner, type LiveRules } from './live-copy.ts';
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

/** Hears how the mirror fares. */
export interface MirrorHealth {
  onSuccess(latencyMs: number): void;
  /** A copy failed, or was answered with 5xx. */
  onError(): void;
}

const SHED_QUEUE = outcomeSlot('shed', 'queue');
const SHED_BYTES = outcomeSlot('shed', 'bytes');
const SHED_RATE = outcomeSlot('shed', 'rate');
const SHED_MEMORY = outcomeSlot('shed', 'memory');
const SHED_BREAKER = outcomeSlot('shed', 'breaker');
const SHUTDOWN = outcomeSlot('incomplete', 'shutdown');

/**
 * Copies on their way to one target: waiting first in, first out, then under way. When a bound is reached the newest
 * copy is shed (those accepted finish), so a slow or dead mirror costs a fixed amount of memory and nothing else.
 */
export class TargetQueue implements KeyedQueue, LiveOwner {
  /** null: nobody wants to know. */
  health: MirrorHealth | null = null;
  readonly #client: HttpClient;
  readonly #limits: QueueLimits;
  readonly #row: OutcomeRow;
  readonly #budget: ByteBudget;
  readonly #breaker = new Breaker();
  readonly #bucket: TokenBucket | null;
  readonly #waiting = new Fifo<Copy>();
  /** Copies that wait for one before them in their lane. */
  readonly #lanes = new Lanes<Copy>();
  /**
   * Under way, oldest first: with one timeout for all, the first to expire is the first in the list. Not a Set: V8
   * chains a Set's old tables to its new ones, and whatever was in them lives too long.
   */
  readonly #underWay = new Link<Copy>(null);
  /** Of those, the ones whose content is still coming, or whose answer may go on for as long as the original's. */
  readonly #live = new Link<Copy>(null);
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

  /** Of `pending`, the calls that go on and can only wait for more of their originals. */
  get awaiting(): number {
    return this.#goingOn().filter((copy) => copy.awaitsOriginal).length;
  }

  get breakerOpen(): boolean {
    return this.#breaker.isOpen;
  }

  /**
   * Sends, queues or sheds; the listener hears of the end in each case, possibly before this returns.
   * @param lane copies of one lane go out in order, one after the other has ended; null: in no order
   */
  offer(prepared: PreparedCopy, nowMs: number, listener: CopyListener, lane: object | null): void {
    const free = this.#inFlight < this.#limits.maxInFlight && (lane === null || !this.#lanes.isBusy(lane));
    const refusal = this.#refusal(prepared, free, nowMs);
    if (refusal >= 0) return this.#end(refusal, listener);
    const copy = new Copy(this, prepared, listener, lane);
    this.#keep(copy);
    if (lane !== null && !this.#lanes.enter(lane, copy)) return;
    if (free) this.#send(copy, nowMs);
    else this.#waiting.push(copy);
  }

  /**
   * The same for a copy whose content is still coming.
   * @returns who wants it; null where the copy has ended
   */
  offerLive(prepared: PreparedCopy, nowMs: number, listener: CopyListener, rules: LiveRules): LiveFeed | null {
    const free = this.#inFlight < this.#limits.maxInFlight;
    const refusal = this.#refusal(prepared, free, nowMs);
    if (refusal >= 0) {
      this.#end(refusal, listener);
      return null;
    }
    const copy = new LiveCopy(this, prepared, listener, rules, nowMs);
    this.#keep(copy);
    if (free) this.#send(copy, nowMs);
    else this.#waiting.push(copy);
    return copy;
  }

  /** @internal called by LiveCopy */
  grow(copy: Copy, bytes: number): boolean {
    if (this.#bytes + bytes > this.#limits.maxBytes) return false;
    this.#bytes += bytes;
    copy.bytes += bytes;
    return true;
  }

  /** @internal called by LiveCopy */
  shrink(copy: Copy, bytes: number): void {
    this.#bytes -= bytes;
    copy.bytes -= bytes;
  }

  /** @internal called by LiveCopy */
  giveUp(copy: Copy, slot: number): void {
    if (copy.link.linked) {
      // It may have been the probe.
      this.#breaker.abstained();
      if (slot === SHED_BYTES) this.health?.onError();
    }
    this.#finish(copy, slot);
    copy.delivery?.abort('cancelled');
    this.#sendNext(performance.now());
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
    for (const copy of this.#liveCopies()) if (copy.isOverdue(nowMs, this.#limits.timeoutMs)) copy.delivery?.abort();
  }

  /** Accepts nothing more; what waits or is under way goes on, but for calls that may go on for hours. */
  drain(): void {
    this.#closing = true;
    for (const copy of this.#goingOn()) copy.giveUp(SHUTDOWN);
  }

  /** Ends what is left as `incomplete: shutdown` and closes the connections. */
  async close(): Promise<void> {
    this.#closing = true;
    for (const list of [this.#underWay, this.#live]) {
      for (let copy = list.next.owner; copy !== null; copy = list.next.owner) this.#finish(copy, SHUTDOWN);
    }
    // Those that waited for others in their lane come here one after the other.
    for (let copy = this.#waiting.shift(); copy !== undefined; copy = this.#waiting.shift()) {
      if (!copy.over) this.#finish(copy, SHUTDOWN);
    }
    await this.#client.destroy();
  }

  /** @internal called by Copy */
  ended(copy: Copy, slot: number): void {
    if (!copy.link.linked) return;
    const nowMs = performance.now();
    const failed = OUTCOME_SLOTS[slot]!.outcome === 'failed';
    if (!failed) this.#breaker.succeeded();
    else if (slot === FAILED.rejected || slot === FAILED.cancelled || this.#client.anyHealthy === true) this.#breaker.abstained();
    else this.#breaker.failed(nowMs);
    if (this.health !== null && slot !== FAILED.rejected) {
      if (failed || copy.isServerError) this.health.onError();
      else this.health.onSuccess(copy.latencyMs(nowMs));
    }
    this.#finish(copy, slot);
    this.#sendNext(nowMs);
  }

  #sendNext(nowMs: number): void {
    // A delivery may fail before send returns and come back here: the loop below then goes on by itself.
    if (this.#sending) return;
    this.#sending = true;
    while (this.#waiting.length > 0 && this.#inFlight < this.#limits.maxInFlight) {
      const copy = this.#waiting.shift()!;
      if (copy.over) continue;
      if (this.#breaker.admits(nowMs)) this.#send(copy, nowMs);
      else this.#finish(copy, SHED_BREAKER);
    }
    this.#sending = false;
  }

  #send(copy: Copy, nowMs: number): void {
    copy.sentMs = nowMs;
    copy.keeper?.onSent(nowMs);
    copy.link.moveTo(copy instanceof LiveCopy ? this.#live : this.#underWay);
    this.#inFlight += 1;
    copy.delivery = this.#client.send(copy.request, copy);
  }

  /** @param free it would be sent at once @returns the outcome of a copy that is not accepted; -1 where it is */
  #refusal({ bytes, room }: PreparedCopy, free: boolean, nowMs: number): number {
    const { maxQueued, maxBytes } = this.#limits;
    if (this.#closing) return SHUTDOWN;
    if (!free && this.#pending - this.#inFlight >= maxQueued) return SHED_QUEUE;
    if (this.#bytes + bytes > maxBytes) return SHED_BYTES;
    if (this.#bucket !== null && !this.#bucket.take(nowMs)) return SHED_RATE;
    if (!this.#budget.take(room)) return SHED_MEMORY;
    // Only what is sent now may be the probe of a half-open breaker.
    if (free ? this.#breaker.admits(nowMs) : !this.#breaker.isOpen) return -1;
    this.#budget.give(room);
    return SHED_BREAKER;
  }

  #keep(copy: Copy): void {
    this.#bytes += copy.bytes;
    this.#pending += 1;
  }

  /** Calls whose original goes on, be they sent or not. */
  #goingOn(): LiveCopy[] {
    const waiting = this.#waiting.list().filter((copy) => copy instanceof LiveCopy);
    return [...waiting, ...this.#liveCopies()].filter((copy) => copy.goesOn && !copy.over);
  }

  /** A list of its own: those in it may end while it is gone through. */
  #liveCopies(): LiveCopy[] {
    const copies: LiveCopy[] = [];
    for (let { owner } = this.#live.next; owner instanceof LiveCopy; { owner } = owner.link.next) copies.push(owner);
    return copies;
  }

  #finish(copy: Copy, slot: number): void {
    copy.over = true;
    if (copy.link.linked) this.#inFlight -= 1;
    copy.link.unlink();
    this.#pending -= 1;
    this.#bytes -= copy.bytes;
    this.#budget.give(copy.room);
    if (copy instanceof LiveCopy) copy.release();
    const next = copy.lane === null ? undefined : this.#lanes.leave(copy.lane);
    if (next !== undefined) this.#waiting.push(next);
    this.#end(slot, copy.listener);
  }

  #end(slot: number, listener: CopyListener): void {
    this.#row[slot]! += 1;
    listener.keeper?.close();
    listener.onCopyEnd(slot);
  }
}
