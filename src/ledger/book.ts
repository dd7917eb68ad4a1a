import { openRequests, PolicyAccount, settleCrash, WorkerAccount, type OutcomeRow } from './ledger.ts';
import { OUTCOME_SLOTS, type Outcome } from './outcomes.ts';

/** Names a policy's rows: the same name and targets always mean the same rows, over any number of snapshots. */
export interface PolicyEntry {
  /** `namespace/name` */
  readonly policy: string;
  /** For people and metrics, by target index. */
  readonly targets: readonly string[];
}

export interface RequestCount {
  /** `namespace/name`; empty for requests that belong to no policy. */
  readonly policy: string;
  readonly outcome: Outcome;
  readonly reason: string;
  readonly count: number;
}

export interface CopyCount extends RequestCount {
  readonly target: string;
}

export interface PolicyShare {
  /** `namespace/name` */
  readonly policy: string;
  readonly share: number;
}

export interface LedgerSums {
  readonly seen: number;
  /** Seen and not settled yet. */
  readonly open: number;
  readonly requests: readonly RequestCount[];
  readonly copies: readonly CopyCount[];
}

interface PolicyRows {
  readonly entry: PolicyEntry;
  /** By worker. */
  readonly accounts: readonly PolicyAccount[];
  /** When the policy went away, Unix time in milliseconds; null while it is in force. */
  goneSinceMs: number | null;
}

/** What the rows of policies that are long gone are summed up under. */
export const REMOVED = '(removed)';
/** Longer than any request can still be under way: the longest timeout is an hour. */
const FORGET_AFTER_MS = 2 * 3_600_000;
/**
 * Policies that are gone and kept nevertheless. Whoever may label pods can make names as fast as he likes: beyond this many the
 * oldest are added up early, and requests of theirs that are still under way stay open in the sums.
 */
const MAX_GONE = 1_000;

/** The whole ledger, on the main thread: the accounts of all workers and of all policies, those that are gone included. */
export class AccountBook {
  readonly workers: readonly WorkerAccount[];
  readonly #policies = new Map<string, PolicyRows>();
  /** By worker: requests of policies that are long gone. */
  readonly #removed: readonly OutcomeRow[];

  constructor(workers: number) {
    this.workers = Array.from({ length: workers }, () => WorkerAccount.allocate());
    this.#removed = this.workers.map(() => new Float64Array(OUTCOME_SLOTS.length));
  }

  /** The accounts of a policy, by worker; allocated when first asked for. */
  policy(entry: PolicyEntry): readonly PolicyAccount[] {
    const key = keyOf(entry);
    let rows = this.#policies.get(key);
    if (rows === undefined) {
      rows = { entry, accounts: this.workers.map(() => PolicyAccount.allocate(entry.targets.length)), goneSinceMs: null };
      this.#policies.set(key, rows);
    }
    return rows.accounts;
  }

  /**
   * Says which policies are in force. The rows of others stay by their names for as long as requests of theirs may be
   * under way, and are then added up, so that policies that come and go take no memory for ever.
   */
  keep(entries: readonly PolicyEntry[], nowMs = Date.now()): void {
    const inForce = new Set(entries.map(keyOf));
    const gone: [key: string, rows: PolicyRows, sinceMs: number][] = [];
    for (const [key, rows] of this.#policies) {
      rows.goneSinceMs = inForce.has(key) ? null : (rows.goneSinceMs ?? nowMs);
      if (rows.goneSinceMs !== null) gone.push([key, rows, rows.goneSinceMs]);
    }
    gone.sort(([, , a], [, , b]) => a - b);
    for (const [index, [key, rows, sinceMs]] of gone.entries()) {
      if (nowMs - sinceMs >= FORGET_AFTER_MS || index < gone.length - MAX_GONE) this.#addUp(key, rows);
    }
  }

  #addUp(key: string, { accounts }: PolicyRows): void {
    for (const [worker, { requests }] of accounts.entries()) {
      const sums = this.#removed[worker]!;
      for (let slot = 0; slot < sums.length; slot++) sums[slot]! += requests[slot]!;
    }
    this.#policies.delete(key);
  }

  /** A worker has died: what it had in hand is counted `incomplete: crash`. @returns how many requests that were */
  settleCrash(worker: number): number {
    return settleCrash(this.workers[worker]!, this.#rowsOf(worker));
  }

  /** By policy in force: the share of its sample that is mirrored now, the mean over workers. */
  shares(): readonly PolicyShare[] {
    return [...this.#policies.values()].filter(({ goneSinceMs }) => goneSinceMs === null).map(({ entry, accounts }) => ({
      policy: entry.policy,
      share: accounts.reduce((sum, { share }) => sum + share[0]!, 0) / accounts.length,
    }));
  }

  /** Sums over all workers. The workers count on while this reads, so `open` may be off by what happens meanwhile. */
  sums(): LedgerSums {
    let seen = 0;
    let open = 0;
    const requests: RequestCount[] = [];
    const copies: CopyCount[] = [];
    for (const [worker, account] of this.workers.entries()) {
      open += openRequests(account, this.#rowsOf(worker));
      seen += account.seen;
    }
    forEachCount(this.workers.map((account) => account.unattributed), (count) => requests.push({ policy: '', ...count }));
    forEachCount(this.#removed, (count) => requests.push({ policy: REMOVED, ...count }));
    for (const { entry, accounts } of this.#policies.values()) {
      const { policy } = entry;
      forEachCount(accounts.map((account) => account.requests), (count) => requests.push({ policy, ...count }));
      for (const [index, target] of entry.targets.entries()) {
        const rows = accounts.map((account) => account.copies[index]!);
        forEachCount(rows, (count) => copies.push({ policy, target, ...count }));
      }
    }
    return { seen, open, requests, copies };
  }

  /** Every row of requests of one worker that belongs to a policy. */
  *#rowsOf(worker: number): Iterable<OutcomeRow> {
    yield this.#removed[worker]!;
    for (const { accounts } of this.#policies.values()) yield accounts[worker]!.requests;
  }
}

function keyOf(entry: PolicyEntry): string {
  return JSON.stringify([entry.policy, ...entry.targets]);
}

type Count = Pick<RequestCount, 'outcome' | 'reason' | 'count'>;

/** Calls `visit` for each outcome that occurred in any of the rows. */
function forEachCount(rows: readonly OutcomeRow[], visit: (count: Count) => void): void {
  for (const [slot, { outcome, reason }] of OUTCOME_SLOTS.entries()) {
    const count = rows.reduce((sum, row) => sum + row[slot]!, 0);
    if (count > 0) visit({ outcome, reason, count });
  }
}
