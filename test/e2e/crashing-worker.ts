/** A worker as it is, but the first one dies of an error in the middle of its work. */
import { workerData } from 'node:worker_threads';
import type { WorkerSetup } from '../../src/worker/messages.ts';
import '../../src/worker/worker.ts';

const { index, replacement } = workerData as WorkerSetup;
if (index === 0 && !replacement) {
  setTimeout(() => {
    throw new Error('a fault of the test');
  }, 600);
}
