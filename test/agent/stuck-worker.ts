/** A worker that says it is ready and then never looks up again. */
import { parentPort } from 'node:worker_threads';

parentPort!.postMessage({ kind: 'ready' });
setImmediate(() => {
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
});
