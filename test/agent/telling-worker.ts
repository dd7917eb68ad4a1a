/** A worker that has always learnt something: the first one more each time, the second tells of it once, the third dies at the second question. */
import { parentPort, workerData } from 'node:worker_threads';
import type { FromWorker, ToWorker, WorkerSetup } from '../../src/worker/messages.ts';
import { insightOf } from '../support/insight.ts';

const { index } = workerData as WorkerSetup;
const tell = (message: FromWorker): void => parentPort!.postMessage(message);

let asked = 0;
parentPort!.on('message', ({ kind }: ToWorker) => {
  if (kind === 'stop') tell({ kind: 'stopped' });
  if (kind !== 'insight') return;
  asked += 1;
  if (index === 1 && asked > 1) return;
  if (index === 2 && asked > 1) throw new Error('a fault of the test');
  tell({ kind: 'insight', data: insightOf([asked, 10, 100][index]!) });
});
tell({ kind: 'ready' });
