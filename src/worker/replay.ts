import type { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { ShadowtapError } from '../errors.ts';
import { AccountBook, type LedgerSums } from '../ledger/book.ts';
import { Emitter } from '../mirror/emitter.ts';
import { buildSnapshot } from '../policy/build-snapshot.ts';
import type { MirrorPolicy } from '../policy/schema.ts';
import { FileTap } from '../tap/file-tap.ts';
import { newStageCounters } from './board.ts';
import { ExchangePrinter } from './exchange-printer.ts';
import { captureLine, contentBudget } from './line.ts';
import { Pipeline } from './pipeline.ts';
import { compileSnapshot, policyEntry } from './targets.ts';

export interface ReplayOptions {
  /** Path of a pcap or pcapng file. */
  readonly capture: string;
  /** Policies with the targets; ignored in a dry run. */
  readonly policies: readonly MirrorPolicy[];
  /** 1: the capture's own pace; 2: twice as fast; `max`: as fast as the target takes it. */
  readonly speed: number | 'max';
  /** The servers' ports; none: HTTP is looked for on every port. */
  readonly ports: readonly number[];
  /** Prints what would be sent, one JSON line a request, and sends nothing. */
  readonly dryRun: boolean;
  /** Lower-case name of the header that marks copies. */
  readonly marker: string;
  /** Results. */
  readonly out: Writable;
  /** The summary, for people. */
  readonly err: Writable;
}

const MEMORY_BYTES = 256 << 20;
const TICK_MS = 50;
/** Copies under way beyond which reading the capture waits. */
const MAX_PENDING = 64;

/**
 * Runs the line over a capture file, on this thread.
 * @throws ShadowtapError CAPTURE_FILE or CAPTURE_LINK_TYPE
 */
export async function replayCapture(options: ReplayOptions): Promise<void> {
  await (options.dryRun ? print(options) : mirror(options));
}

async function print({ capture, speed, ports, out, err }: ReplayOptions): Promise<void> {
  const counters = newStageCounters();
  const printer = new ExchangePrinter(out);
  const tap = openFile(capture, speed, ports, () => printer.drained());
  const flows = captureLine(printer, MEMORY_BYTES, counters, () => {});
  await tap.run(flows);
  flows.close(Infinity);
  await printer.drained();
  err.write(`${capture}: ${fileSummary(tap)}; ${printer.summary()}\n`);
}

async function mirror({ capture, policies, speed, ports, marker, err }: ReplayOptions): Promise<void> {
  const counters = newStageCounters();
  const book = new AccountBook(1);
  // The capture is one endpoint that every policy selects, on all of its ports.
  const snapshot = buildSnapshot(1, policies, [{ id: 0, name: capture, labels: {}, ports: [] }]);
  const accounts = policies.map((policy) => book.policy(policyEntry(policy))[0]!.buffer);
  const emitter = new Emitter();
  const compiled = compileSnapshot({ kind: 'policies', snapshot, accounts }, marker);
  const pipeline = new Pipeline(book.workers[0]!, emitter, contentBudget(MEMORY_BYTES), compiled, marker);
  const flows = captureLine(pipeline, MEMORY_BYTES, counters, () => {});
  const room = async (): Promise<void> => {
    while (emitter.pending > MAX_PENDING) await sleep(1);
  };
  const tap = openFile(capture, speed, ports, room);
  const timer = setInterval(() => emitter.tick(performance.now()), TICK_MS);
  try {
    await tap.run(flows);
    flows.close(Infinity);
    while (emitter.pending > 0) await sleep(5);
  } finally {
    clearInterval(timer);
    await emitter.close();
  }
  err.write(`${capture}: ${fileSummary(tap)}; ${ledgerSummary(book.sums())}\n`);
}

function openFile(capture: string, speed: number | 'max', ports: readonly number[], backpressure: () => Promise<void>): FileTap {
  return new FileTap(capture, { speed, backpressure, ...(ports.length > 0 && { ports }) });
}

function fileSummary(tap: FileTap): string {
  const { frames, segments, warning } = tap.stats();
  return `${frames} frames, ${segments} TCP segments${warning === null ? '' : ` (${warning})`}`;
}

function ledgerSummary({ seen, open, requests }: LedgerSums): string {
  const outcomes = requests.map(({ outcome, reason, count }) => `${count} ${outcome}${reason === '' ? '' : ` (${reason})`}`);
  if (open !== 0) throw new ShadowtapError('INTERNAL', `${open} requests have no outcome`);
  return `${seen} requests: ${outcomes.join(', ') || 'none'}`;
}
