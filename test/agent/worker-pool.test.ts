import { describe, expect, it } from 'vitest';
import { WorkerPool } from '../../src/agent/worker-pool.ts';
import { AccountBook } from '../../src/ledger/book.ts';
import { createLogger } from '../../src/log.ts';
import { buildSnapshot } from '../../src/policy/build-snapshot.ts';
import type { SourceDescriptor } from '../../src/tap/tap.ts';

const SOURCE: SourceDescriptor = { kind: 'shared', fd: -1, bytes: 65_536, muteFd: -1, wake: new SharedArrayBuffer(4) };

function pool(): { pool: WorkerPool; book: AccountBook } {
  const book = new AccountBook(1);
  const share = new SharedArrayBuffer(8);
  const entry = new URL('./stuck-worker.ts', import.meta.url);
  const options = { sources: [SOURCE], memoryBytes: 1 << 20, marker: 'm', share, book, log: createLogger('silent'), entry, answerMs: 300 };
  return { pool: new WorkerPool(options, buildSnapshot(1, [], [])), book };
}

describe('a worker that is stuck', () => {
  it('does not hold up a stop: it is ended after the grace, and what it had in hand is counted', async () => {
    const { pool: stuck, book } = pool();
    await stuck.start();
    book.workers[0]!.open();
    const startedMs = performance.now();
    await stuck.stop(100);
    expect(performance.now() - startedMs).toBeLessThan(3000);
    expect(book.sums()).toMatchObject({ open: 0, requests: [{ outcome: 'incomplete', reason: 'crash', count: 1 }] });
  });

  it('does not hold up a new snapshot: it is ended and replaced', async () => {
    const { pool: stuck } = pool();
    await stuck.start();
    await stuck.apply(buildSnapshot(2, [], []), false);
    await expect.poll(() => [stuck.restarts, stuck.running]).toEqual([1, 1]);
    await stuck.stop(0);
  });
});
