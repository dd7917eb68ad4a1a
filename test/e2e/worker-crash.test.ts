import { describe, expect, it } from 'vitest';
import { Governor } from '../../src/agent/governor.ts';
import { WorkerPool } from '../../src/agent/worker-pool.ts';
import { AccountBook, type LedgerSums } from '../../src/ledger/book.ts';
import { createLogger } from '../../src/log.ts';
import { buildSnapshot } from '../../src/policy/build-snapshot.ts';
import { validatePolicy } from '../../src/policy/validate.ts';
import { EbpfTap } from '../../src/tap/ebpf/ebpf-tap.ts';
import { expectSums, outcomes } from '../support/agent.ts';
import { curl, wrk } from '../support/clients.ts';
import { bpfObject, requireKernel } from '../support/kernel.ts';
import { HOST } from '../support/network.ts';
import { createScene, PORT, type Scene } from './scene.ts';

const ENTRY = new URL('./crashing-worker.ts', import.meta.url);

function everythingTo(url: string) {
  const { value } = validatePolicy({
    apiVersion: 'shadowtap.dev/v1alpha1',
    kind: 'MirrorPolicy',
    metadata: { name: 'p' },
    spec: { selector: {}, targets: [{ url }] },
  });
  return value!;
}

async function settled(book: AccountBook): Promise<LedgerSums> {
  await expect.poll(() => book.sums().open, { timeout: 10_000 }).toBe(0);
  const sums = book.sums();
  expectSums(sums);
  return sums;
}

async function startPool(scene: Scene, book: AccountBook, tap: EbpfTap): Promise<WorkerPool> {
  const endpoint = { id: 1, name: 'v1', labels: {}, ports: [PORT], location: { netns: scene.app.netns } };
  const snapshot = buildSnapshot(1, [everythingTo(`http://${scene.shadow.address}:${PORT}`)], [endpoint]);
  const options = { sources: tap.sources, memoryBytes: 64 << 20, marker: 'shadowtap-mirrored', share: new Governor({ cpuBudget: null, cpuPressure: null }).buffer, book, log: createLogger('silent'), entry: ENTRY };
  const pool = new WorkerPool(options, snapshot);
  await pool.start();
  await tap.attach(endpoint);
  return pool;
}

describe.skipIf(!requireKernel())('a worker that crashes', () => {
  it('is replaced and its requests counted, while the other one goes on and production notices nothing', async () => {
    await using scene = await createScene({ agent: false });
    const tap = new EbpfTap({ mode: 'tcx', rings: 2, ringBytes: 1 << 20, objectPath: bpfObject() });
    await tap.start();
    const book = new AccountBook(2);
    const pool = await startPool(scene, book, tap);
    try {
      const load = await wrk(HOST, `${scene.url}/load`, { connections: 8, seconds: 2 });
      expect(load.errors).toBe(0);
      await expect.poll(() => [pool.restarts, pool.running]).toEqual([1, 2]);
      const { seen, requests } = await settled(book);
      const crashed = requests.filter(({ reason }) => reason === 'crash').reduce((sum, { count }) => sum + count, 0);
      // Both workers had their share before, and both go on after.
      for (const { seen: each } of book.workers) expect(each).toBeGreaterThan(100);
      // At most what may wait and be under way in one worker, and a request on each of its connections.
      expect(crashed).toBeLessThanOrEqual(1024 + 128 + 8);
      expect(crashed).toBeLessThan(seen);
      for (let i = 0; i < 6; i++) await curl(HOST, `${scene.url}/after${i}`);
      await expect.poll(async () => (await scene.mirror.requests()).filter(({ target }) => target.startsWith('/after')).length).toBe(6);
      const { 'incomplete crash': _crash, 'mirrored 2xx': mirrored = 0, ...others } = outcomes(await settled(book));
      // Nothing was sent twice: the mirror has at most what was counted, and what the dead worker had just sent.
      const copies = await scene.mirror.count();
      expect(copies).toBeGreaterThanOrEqual(mirrored);
      expect(copies - mirrored).toBeLessThanOrEqual(crashed);
      expect(Object.keys(others).filter((name) => !name.startsWith('incomplete') && name !== 'shed queue')).toEqual([]);
    } finally {
      await tap.detach(1);
      await pool.stop(2000);
      await tap.stop();
    }
    expectSums(book.sums());
  });
});
