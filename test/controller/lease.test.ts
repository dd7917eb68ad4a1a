import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Lease } from '../../src/controller/lease.ts';
import { ApiClient } from '../../src/kube/api-client.ts';
import { createLogger } from '../../src/log.ts';
import type { ServedCluster } from '../support/cluster/served-cluster.ts';
import { startTestCluster } from '../support/cluster/start.ts';

const DURATION_MS = 1_500;
const RENEW_MS = 200;

let cluster: ServedCluster;
let count = 0;
const open: { lease: Lease; api: ApiClient }[] = [];
beforeAll(async () => {
  cluster = await startTestCluster();
});
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
});
afterEach(async () => {
  cluster.faults!.clear();
  for (const { lease, api } of open.splice(0)) {
    await lease.stop();
    await api.close();
  }
});

/** Each with a client, and so with connections, of its own. */
function contender(name: string, holder: string, onChange?: () => void): { lease: Lease; api: ApiClient } {
  const api = ApiClient.fromKubeconfig(cluster.kubeconfig);
  const options = { namespace: 'default', name, holder, durationMs: DURATION_MS, renewMs: RENEW_MS, ...(onChange && { onChange }) };
  const made = { lease: new Lease(api, options, createLogger('silent')), api };
  open.push(made);
  made.lease.start();
  return made;
}

function lease(name: string): Promise<{ spec: Record<string, unknown> } | null> {
  return cluster.get({ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { namespace: 'default', name } }) as Promise<{ spec: Record<string, unknown> } | null>;
}

/** @returns how long it took, milliseconds */
async function untilHeld({ lease: one }: { lease: Lease }, held = true): Promise<number> {
  const beganMs = performance.now();
  while (one.held !== held) {
    expect(performance.now() - beganMs).toBeLessThan(10_000);
    await sleep(10);
  }
  return performance.now() - beganMs;
}

describe('a lease', () => {
  it('is taken where nobody has it, renewed, and given back', async () => {
    const name = `lease-${(count += 1)}`;
    let changes = 0;
    const one = contender(name, 'one', () => (changes += 1));
    await untilHeld(one);
    const { spec } = (await lease(name))!;
    expect(spec).toMatchObject({ holderIdentity: 'one', leaseDurationSeconds: 2, leaseTransitions: 1 });
    await sleep(DURATION_MS);
    const renewed = (await lease(name))!.spec;
    expect(renewed['renewTime'] as string > (spec['renewTime'] as string)).toBe(true);
    expect(renewed).toMatchObject({ acquireTime: spec['acquireTime'], leaseTransitions: 1 });
    await one.lease.stop();
    expect(one.lease.held).toBe(false);
    expect((await lease(name))!.spec).toMatchObject({ holderIdentity: '', leaseTransitions: 1 });
    expect(changes).toBe(1);
  });

  it('is held by one of many that come at once', async () => {
    const name = `lease-${(count += 1)}`;
    const all = Array.from({ length: 8 }, (_, index) => contender(name, `holder-${index}`));
    for (let look = 0; look < 60; look += 1) {
      expect(all.filter((one) => one.lease.held).length).toBeLessThan(2);
      await sleep(25);
    }
    expect(all.filter((one) => one.lease.held)).toHaveLength(1);
  });

  it('passes to another when its holder is not heard of, not before and not much later', async () => {
    const name = `lease-${(count += 1)}`;
    const one = contender(name, 'one');
    await untilHeld(one);
    const two = contender(name, 'two');
    await sleep(2 * RENEW_MS);
    expect(two.lease.held).toBe(false);
    one.api.call = () => Promise.reject(new Error('killed'));
    const tookMs = await untilHeld(two);
    // The last renewal may have been just before, or a renewal's time ago.
    expect(tookMs).toBeGreaterThan(DURATION_MS - 2 * RENEW_MS);
    expect(tookMs).toBeLessThan(DURATION_MS + 5 * RENEW_MS);
    expect((await lease(name))!.spec).toMatchObject({ holderIdentity: 'two', leaseTransitions: 2 });
  });

  it('is not held any more before another may take it, where the server is away', async () => {
    const name = `lease-${(count += 1)}`;
    const one = contender(name, 'one');
    await untilHeld(one);
    cluster.faults!.hang({ resource: 'leases' });
    expect(await untilHeld(one, false)).toBeLessThan(DURATION_MS - RENEW_MS);
    cluster.faults!.clear();
    await untilHeld(one);
  });

  it('is lost where somebody gives it to another', async () => {
    const name = `lease-${(count += 1)}`;
    const one = contender(name, 'one');
    await untilHeld(one);
    await cluster.patch({ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { namespace: 'default', name } }, { spec: { holderIdentity: 'two' } });
    expect(await untilHeld(one, false)).toBeLessThan(3 * RENEW_MS);
  });

  it('is taken again where somebody deletes it', async () => {
    const name = `lease-${(count += 1)}`;
    const one = contender(name, 'one');
    await untilHeld(one);
    await cluster.delete({ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { namespace: 'default', name } });
    await expect.poll(async () => (await lease(name))?.spec['holderIdentity']).toBe('one');
    expect(one.lease.held).toBe(true);
  });

  it('goes by what is seen, not by the times of a clock that is wrong', async () => {
    const name = `lease-${(count += 1)}`;
    const long = { holderIdentity: 'dead', leaseDurationSeconds: 3_600, renewTime: '2099-01-01T00:00:00.000000Z', acquireTime: '2099-01-01T00:00:00.000000Z', leaseTransitions: 4 };
    await cluster.apply({ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { namespace: 'default', name }, spec: long });
    const one = contender(name, 'one');
    expect(await untilHeld(one)).toBeGreaterThan(DURATION_MS);
    expect((await lease(name))!.spec).toMatchObject({ holderIdentity: 'one', leaseTransitions: 5 });
  });
});
