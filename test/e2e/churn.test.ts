import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Agent } from '../../src/agent.ts';
import { Cluster } from '../../src/agent/cluster.ts';
import { loadConfig } from '../../src/config.ts';
import { expectSums, linksOf } from '../support/agent.ts';
import { heapAfterCollection } from '../support/heap.ts';
import { requireKernel } from '../support/kernel.ts';
import { startLoad } from '../support/steady-load.ts';
import { createClusterScene, type ClusterScene } from './cluster-scene.ts';

const CHANGES = 1_000;
/** A change more than this many bytes of heap each would be a leak. */
const HEAP_PER_CHANGE = 1024;

/** Connections and timers of the test itself come and go; BPF objects and their descriptors do not. */
const SPARE: Readonly<Record<string, number>> = { 'other descriptors': 4, TCPSocketWrap: 4, Timeout: 10 };

describe.skipIf(!requireKernel())('an agent under label churn', () => {
  it('has nothing left of a thousand changes: no link, program, map, descriptor, timer or memory, and lost no request meanwhile', async () => {
    await using scene = await createClusterScene();
    const next = await scene.createPod({ name: 'next', labels: { app: 'next' } });
    await scene.createService('next', { app: 'next' });
    const steady = await scene.createPod({ name: 'steady', labels: { 'shadowtap.dev/mirror-to': 'next' } });
    const pods = await Promise.all(['a', 'b', 'c', 'd'].map((name) => scene.createPod({ name })));
    await using own = await startInProcess(scene);
    const { agent } = own;
    const churn = async (changes: number): Promise<void> => {
      for (let i = 0; i < changes; i++) {
        // Each pod in turn: on, on with another share, off. The label is what makes and ends a policy.
        const percent = Math.floor(i / pods.length) % 3;
        const metadata = percent === 2
          ? { labels: { 'shadowtap.dev/mirror-to': null } }
          : { labels: { 'shadowtap.dev/mirror-to': 'next' }, annotations: { 'shadowtap.dev/mirror-percent': String(percent * 50) } };
        await scene.cluster.patch({ apiVersion: 'v1', kind: 'Pod', metadata: pods[i % pods.length]!.at }, { metadata });
        // Some changes come together, most are followed one by one.
        if (i % 5 !== 0) await sleep(40);
      }
      for (const pod of pods) await scene.cluster.patch({ apiVersion: 'v1', kind: 'Pod', metadata: pod.at }, { metadata: { labels: { 'shadowtap.dev/mirror-to': null } } });
      await expect.poll(() => agent.stats().endpoints.map(({ name, attached }) => [name, attached]), { timeout: 10_000 }).toEqual([['shop/steady', true]]);
      await sleep(500); // What ends a moment later has ended.
    };
    const load = startLoad(`${steady.url}/steady`, 10);
    await churn(100); // Warm: code is compiled, caches are filled.
    const look = (): { held: Record<string, number>; heap: number } => {
      // The test's own server remembers what it was asked and every version of every object.
      scene.cluster.faults?.compact();
      scene.cluster.faults?.forgetRequests();
      return { held: heldNow(), heap: heapAfterCollection() };
    };
    const before = look();
    const firstLink = await nextLink(scene, agent);
    await churn(CHANGES);
    const after = look();
    // The kernel numbers links: so many have been made and are gone again, three for each time that a pod was tapped.
    expect((await nextLink(scene, agent)) - firstLink).toBeGreaterThan(CHANGES / 2);
    const more = Object.entries(after.held).filter(([kind, count]) => count > (before.held[kind] ?? 0) + (SPARE[kind] ?? 0));
    expect(more, JSON.stringify(before.held)).toEqual([]);
    expect((after.heap - before.heap) / CHANGES).toBeLessThan(HEAP_PER_CHANGE);

    const sent = await load.stop();
    await expect.poll(() => agent.stats().ledger, { timeout: 5_000 }).toMatchObject({ seen: sent, open: 0 });
    expectSums(agent.stats().ledger);
    expect(await next.app.count()).toBe(sent);
  }, 300_000);
});

async function startInProcess(scene: ClusterScene): Promise<AsyncDisposable & { readonly agent: Agent }> {
  const folder = mkdtempSync(join(tmpdir(), 'shadowtap-churn-'));
  const file = join(folder, 'agent.yaml');
  const document = { apiVersion: 'shadowtap.dev/v1alpha1', kind: 'Agent', spec: { tap: 'ebpf:tcx', admin: 'off', logLevel: 'error', kubernetes: scene.kubernetes('node-a') } };
  writeFileSync(file, JSON.stringify(document));
  const config = loadConfig(file);
  const cluster = new Cluster(config.kubernetes!);
  const agent = new Agent(config, { cluster });
  await agent.start();
  cluster.start(agent);
  await expect.poll(() => agent.stats().endpoints.length, { timeout: 5_000 }).toBe(1);
  return {
    agent,
    [Symbol.asyncDispose]: async () => {
      await cluster.stop();
      await agent.stop();
      rmSync(folder, { recursive: true });
    },
  };
}

/** Number of the newest link after another pod was tapped. */
async function nextLink(scene: ClusterScene, agent: Agent): Promise<number> {
  const at = { namespace: 'shop', name: 'a' };
  const label = (value: string | null): Promise<unknown> =>
    scene.cluster.patch({ apiVersion: 'v1', kind: 'Pod', metadata: at }, { metadata: { labels: { 'shadowtap.dev/mirror-to': value } } });
  await label('next');
  await expect.poll(() => agent.stats().endpoints.filter(({ attached }) => attached).length, { timeout: 5_000 }).toBe(2);
  const newest = Math.max(...linksOf(process.pid));
  await label(null);
  await expect.poll(() => agent.stats().endpoints.length, { timeout: 5_000 }).toBe(1);
  return newest;
}

/** What this process holds: descriptors by what they are, BPF objects among them, and what keeps its event loop busy. */
function heldNow(): Record<string, number> {
  const held: Record<string, number> = {};
  const count = (kind: string): void => void (held[kind] = (held[kind] ?? 0) + 1);
  for (const fd of readdirSync('/proc/self/fdinfo')) {
    try {
      const info = readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8');
      count(/^(link|prog|map)_id:/m.exec(info)?.[1] ?? 'other descriptors');
    } catch {
      // The one by which the folder is read.
    }
  }
  for (const resource of process.getActiveResourcesInfo()) count(resource);
  return held;
}
