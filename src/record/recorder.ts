import type { ByteBudget } from '../flow/budget.ts';
import { messageOf } from '../errors.ts';
import type { PolicyAccount } from '../ledger/ledger.ts';
import { QueueSet } from '../mirror/queue-set.ts';
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
  readonly limits: Pick<QueueLimits, 'maxQueued' | 'maxBytes' | 'rate'>;
  /** Contents beyond this are not recorded. */
  readonly maxBodyBytes: number;
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
  /** Hears when a target's files cannot be written any more: once until they can, and at most once a minute. */
  readonly onProblem: (message: string) => void;
}

/** The files of all policies that record, in one worker. */
export class Recorder extends QueueSet<RecordTarget, RecordQueue> {
  readonly #options: RecorderOptions;
  #queues: readonly (RecordQueue | null)[] = [];

  constructor(options: RecorderOptions) {
    super();
    this.#options = options;
  }

  /** @param targets by flat target number; null where the target is no file */
  configure(targets: readonly (RecordTarget | null)[]): void {
    const queues = this.replace(targets.filter((target) => target !== null));
    this.#queues = targets.map((target) => (target === null ? null : queues.get(target.key)!));
  }

  /** @param target flat number of the snapshot in force @returns null where it is no file */
  queue(target: number): RecordQueue | null {
    return this.#queues[target] ?? null;
  }

  protected open({ policy, format, bounds, limits, maxBodyBytes, redactor, account, index }: RecordTarget): RecordQueue {
    const { clock, share, budget, counters, onProblem } = this.#options;
    return new RecordQueue({
      policy,
      clock,
      redactor,
      format: FILE_FORMATS[format],
      files: new RotatingFiles(FILE_FORMATS[format], bounds, share, counters),
      limits,
      maxBodyBytes,
      budget,
      row: account.copies[index]!,
      onProblem: (cause) => onProblem(`cannot record to ${bounds.path}: ${messageOf(cause)}`),
    });
  }
}
