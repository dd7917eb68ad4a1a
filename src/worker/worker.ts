/** Entry of a worker thread: one ring, its connections, its copies. */
import { parentPort, workerData } from 'node:worker_threads';
import { setTimeout as sleep } from 'node:timers/promises';
import { WorkerAccount } from '../ledger/ledger.ts';
import { Emitter } from '../mirror/emitter.ts';
import { Planner } from '../mirror/planner.ts';
import type { PolicySnapshot } from '../policy/snapshot.ts';
import { Recorder } from '../record/recorder.ts';
import { Pump } from '../tap/pump.ts';
import { openSource } from '../tap/source.ts';
import { newStageCounters, workerBoard } from './board.ts';
import { Insight } from './insight.ts';
import { Learners } from './learners.ts';
import { captureLine, contentBudget } from './line.ts';
import { LiveFeed } from './live-feed.ts';
import type { FromWorker, ToWorker, WorkerSetup } from './messages.ts';
import { Pipeline } from './pipeline.ts';
import { compileSnapshot } from './targets.ts';
import { MonotonicClock, monotonicUs } from './wall-clock.ts';

/** How often deadlines are checked and counters shown. */
const TICK_MS = 100;
/** How often what was found is told. */
const NEWS_MS = 1_000;
/** Bytes of the ring to take at a time when it is emptied at the end. */
const LAST_DRAIN_BYTES = 1 << 20;

const setup = workerData as WorkerSetup;
const counters = newStageCounters();
const board = workerBoard(counters, setup.counters);
const budget = contentBudget(setup.memoryBytes);
const emitter = new Emitter(budget);
const source = openSource(setup.source);
const snapshot = compileSnapshot(setup.policies, setup.marker, setup.workers);
const planner = setup.dryRun ? new Planner() : null;
const clock = new MonotonicClock();
const recorder = new Recorder({
  clock: clock.toWallMs,
  share: { index: setup.index, count: setup.workers },
  budget,
  counters: counters.worker,
  onProblem: (message) => tell({ kind: 'problem', message }),
});
const learners = new Learners({ budget, toWallMs: clock.toWallMs, learnSeconds: setup.learnSeconds, workers: setup.workers });
const feed = new LiveFeed({ bodies: setup.showBodies, workers: setup.workers, send: (batches) => tell({ kind: 'exchanges', batches }) });
const pipeline = new Pipeline(new WorkerAccount(setup.account), planner ?? emitter, budget, snapshot, setup.marker, {
  share: new Float64Array(setup.share),
  ...(!setup.dryRun && { recorder, pairing: learners.pairing }),
});
const insight = new Insight(pipeline, learners.sight, learners.onlookers);
observe(snapshot.policies);
const flows = captureLine(insight, setup.memoryBytes, budget, counters, (segment, forever) => source.mute(segment, forever));
const pump = new Pump(source, flows, setup.source.wake, {
  afterDrain: (segments) => {
    counters.worker.segments += segments;
  },
});

if (setup.replacement) counters.worker.discarded = source.drain({ onSegment() {} }, Infinity);
let newsMs = 0;
const timer = setInterval(tick, TICK_MS);
parentPort!.on('message', onMessage);
pump.start();
tell({ kind: 'ready' });

function tick(): void {
  emitter.tick(performance.now());
  recorder.tick(performance.now());
  learners.pairing.tick(performance.now());
  clock.refresh();
  flows.expire(monotonicUs());
  tellNews(performance.now());
  publish();
}

function tellNews(nowMs: number): void {
  if (nowMs < newsMs) return;
  newsMs = nowMs + NEWS_MS;
  const findings = learners.news();
  if (findings.length > 0) tell({ kind: 'found', findings });
}

function publish(): void {
  const { worker, flow } = counters;
  worker.badRecords = source.badRecords;
  worker.ringFillPermille = Math.round(source.fill() * 1000);
  worker.copiesPending = emitter.pending + recorder.pending;
  worker.copyBytes = emitter.bytes + recorder.bytes;
  worker.breakersOpen = emitter.breakersOpen + recorder.breakersOpen;
  worker.memoryBytes = budget.used + flow.heldBytes;
  worker.memoryBudgetBytes = setup.memoryBytes;
  board.publish();
}

function onMessage(message: ToWorker): void {
  switch (message.kind) {
    case 'stop':
      void stop(message.graceMs);
      return;
    case 'plan':
      tell({ kind: 'planned', targets: planner?.report() ?? [] });
      return;
    case 'insight':
      tell({ kind: 'insight', data: learners.data() });
      return;
    case 'watch':
      feed.watch(message.watchers, message.noise);
      learners.pairing.watcher = feed.isWatched ? feed : null;
      return;
    case 'policies':
      pipeline.apply(compileSnapshot(message, setup.marker, setup.workers));
      observe(message.snapshot);
      if (message.off) {
        emitter.abandonRetired();
        recorder.abandonRetired();
      }
      tell({ kind: 'applied', version: message.snapshot.version });
  }
}

function observe(policies: PolicySnapshot): void {
  learners.configure(policies);
  insight.configure(policies);
}

/** The tap has been detached: takes what it left in the ring, lets copies finish, and accounts for the rest. */
async function stop(graceMs: number): Promise<void> {
  const deadlineMs = performance.now() + graceMs;
  pump.stop();
  while (source.drain(flows, LAST_DRAIN_BYTES) > 0 && performance.now() < deadlineMs) await sleep(0);
  flows.close(monotonicUs());
  while (emitter.pending + recorder.pending > 0 && performance.now() < deadlineMs) await sleep(5);
  await Promise.all([emitter.close(), recorder.close()]);
  learners.pairing.finish();
  clearInterval(timer);
  publish();
  source.close();
  tell({ kind: 'stopped' });
}

function tell(message: FromWorker): void {
  parentPort!.postMessage(message);
}
