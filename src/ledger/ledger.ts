import { OUTCOME_SLOTS, outcomeSlot } from './outcomes.ts';

const SLOTS = OUTCOME_SLOTS.length;
const BYTES = Float64Array.BYTES_PER_ELEMENT;

/** One row of outcome counts: a slot for each pair of outcome and reason (see outcomes.ts). */
export type OutcomeRow = Float64Array;

/**
 * Counts of one policy in one worker: row 0 for its requests, row 1 + i for the copies sent to its target i.
 * Shared memory: the worker writes, the main thread reads, no messages.
 */
export class PolicyAccount {
  readonly buffer: SharedArrayBuffer;
  readonly requests: OutcomeRow;
  readonly copies: readonly OutcomeRow[];
  /** One number, 0 to 1: the share of its sample that the policy mirrors now. */
  readonly share: Float64Array;

  constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer;
    this.requests = new Float64Array(buffer, 0, SLOTS);
    const targets = (buffer.byteLength / BYTES - 1) / SLOTS - 1;
    this.share = new Float64Array(buffer, (1 + targets) * SLOTS * BYTES, 1);
    this.copies = Array.from({ length: targets }, (_, i) => new Float64Array(buffer, (i + 1) * SLOTS * BYTES, SLOTS));
  }

  static allocate(targets: number): PolicyAccount {
    const account = new PolicyAccount(new SharedArrayBuffer(((1 + targets) * SLOTS + 1) * BYTES));
    account.share[0] = 1;
    return account;
  }
}

/**
 * A worker's own account: how many requests it has seen, and the outcomes of those that belong to no policy.
 * At every moment: seen = all settled (here and in the policies' request rows) + open.
 */
export class WorkerAccount {
  readonly buffer: SharedArrayBuffer;
  readonly #seen: Float64Array;
  readonly unattributed: OutcomeRow;

  constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer;
    this.#seen = new Float64Array(buffer, 0, 1);
    this.unattributed = new Float64Array(buffer, BYTES, SLOTS);
  }

  static allocate(): WorkerAccount {
    return new WorkerAccount(new SharedArrayBuffer((1 + SLOTS) * BYTES));
  }

  get seen(): number {
    return this.#seen[0]!;
  }

  /** A request has appeared; exactly one outcome must follow. */
  open(): void {
    this.#seen[0]! += 1;
  }
}

/** Sum of a row. */
export function total(row: OutcomeRow): number {
  let sum = 0;
  for (let slot = 0; slot < row.length; slot++) sum += row[slot]!;
  return sum;
}

/**
 * Requests that a worker has seen and not settled: being captured, waiting, or under way to a target.
 * @param rows the requests rows of its policies
 */
export function openRequests(account: WorkerAccount, rows: Iterable<OutcomeRow>): number {
  let settled = total(account.unattributed);
  for (const row of rows) settled += total(row);
  return account.seen - settled;
}

/**
 * Settles what a worker left open when it ended unexpectedly, so that the sums agree again.
 * @returns the number of requests settled
 */
export function settleCrash(account: WorkerAccount, rows: Iterable<OutcomeRow>): number {
  const open = openRequests(account, rows);
  account.unattributed[outcomeSlot('incomplete', 'crash')]! += open;
  return open;
}
