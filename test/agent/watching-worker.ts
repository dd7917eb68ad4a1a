/** A worker that sends every watcher an empty batch as soon as it is told of him, and dies when it is asked for a plan. */
import { parentPort } from 'node:worker_threads';
import type { FromWorker, ToWorker } from '../../src/worker/messages.ts';

const tell = (message: FromWorker): void => parentPort!.postMessage(message);

parentPort!.on('message', (message: ToWorker) => {
  if (message.kind === 'stop') tell({ kind: 'stopped' });
  if (message.kind === 'plan') throw new Error('a fault of the test');
  if (message.kind === 'watch') tell({ kind: 'exchanges', batches: message.watchers.map(({ id }) => ({ id, batch: { matched: 0, left: 0, items: [] } })) });
});
tell({ kind: 'ready' });
