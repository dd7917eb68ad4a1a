import { Worker } from 'node:worker_threads';
import { ShadowtapError } from '../errors.ts';
import type { Finding } from '../findings/data.ts';
import type { InsightData } from '../insight.ts';
import type { AccountBook } from '../ledger/book.ts';
import type { Logger } from '../log.ts';
import type { PolicySnapshot } from '../policy/snapshot.ts';
import type { SourceDescriptor } from '../tap/tap.ts';
import { workerBoard } from '../worker/board.ts';
import type { PlannedTarget } from '../mirror/planner.ts';
import type { FromWorker, PoliciesMessage, ToWorker, WatchedExchanges, WatchMessage, WorkerSetup } from '../worker/messages.ts';
import { policyEntry } from '../worker/targets.ts';
import { InsightBook } from './insight-book.ts';

/** Pause before a worker that died is started again, so that a fault at start cannot spin. */
const RESTART_MS = 200;

export interface WorkerPoolOptions {
  readonly sources: readonly SourceDescriptor[];
  /** Bytes of captured data, shared out evenly among the workers. */
  readonly memoryBytes: number;
  /** Lower-case name of the header that marks copies. */
  readonly marker: string;
  readonly book: AccountBook;
  readonly log: Logger;
  /** How long it is learnt what is usual before anything is called a flood; five minutes by default. */
  readonly learnSeconds?: number;
  /** Something was found in the traffic of observed pods. */
  readonly onFound?: (findings: readonly Finding[]) => void;
  /** Exchanges for those who watch, and whether contents may be among them; no contents by default. */
  readonly live?: { readonly showBodies: boolean; readonly onExchanges: (batches: readonly WatchedExchanges[]) => void };
  /** The governor's, see `Governor.buffer`. */
  readonly share: SharedArrayBuffer;
  /** Counts what would be sent instead of sending it. */
  readonly dryRun?: boolean;
  /** The program of the workers; another one than our own serves tests. */
  readonly entry?: URL;
  /** A worker that does not answer for so long is stuck: it is ended, and replaced. Milliseconds; 5 seconds by default. */
  readonly answerMs?: number;
}

const ANSWER_MS = 5_000;
const LEARN_SECONDS = 300;
/** Who asks what has been learnt waits no longer for one worker. */
const INSIGHT_MS = 1_000;

const WORKER = new URL('../worker/worker.ts', import.meta.url);

/**
 * One worker thread for each ring. A worker that dies is counted and replaced; its ring waits, the others do not
 * notice, and the requests that it had in hand are settled as `incomplete: crash`.
 */
export class WorkerPool {
  readonly #options: WorkerPoolOptions;
  readonly #answerMs: number;
  readonly #boards = [] as ReturnType<typeof workerBoard>[];
  readonly #workers: (Worker | null)[] = [];
  readonly #insight = new InsightBook();
  #snapshot: PolicySnapshot;
  #off: boolean;
  #watch: WatchMessage | null = null;
  #restarts = 0;
  #stopping = false;

  /** @param off the kill switch: nothing is mirrored */
  constructor(options: WorkerPoolOptions, snapshot: PolicySnapshot, off = false) {
    this.#options = options;
    this.#answerMs = options.answerMs ?? ANSWER_MS;
    this.#snapshot = snapshot;
    this.#off = off;
  }

  get running(): number {
    return this.#workers.filter((worker) => worker !== null).length;
  }

  get restarts(): number {
    return this.#restarts;
  }

