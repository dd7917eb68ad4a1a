import type { ByteBudget } from '../flow/budget.ts';
import type { Exchange } from '../http/exchange.ts';
import type { OutcomeRow } from '../ledger/ledger.ts';
import { outcomeSlot } from '../ledger/outcomes.ts';
import { Breaker } from '../mirror/breaker.ts';
import type { CopyListener } from '../mirror/copy.ts';
import type { KeyedQueue } from '../mirror/queue-set.ts';
import type { Redactor } from '../mirror/redact.ts';
import type { QueueLimits } from '../mirror/target-queue.ts';
import { TokenBucket } from '../mirror/token-bucket.ts';
import type { FileFormat } from './file-format.ts';
import { estimateBytes, recordOf, type Content, type Contents, type WallClock } from './record.ts';
import { redacted } from './redact-record.ts';
import type { RotatingFiles } from './rotating-files.ts';

const RECORDED = outcomeSlot('recorded', '');
const TOO_LARGE = outcomeSlot('too-large', '');
const SHED_RATE = outcomeSlot('shed', 'rate');
const SHED_QUEUE = outcomeSlot('shed', 'queue');
const SHED_BYTES = outcomeSlot('shed', 'bytes');
const SHED_MEMORY = outcomeSlot('shed', 'memory');
const SHED_BREAKER = outcomeSlot('shed', 'breaker');
const FAILED_WRITE = outcomeSlot('failed', 'write');
const SHUTDOWN = outcomeSlot('incomplete', 'shutdown');

/** Written at once; the rest waits for the next turn. */
const BATCH_BYTES = 1 << 20;
const BATCH_RECORDS = 256;
/** How long closing may take: a disk that does not answer must not keep the agent from ending. */
const CLOSE_MS = 2000;
/** A disk that is nearly full takes one record and refuses the next: that is said only so often. */
const PROBLEM_EVERY_MS = 60_000;

export interface RecordQueueOptions {
  /** `namespace/name` */
  readonly policy: string;
  readonly clock: WallClock;
  /** null: nothing is secret. */
  readonly redactor: Redactor | null;
  readonly format: FileFormat;
  readonly files: RotatingFiles;
  readonly limits: Pick<QueueLimits, 'maxQueued' | 'maxBytes' | 'rate'>;
  /** Of either side; a request beyond it is not recorded, nor a response's content. */
  readonly maxBodyBytes: number;
  /** Where what waits to be written takes its room from. */
  readonly budget: ByteBudget;
  /** The target's row of the ledger. */
  readonly row: OutcomeRow;
  /** Hears that writing fails: once until it does not, and at most once a minute. */
  readonly onProblem: (cause: unknown) => void;
}

interface Waiting {
  readonly bytes: Buffer;
  readonly listener: CopyListener;
}

/**
 * Records on their way to one row of files. Nothing here can wait: a record is accepted within the bounds or shed at
 * once, and written by the file system's own threads, one batch at a time.
 */
export class RecordQueue implements KeyedQueue {
  readonly #options: RecordQueueOptions;
  readonly #breaker = new Breaker();
  readonly #bucket: TokenBucket | null;
  /** Oldest first; the first `#writing` are the batch under way. */
  readonly #waiting: Waiting[] = [];
  #writing = 0;
  #bytes = 0;
  #closing = false;
  /** Whether it was told that writing fails, which it has done since. */
  #told = false;
  /** When a problem was told of last. */
  #toldMs = -Infinity;
  /** The batch or rotation under way. */
  #work: Promise<void> | null = null;

  constructor(options: RecordQueueOptions) {
    this.#options = options;
    const { rate } = options.limits;
    this.#bucket = rate === null ? null : new TokenBucket(rate);
  }

  /** Records accepted and not ended. */
  get pending(): number {
    return this.#waiting.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get breakerOpen(): boolean {
    return this.#breaker.isOpen;
  }

