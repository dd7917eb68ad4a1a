/** A worker as it is, but it dies of an error once the governor's share is below zero. */
import { workerData } from 'node:worker_threads';
import type { WorkerSetup } from '../../src/worker/messages.ts';
import '../../src/worker/worker.ts';

const { share, replacement } = workerData as WorkerSetup;
if (!replacement) {
  setInterval(() => {
    if (new Float64Array(share)[0]! < 0) throw new Error('a fault of the test');
  }, 20);
}
