import { newFlowCounters } from '../flow/counters.ts';
import { newHttpCounters } from '../http/counters.ts';
import { CounterBoard } from '../ledger/counter-board.ts';
import { WorkerCounters } from './worker-counters.ts';

/** The counters of a worker's stages. */
export interface StageCounters {
  readonly flow: ReturnType<typeof newFlowCounters>;
  readonly http: ReturnType<typeof newHttpCounters>;
  readonly worker: WorkerCounters;
}

export function newStageCounters(): StageCounters {
  return { flow: newFlowCounters(), http: newHttpCounters(), worker: new WorkerCounters() };
}

const GAUGES = [
  'flow.flows',
  'flow.heldBytes',
  'worker.ringFillPermille',
  'worker.copiesPending',
  'worker.copyBytes',
  'worker.breakersOpen',
  'worker.memoryBytes',
  'worker.memoryBudgetBytes',
];

/** @param buffer of the board on the other thread; absent where this one is the first */
export function workerBoard(counters: StageCounters = newStageCounters(), buffer?: SharedArrayBuffer): CounterBoard {
  return new CounterBoard({ ...counters }, GAUGES, buffer);
}
