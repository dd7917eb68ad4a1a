import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { ShadowtapError } from '../errors.ts';
import { AccountBook, type LedgerSums, type RequestCount } from '../ledger/book.ts';
import { Emitter } from '../mirror/emitter.ts';
import { buildSnapshot } from '../policy/build-snapshot.ts';
import { DEFAULT_MARKER } from '../policy/router.ts';
import { API_VERSION, type MirrorPolicy } from '../policy/schema.ts';
import { validatePolicy } from '../policy/validate.ts';
import { Recorder } from '../record/recorder.ts';
import { CopyPrinter } from './copy-printer.ts';
import { ExchangePrinter } from './exchange-printer.ts';
import { contentBudget } from './line.ts';
import { Pipeline } from './pipeline.ts';
import { openReplaySource } from './replay-source.ts';
import { compileSnapshot, policyEntry } from './targets.ts';
import { WorkerCounters } from './worker-counters.ts';

export interface ReplayOptions {
  /** Path of a capture (pcap, pcapng) or a recording (ndjson, HAR, GoReplay). */
  readonly capture: string;
  /** Address that gets every request; null where policies say. */
  readonly to: string | null;
  /** Policies that say which requests go where; null for every request to `to`. */
  readonly policies: readonly MirrorPolicy[] | null;
  /** Contents of the PEM files that their targets name, by path. */
  readonly pemFiles?: Readonly<Record<string, string>>;
  /** 1: the capture's own pace; 2: twice as fast; Infinity: as fast as the target takes it. */
  readonly speed: number;
  /** The servers' ports; none: HTTP is looked for on every port. */
  readonly ports: readonly number[];
  /** Sends nothing, and prints one JSON line a request, or with policies one for each copy as its target would get it. */
  readonly dryRun: boolean;
  /** Results. */
  readonly out: Writable;
  /** The summary, for people. */
  readonly err: Writable;
}

const MEMORY_BYTES = 256 << 20;
/** A capture is not production: whatever is whole in it and fits the memory is sent. */
const MAX_BODY_BYTES = 64 << 20;
/** Calls of gRPC that go on at the same time, among them. */
const MAX_IN_FLIGHT = 1024;
const TICK_MS = 50;
/** Copies under way beyond which reading the capture waits. */
const MAX_PENDING = 64;

/**
 * Runs the line over a capture file, or its end over a recording, on this thread.
 * @returns the exit code: 1 where something that should have been sent was not
 * @throws ShadowtapError CAPTURE_FILE or CAPTURE_LINK_TYPE
 */
export async function replayCapture(options: ReplayOptions): Promise<number> {
  if (options.dryRun && options.policies === null) {
    await print(options);
    return 0;
  }
  return (await mirror(options)).some(({ outcome }) => outcome === 'failed' || outcome === 'shed') ? 1 : 0;
}

async function print({ capture, speed, ports, out, err }: ReplayOptions): Promise<void> {
  const printer = new ExchangePrinter((line) => out.write(`${line}\n`));
  const source = await openReplaySource(capture, { speed, ports, room: () => drained(out) });
  await source.run(printer, MEMORY_BYTES, contentBudget(MEMORY_BYTES));
  await drained(out);
  const counts = Array.from(printer.counts, ([label, count]) => `${count} ${label}`).join(', ');
  err.write(`${capture}: ${source.summary()}; ${counts || 'no HTTP found'}\n`);
}

/** Waits while the reader of our output is behind. */
async function drained(out: Writable): Promise<void> {
  if (out.writableNeedDrain) await once(out, 'drain');
}

async function mirror({ capture, to, policies: given, pemFiles = {}, speed, ports, dryRun, out, err }: ReplayOptions): Promise<readonly RequestCount[]> {
  const policies = given ?? [everythingTo(to)];
  const book = new AccountBook(1);
  // The capture is one endpoint that every policy selects, on all of its ports.
  const snapshot = buildSnapshot(1, policies, [{ id: 0, name: capture, labels: {}, ports: [] }], { pemFiles });
  const accounts = policies.map((policy) => book.policy(policyEntry(policy))[0]!.buffer);
  const compiled = compileSnapshot({ kind: 'policies', snapshot, accounts, off: false }, DEFAULT_MARKER);
  const content = contentBudget(MEMORY_BYTES);
  const emitter = new Emitter(content);
  const recorder = new Recorder({
    // A recording's clock is the time of day.
    clock: (timeUs) => timeUs / 1000,
    share: { index: 0, count: 1 },
    budget: content,
    counters: new WorkerCounters(),
    onProblem: (message) => err.write(`shadowtap: ${message}\n`),
  });
  const sink = dryRun ? new CopyPrinter((line) => out.write(`${line}\n`)) : emitter;
  const records = dryRun ? null : recorder;
  const pipeline = new Pipeline(book.workers[0]!, sink, content, compiled, DEFAULT_MARKER, { recorder: records });
  const pending = (): number => emitter.pending + recorder.pending;
  // Calls that go on end only as the capture does.
  const due = (): number => pending() - emitter.awaiting;
  const room = async (): Promise<void> => {
    if (dryRun) await drained(out);
    while (due() > MAX_PENDING || (due() > 0 && content.used > content.limit / 2)) await sleep(1);
  };
  const source = await openReplaySource(capture, { speed, ports, room });
  const timer = setInterval(() => {
    emitter.tick(performance.now());
    recorder.tick(performance.now());
  }, TICK_MS);
  try {
    await source.run(pipeline, MEMORY_BYTES, content);
    while (pending() > 0) await sleep(5);
  } finally {
    clearInterval(timer);
    await Promise.all([emitter.close(), recorder.close()]);
  }
  const sums = book.sums();
  err.write(`${capture}: ${source.summary()}; ${ledgerSummary(sums)}\n`);
  return sums.requests;
}

/** The policy behind `--to`. */
function everythingTo(url: string | null): MirrorPolicy {
  const { value, problems } = validatePolicy({
    apiVersion: API_VERSION,
    kind: 'MirrorPolicy',
    metadata: { name: 'replay' },
    spec: { selector: {}, targets: [{ url }], limits: { maxBodyBytes: MAX_BODY_BYTES, maxQueueBytes: MEMORY_BYTES, maxInFlight: MAX_IN_FLIGHT } },
  });
  if (value === null) throw new ShadowtapError('TARGET', problems?.[0]?.message ?? 'the target is not usable');
  return value;
}

function ledgerSummary({ seen, open, requests }: LedgerSums): string {
  const outcomes = requests.map(({ outcome, reason, count }) => `${count} ${outcome}${reason === '' ? '' : ` (${reason})`}`);
  if (open !== 0) throw new ShadowtapError('INTERNAL', `${open} requests have no outcome`);
  return `${seen} requests: ${outcomes.join(', ') || 'none'}`;
}