  /** Resolves when every worker drains its ring. */
  async start(): Promise<void> {
    await Promise.all(
      this.#options.sources.map((_, index) => {
        this.#boards[index] = workerBoard();
        return this.#spawn(index, false);
      }),
    );
  }

  /** Resolves when every running worker uses the snapshot. */
  async apply(snapshot: PolicySnapshot, off: boolean): Promise<void> {
    this.#options.book.keep(snapshot.policies.map(policyEntry));
    this.#snapshot = snapshot;
    this.#off = off;
    await Promise.all(
      this.#workers.map((worker, index) => {
        if (worker === null) return;
        const applied = heard(worker, (message) => message.kind === 'applied' && message.version >= snapshot.version, this.#answerMs);
        post(worker, this.#policies(index));
        // A worker that dies meanwhile, or is ended for not answering, is replaced by one that starts with this snapshot.
        return applied.then(() => {}, () => worker.terminate().then(() => {}));
      }),
    );
  }

  /** What a dry run would have sent so far, worker by worker. */
  async plan(): Promise<PlannedTarget[]> {
    const answers = this.#workers.map(async (worker) => {
      if (worker === null) return [];
      const planned = heard(worker, (message) => message.kind === 'planned', this.#answerMs);
      post(worker, { kind: 'plan' });
      const message = await planned;
      return message.kind === 'planned' ? message.targets : [];
    });
    return (await Promise.all(answers)).flat();
  }

  /** What has been learnt of the traffic, to be merged. For a worker that does not answer in time stands what it said last. */
  async insight(): Promise<InsightData[]> {
    const answers = this.#workers.map(async (worker) => {
      if (worker === null) return;
      const answered = heard(worker, (message) => message.kind === 'insight', INSIGHT_MS);
      post(worker, { kind: 'insight' });
      await answered.catch(() => {});
    });
    await Promise.all(answers);
    return this.#insight.parts();
  }

  /** For whom workers are to look out from now on, those that replace others as well. */
  watch(message: WatchMessage): void {
    this.#watch = message;
    for (const worker of this.#workers) if (worker !== null) post(worker, message);
  }

  /** Adds the workers' counters to `into`. */
  addCounters(into: Record<string, number>): void {
    for (const board of this.#boards) board.addTo(into);
  }

  /** Lets what is under way finish for at most `graceMs`, then ends the workers. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    await Promise.all(
      this.#workers.map(async (worker) => {
        if (worker === null) return;
        const stopped = heard(worker, (message) => message.kind === 'stopped', graceMs + this.#answerMs);
        post(worker, { kind: 'stop', graceMs });
        // A worker that dies now has nothing left to say; the book settles what it held.
        await stopped.catch(() => {});
        await worker.terminate();
      }),
    );
    for (const [index] of this.#boards.entries()) this.#options.book.settleCrash(index);
  }

  #spawn(index: number, replacement: boolean): Promise<FromWorker> {
    const { sources, memoryBytes, marker, book } = this.#options;
    const setup: WorkerSetup = {
      index,
      workers: sources.length,
      replacement,
      source: sources[index]!,
      memoryBytes: Math.floor(memoryBytes / sources.length),
      marker,
      dryRun: this.#options.dryRun ?? false,
      share: this.#options.share,
      showBodies: this.#options.live?.showBodies ?? false,
      learnSeconds: this.#options.learnSeconds ?? LEARN_SECONDS,
      account: book.workers[index]!.buffer,
      counters: this.#boards[index]!.buffer,
      policies: this.#policies(index),
    };
    const worker = new Worker(this.#options.entry ?? WORKER, { workerData: setup, name: `worker-${index}` });
    this.#workers[index] = worker;
    const ready = heard(worker, (message) => message.kind === 'ready');
    worker.on('message', (message: FromWorker) => {
      if (message.kind === 'problem') this.#options.log.warn({ worker: index }, message.message);
      if (message.kind === 'exchanges') this.#options.live?.onExchanges(message.batches);
      if (message.kind === 'found') this.#options.onFound?.(message.findings);
      if (message.kind === 'insight') this.#insight.heard(index, message.data);
    });
    worker.on('error', (error) => this.#options.log.error({ worker: index, err: error }, 'worker failed'));
    worker.once('exit', (code) => this.#onExit(index, code));
    if (this.#watch !== null) post(worker, this.#watch);
    return ready;
  }

  #onExit(index: number, code: number): void {
    this.#workers[index] = null;
    this.#insight.retire(index);
    if (this.#stopping) return;
    const lost = this.#options.book.settleCrash(index);
    this.#boards[index]!.retire();
    this.#restarts += 1;
    this.#options.log.error({ worker: index, code, lostRequests: lost }, 'worker ended unexpectedly; starting another');
    setTimeout(() => {
      if (this.#stopping) return;
      this.#spawn(index, true).catch((error: unknown) => this.#options.log.error({ worker: index, err: error }, 'worker did not start'));
    }, RESTART_MS);
  }

  #policies(index: number): PoliciesMessage {
    const snapshot = this.#snapshot;
    const accounts = snapshot.policies.map((policy) => this.#options.book.policy(policyEntry(policy))[index]!.buffer);
    return { kind: 'policies', snapshot, accounts, off: this.#off };
  }
}

function post(worker: Worker, message: ToWorker): void {
  worker.postMessage(message);
}

/** Resolves at the first message that fits; rejects if the worker ends, or `withinMs` pass, without it. */
function heard(worker: Worker, fits: (message: FromWorker) => boolean, withinMs = Infinity): Promise<FromWorker> {
  const { promise, resolve, reject } = Promise.withResolvers<FromWorker>();
  const onMessage = (message: FromWorker): void => {
    if (fits(message)) resolve(message);
  };
  const onExit = (code: number): void => reject(new ShadowtapError('WORKER', `a worker ended with code ${code}; its error is in the log`));
  const onTime = (): void => reject(new ShadowtapError('WORKER', `a worker did not answer within ${withinMs} ms`));
  worker.on('message', onMessage);
  worker.once('exit', onExit);
  const timer = withinMs === Infinity ? undefined : setTimeout(onTime, withinMs);
  return promise.finally(() => {
    clearTimeout(timer);
    worker.off('message', onMessage);
    worker.off('exit', onExit);
  });
}