  /**
   * Accepts or sheds; the listener hears of the end in each case, possibly before this returns.
   * @param exchange with a request; borrowed, as are the contents
   */
  offer(exchange: Exchange, contents: Contents, nowMs: number, listener: CopyListener): void {
    const { policy, clock, redactor, limits, maxBodyBytes, files, format, budget } = this.#options;
    if (this.#closing) return this.#end(SHUTDOWN, listener);
    if ((contents.request.body?.length ?? 0) > maxBodyBytes) return this.#end(TOO_LARGE, listener);
    const record = recordOf(policy, exchange, { ...contents, response: bounded(contents.response, maxBodyBytes) }, clock);
    const estimate = estimateBytes(record);
    if (estimate > files.maxRecordBytes * 2) return this.#end(TOO_LARGE, listener);
    if (this.#work !== null && this.#waiting.length - this.#writing >= limits.maxQueued) return this.#end(SHED_QUEUE, listener);
    if (this.#bytes + estimate > limits.maxBytes) return this.#end(SHED_BYTES, listener);
    if (this.#bucket !== null && !this.#bucket.take(nowMs)) return this.#end(SHED_RATE, listener);
    if (this.#work === null ? !this.#breaker.admits(nowMs) : this.#breaker.isOpen) return this.#end(SHED_BREAKER, listener);
    const bytes = format.encode(redactor === null ? record : redacted(record, redactor));
    if (bytes.length > files.maxRecordBytes) return this.#refuse(TOO_LARGE, listener);
    if (!budget.take(bytes.length)) return this.#refuse(SHED_MEMORY, listener);
    this.#bytes += bytes.length;
    this.#waiting.push({ bytes, listener });
    if (this.#work === null) this.#start(this.#writeAll());
  }

  /** There was no room to keep an exchange until it could be offered. */
  shed(listener: CopyListener): void {
    this.#end(SHED_MEMORY, listener);
  }

  /** Ends a file that is old enough. Call it a few times a second. */
  tick(nowMs: number): void {
    if (this.#work === null && this.#options.files.isDue(nowMs)) this.#start(this.#options.files.finish());
  }

  /** Accepts nothing more; what waits is still written. */
  drain(): void {
    this.#closing = true;
  }

  /** Ends what waits as `incomplete: shutdown`, what is being written as it turns out, and the file properly. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#settle(SHUTDOWN, this.#writing, this.#waiting.length);
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, CLOSE_MS);
    await Promise.race([this.#finish(), late]);
    clearTimeout(timer);
    this.#settle(SHUTDOWN, 0, this.#waiting.length);
  }

  async #finish(): Promise<void> {
    await this.#work;
    await this.#options.files.finish().catch((cause: unknown) => this.#failed(cause));
  }

  #start(work: Promise<void>): void {
    this.#work = work
      .catch((cause: unknown) => this.#failed(cause))
      .then(() => {
        this.#work = null;
        // What came while a file was being ended.
        if (this.#waiting.length > 0) this.#start(this.#writeAll());
      });
  }

  async #writeAll(): Promise<void> {
    // Records that come in the same turn of the event loop are written together.
    await null;
    while (this.#waiting.length > 0) {
      const batch = this.#nextBatch();
      this.#writing = batch.length;
      const written = await this.#write(batch);
      this.#writing = 0;
      if (written > 0) this.#settle(RECORDED, 0, written);
      else this.#settle(FAILED_WRITE, 0, batch.length);
      if (this.#breaker.isOpen) this.#settle(SHED_BREAKER, 0, this.#waiting.length);
    }
  }

  /** @returns how many of the batch were written, from the first on; 0 if it failed */
  async #write(batch: readonly Waiting[]): Promise<number> {
    try {
      const written = await this.#options.files.append(batch.map(({ bytes }) => bytes));
      this.#breaker.succeeded();
      this.#told = false;
      return written;
    } catch (cause) {
      this.#breaker.failed(performance.now());
      this.#failed(cause);
      return 0;
    }
  }

  #nextBatch(): Waiting[] {
    const batch: Waiting[] = [];
    let bytes = 0;
    for (const record of this.#waiting) {
      if (batch.length >= BATCH_RECORDS || (batch.length > 0 && bytes + record.bytes.length > BATCH_BYTES)) break;
      batch.push(record);
      bytes += record.bytes.length;
    }
    return batch;
  }

  /** Ends the records from one position to another. */
  #settle(slot: number, from: number, to: number): void {
    for (const { bytes, listener } of this.#waiting.splice(from, to - from)) {
      this.#bytes -= bytes.length;
      this.#options.budget.give(bytes.length);
      this.#end(slot, listener);
    }
  }

  /** Not the file's fault: if the breaker waits for a probe, this was none. */
  #refuse(slot: number, listener: CopyListener): void {
    this.#breaker.abstained();
    this.#end(slot, listener);
  }

  #failed(cause: unknown): void {
    const nowMs = performance.now();
    if (this.#told || nowMs - this.#toldMs < PROBLEM_EVERY_MS) return;
    this.#told = true;
    this.#toldMs = nowMs;
    this.#options.onProblem(cause);
  }

  #end(slot: number, listener: CopyListener): void {
    this.#options.row[slot]! += 1;
    listener.onCopyEnd(slot);
  }
}

/** Another policy may have asked for more of it. */
function bounded(content: Content, maxBytes: number): Content {
  return (content.body?.length ?? 0) > maxBytes ? { body: null, missing: 'too-large' } : content;
}
