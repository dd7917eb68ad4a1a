import type { OutcomeRow } from '../ledger/ledger.ts';
import { OUTCOME_SLOTS, outcomeSlot } from '../ledger/outcomes.ts';
import { Breaker } from './breaker.ts';
import type { Delivery, DeliveryObserver, FailureReason, HttpClient, OutgoingRequest } from './http-client.ts';

/** Bounds of one target in one worker. */
export interface QueueLimits {
  readonly maxInFlight: number;
  readonly maxQueued: number;
  /** Bytes of requests waiting or under way. */
  readonly maxBytes: number;
  /** Content beyond this is not sent to this target: another policy may have asked for more of it. */
  readonly maxBodyBytes: number;
  readonly timeoutMs: number;
}

/** Hears of a copy's end, once; `slot` is an index of OUTCOME_SLOTS. */
export interface CopyListener {
  onCopyEnd(slot: number): void;
}

const TOO_LARGE = outcomeSlot('too-large', '');
const SHED_QUEUE = outcomeSlot('shed', 'queue');
const SHED_BYTES = outcomeSlot('shed', 'bytes');
const SHED_BREAKER = outcomeSlot('shed', 'breaker');
const SHUTDOWN = outcomeSlot('incomplete', 'shutdown');
const MIRRORED = [
  outcomeSlot('mirrored', '1xx'),
  outcomeSlot('mirrored', '2xx'),
  outcomeSlot('mirrored', '3xx'),
  outcomeSlot('mirrored', '4xx'),
  outcomeSlot('mirrored', '5xx'),
];
const FAILED: Readonly<Record<FailureReason, number>> = {
  connect: outcomeSlot('failed', 'connect'),
  timeout: outcomeSlot('failed', 'timeout'),
  reset: outcomeSlot('failed', 'reset'),
  protocol: outcomeSlot('failed', 'protocol'),
  rejected: outcomeSlot('failed', 'rejected'),
};

/**
 * Copies on their way to one target: waiting first in, first out, then under way. When a bound is reached the newest
 * copy is shed (those accepted finish), so a slow or dead mirror costs a fixed amount of memory and nothing else.
 */
export class TargetQueue {
  readonly #client: HttpClient;
  readonly #limits: QueueLimits;
  readonly #row: OutcomeRow;
  readonly #breaker = new Breaker();
  readonly #waiting: Copy[] = [];
  /** Index of the oldest waiting copy; the array is compacted when it is half consumed. */
  #head = 0;
  /** Under way, oldest first: with one timeout for all, the first to expire is the first in the set. */
  readonly #inFlight = new Set<Copy>();
  #bytes = 0;
  #closing = false;
  #sending = false;

  constructor(client: HttpClient, limits: QueueLimits, row: OutcomeRow) {
    this.#client = client;
    this.#limits = limits;
    this.#row = row;
  }

  /** Copies accepted and not ended. */
  get pending(): number {
    return this.#waiting.length - this.#head + this.#inFlight.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get breakerOpen(): boolean {
    return this.#breaker.isOpen;
  }

  /** Sends, queues or sheds; the listener hears of the end in each case, possibly before this returns. */
  offer(request: OutgoingRequest, bytes: number, nowMs: number, listener: CopyListener): void {
    if (this.#closing) return this.#end(SHUTDOWN, listener);
    if (request.body !== null && request.body.length > this.#limits.maxBodyBytes) return this.#end(TOO_LARGE, listener);
    const free = this.#inFlight.size < this.#limits.maxInFlight;
    if (!free && this.#waiting.length - this.#head >= this.#limits.maxQueued) return this.#end(SHED_QUEUE, listener);
    if (this.#bytes + bytes > this.#limits.maxBytes) return this.#end(SHED_BYTES, listener);
    // Only what is sent now may be the probe of a half-open breaker.
    if (free ? !this.#breaker.admits(nowMs) : this.#breaker.isOpen) return this.#end(SHED_BREAKER, listener);
    this.#bytes += bytes;
    const copy = new Copy(this, request, bytes, listener);
    if (free) this.#send(copy, nowMs);
    else this.#waiting.push(copy);
  }

  /** Gives up deliveries that have taken too long, and connections idle for long. Call it a few times a second. */
  expire(nowMs: number): void {
    this.#client.tick(nowMs);
    for (const copy of this.#inFlight) {
      if (nowMs - copy.sentMs < this.#limits.timeoutMs) break;
      copy.delivery?.abort();
    }
  }

  /** Accepts nothing more; what waits or is under way goes on. */
  drain(): void {
    this.#closing = true;
  }

  /** Ends what is left as `incomplete: shutdown` and closes the connections. */
  async close(): Promise<void> {
    this.#closing = true;
    while (this.#head < this.#waiting.length) this.#finish(this.#waiting[this.#head++]!, SHUTDOWN);
    for (const copy of this.#inFlight) this.#finish(copy, SHUTDOWN);
    await this.#client.destroy();
  }

  /** @internal called by Copy */
  ended(copy: Copy, slot: number): void {
    if (!this.#inFlight.has(copy)) return;
    const nowMs = performance.now();
    if (slot === FAILED.rejected) this.#breaker.abstained();
    else if (OUTCOME_SLOTS[slot]!.outcome === 'failed') this.#breaker.failed(nowMs);
    else this.#breaker.succeeded();
    this.#finish(copy, slot);
    this.#sendNext(nowMs);
  }

  #sendNext(nowMs: number): void {
    // A delivery may fail before send returns and come back here: the loop below then goes on by itself.
    if (this.#sending) return;
    this.#sending = true;
    while (this.#head < this.#waiting.length && this.#inFlight.size < this.#limits.maxInFlight) {
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
    this.#inFlight.add(copy);
    copy.delivery = this.#client.send(copy.request, copy);
  }

  #finish(copy: Copy, slot: number): void {
    this.#inFlight.delete(copy);
    this.#bytes -= copy.bytes;
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
  readonly listener: CopyListener;
  sentMs = 0;
  delivery: Delivery | null = null;
  #status = 0;

  constructor(queue: TargetQueue, request: OutgoingRequest, bytes: number, listener: CopyListener) {
    this.#queue = queue;
    this.request = request;
    this.bytes = bytes;
    this.listener = listener;
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
