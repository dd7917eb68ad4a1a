import type { ByteBudget } from '../flow/budget.ts';
import { messageOf } from '../errors.ts';
import type { PolicyAccount } from '../ledger/ledger.ts';
import type { Redactor } from '../mirror/redact.ts';
import type { QueueLimits } from '../mirror/target-queue.ts';
import { FILE_FORMATS } from './file-format.ts';
import type { WallClock } from './record.ts';
import { RecordQueue } from './record-queue.ts';
import { RotatingFiles, type DiskCounters, type FileBounds, type WriterShare } from './rotating-files.ts';

/** One file target of a snapshot, compiled. */
export interface RecordTarget {
  /** Stays the same while the target's meaning does: its queue survives a new snapshot. */
  readonly key: string;
  /** `namespace/name` */
  readonly policy: string;
  readonly format: keyof typeof FILE_FORMATS;
  readonly bounds: FileBounds;
  readonly limits: Pick<QueueLimits, 'maxQueued' | 'maxBytes' | 'maxBodyBytes' | 'rate'>;
  /** null: nothing is secret. */
  readonly redactor: Redactor | null;
  readonly account: PolicyAccount;
  /** Index of the target in its policy. */
  readonly index: number;
}

export interface RecorderOptions {
  readonly clock: WallClock;
  readonly share: WriterShare;
  readonly budget: ByteBudget;
  readonly counters: DiskCounters;
  /** Hears when a target's files cannot be written any more, once until they can. */
  readonly onProblem: (message: string) => void;
}

/** The files of all policies that record, in one worker. */
export class Recorder {
  readonly #options: RecorderOptions;
  #queues: (RecordQueue | null)[] = [];
  #byKey = new Map<string, RecordQueue>();
  /** Queues of targets that are gone from the snapshot and still write. */
  readonly #retiring = new Set<RecordQueue>();

  constructor(options: RecorderOptions) {
    this.#options = options;
  }

  /**
   * Takes over a snapshot's targets. Unchanged ones keep their queue and file; removed ones finish first.
   * @param targets by flat target number; null where the target is no file
   */
  configure(targets: readonly (RecordTarget | null)[]): void {
    const next = new Map<string, RecordQueue>();
    this.#queues = targets.map((target) => {
      if (target === null) return null;
      const queue = next.get(target.key) ?? this.#byKey.get(target.key) ?? this.#openQueue(target);
      next.set(target.key, queue);
      return queue;
    });
    for (const [key, queue] of this.#byKey) {
      if (next.has(key)) continue;
      queue.drain();
      this.#retiring.add(queue);
    }
    this.#byKey = next;
  }

  /** @param target flat number of the snapshot in force @returns null where it is no file */
  queue(target: number): RecordQueue | null {
    return this.#queues[target] ?? null;
  }

  /** Ends files that are old enough, and closes retired queues that are empty. Call it a few times a second. */
  tick(nowMs: number): void {
    for (const queue of this.#byKey.values()) queue.tick(nowMs);
    for (const queue of this.#retiring) {
      if (queue.pending > 0) continue;
      this.#retiring.delete(queue);
      void queue.close();
    }
  }

  /** Records waiting or being written. */
  get pending(): number {
    let pending = 0;
    for (const queue of this.#all()) pending += queue.pending;
    return pending;
  }

  /** Bytes of those records. */
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

  /** Gives up what waits at targets that are gone from the snapshot, as `incomplete: shutdown`. */
  abandonRetired(): void {
    for (const queue of this.#retiring) void queue.close();
    this.#retiring.clear();
  }

  /** Ends what is left as `incomplete: shutdown`, and all files properly. */
  async close(): Promise<void> {
    await Promise.all(Array.from(this.#all(), (queue) => queue.close()));
  }

  *#all(): Iterable<RecordQueue> {
    yield* this.#byKey.values();
    yield* this.#retiring;
  }

  #openQueue({ policy, format, bounds, limits, redactor, account, index }: RecordTarget): RecordQueue {
    const { clock, share, budget, counters, onProblem } = this.#options;
    return new RecordQueue({
      policy,
      clock,
      redactor,
      format: FILE_FORMATS[format],
      files: new RotatingFiles(FILE_FORMATS[format], bounds, share, counters),
      limits,
      budget,
      row: account.copies[index]!,
      onProblem: (cause) => onProblem(`cannot record to ${bounds.path}: ${messageOf(cause)}`),
    });
  }
}
