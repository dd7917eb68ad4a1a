import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { ApiClient } from '../../src/kube/api-client.ts';
import type { NodePlan } from '../../src/kube/node-plan.ts';
import { NodeWatch } from '../../src/kube/node-watch.ts';
import type { Timing } from '../../src/kube/reflector.ts';
import type { Cluster } from '../support/cluster/cluster.ts';
import type { KubeObject } from '../support/cluster/objects.ts';
import { startCluster } from '../support/cluster/start.ts';
import { QUICK } from './support/following.ts';
import { grantObject, podObject, policyObject, serviceObject, sliceObject } from './support/objects.ts';
import { REFERENCE_GRANT_CRD } from './support/reference-grant-crd.ts';

/** Holds for any Kubernetes API; what can only be provoked is in node-watch-faults.test.ts. */
let cluster: Cluster;
let api: ApiClient;
let watch: NodeWatch;
let plans: NodePlan[];
/** Each test has two namespaces and a node of its own. */
let shop: string;
let stock: string;
let node: string;
let count = 0;

const WAIT = { interval: 5, timeout: 10_000 };
/** What users are promised is two seconds, for all of the way from the label to the copy. */
const SOON = { interval: 5, timeout: 1_000 };
const SHOP = { app: 'shop' };

beforeAll(async () => {
  cluster = await startCluster();
  await cluster.apply(parse(readFileSync('daemonset/base/crd.yaml', 'utf8')) as KubeObject, REFERENCE_GRANT_CRD);
}, 120_000);

afterAll(() => cluster[Symbol.asyncDispose](), 60_000);

beforeEach(async () => {
  count += 1;
  [shop, stock, node] = [`shop-${count}`, `stock-${count}`, `node-${count}`];
  for (const name of [shop, stock]) await cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: { team: name } } });
});

afterEach(async () => {
  await watch.stop();
  await api.close();
});

function start(timing: Timing = {}): void {
  api = ApiClient.fromKubeconfig(cluster.kubeconfig);
  plans = [];
  watch = new NodeWatch(api, {
    nodeName: node,
    permissions: { externalTargets: false, nodeFiles: false },
    onPlan: (plan) => plans.push(plan),
    onTrouble: () => {},
    timing: { ...QUICK, ...timing },
  });
  watch.start();
}

async function runPod(place: string, labels: Record<string, string> = {}, on = node, ip = '10.0.0.1'): Promise<void> {
  const object = podObject(place, labels, { spec: { nodeName: on }, ip });
  await cluster.apply(object);
  await cluster.applyStatus(object);
}

/** Names of the pods in the latest plan. */
function tapped(): string[] {
  return (plans.at(-1)?.endpoints ?? []).map(({ pod }) => pod.name).sort();
}

/** By name, the addresses of each policy's first target in a plan. */
function addressesIn(plan: NodePlan | undefined): Record<string, string[]> {
  return Object.fromEntries((plan?.policies ?? []).map(({ policy, addresses }) => [policy.metadata.name, (addresses[0] ?? []).map(({ host }) => host)]));
}

function states(): string[] {
  return watch.stats().watches.filter(({ state }) => state !== 'idle').map(({ resource }) => resource);
}

describe('what a node is to do', () => {
  it('is known when all that it needs is, and then follows the cluster', async () => {
    await runPod(`${shop}/a`, SHOP);
    await runPod(`${shop}/elsewhere`, SHOP, 'another-node');
    await cluster.apply(serviceObject(`${shop}/next`), sliceObject(`${shop}/next-1`, 'next', ['10.0.1.1']), policyObject(`${shop}/p`));
    start();
    expect(watch.stats()).toMatchObject({ node, synced: false, policies: [] });
    await expect.poll(() => plans.length, WAIT).toBe(1);
    expect(tapped()).toEqual(['a']);
    expect(addressesIn(plans[0])).toEqual({ p: ['10.0.1.1'] });
    expect(watch.stats()).toMatchObject({ synced: true, policies: [{ policy: `${shop}/p`, endpoints: [`${shop}/a`] }] });

    await cluster.apply(sliceObject(`${shop}/next-1`, 'next', ['10.0.1.1', '10.0.1.2']));
    await expect.poll(() => addressesIn(plans.at(-1)), SOON).toEqual({ p: ['10.0.1.1', '10.0.1.2'] });
    await cluster.delete(podObject(`${shop}/a`), { gracePeriod: 0 });
    await expect.poll(() => tapped(), SOON).toEqual([]);
  });

  it('changes within a second when a pod is labelled, or its label is taken away', async () => {
    await runPod(`${shop}/a`);
    await cluster.apply(serviceObject(`${shop}/next`), policyObject(`${shop}/p`));
    start();
    await expect.poll(() => plans.length, WAIT).toBe(1);
    await cluster.patch(podObject(`${shop}/a`), { metadata: { labels: SHOP } });
    await expect.poll(() => tapped(), SOON).toEqual(['a']);
    await cluster.patch(podObject(`${shop}/a`), { metadata: { labels: { app: null } } });
    await expect.poll(() => tapped(), SOON).toEqual([]);
    await cluster.patch(podObject(`${shop}/a`), { metadata: { labels: { 'shadowtap.dev/mirror-to': 'next' } } });
    await expect.poll(() => tapped(), SOON).toEqual(['a']);
    expect(watch.stats().policies).toMatchObject([{ policy: `${shop}/label:next`, endpoints: [`${shop}/a`] }]);
  });

  it('has nothing of policies of other namespaces', async () => {
    await runPod(`${shop}/a`, SHOP);
    start();
    await expect.poll(() => plans.length, WAIT).toBe(1);
    await cluster.apply(policyObject(`${stock}/p`, { selector: {} }), policyObject(`${shop}/q`));
    await expect.poll(() => tapped(), SOON).toEqual(['a']);
    expect(watch.stats().policies.map(({ policy }) => policy)).toEqual([`${shop}/q`]);
  });

  it('waits for the endpoints of a Service that a new policy names: no plan has the policy without them', async () => {
    await runPod(`${shop}/a`, SHOP);
    await cluster.apply(serviceObject(`${shop}/one`), sliceObject(`${shop}/one-1`, 'one', ['10.0.1.1']));
    await cluster.apply(serviceObject(`${shop}/two`), sliceObject(`${shop}/two-1`, 'two', ['10.0.1.2']));
    start();
    await expect.poll(() => plans.length, WAIT).toBe(1);
    for (const name of ['one', 'two']) {
      await cluster.apply(policyObject(`${shop}/${name}`, { targets: [{ backendRef: { name, port: 80 } }] }));
      await expect.poll(() => addressesIn(plans.at(-1)), SOON).toHaveProperty(name);
    }
    expect(addressesIn(plans.at(-1))).toEqual({ one: ['10.0.1.1'], two: ['10.0.1.2'] });
    expect(plans.flatMap((plan) => Object.values(addressesIn(plan))).filter((addresses) => addresses.length === 0)).toEqual([]);
  });

  it('does not change because a status is written, or what is nobody’s concern', async () => {
    await runPod(`${shop}/a`, SHOP);
    await cluster.apply(serviceObject(`${shop}/next`), policyObject(`${shop}/p`));
    start();
    await expect.poll(() => addressesIn(plans.at(-1)), WAIT).toEqual({ p: [] });
    const before = plans.length;
    await cluster.patch(policyObject(`${shop}/p`), { status: { endpoints: 7 } }, { subresource: 'status' });
    await cluster.patch(policyObject(`${shop}/p`), { metadata: { labels: { seen: 'yes' } } });
    await cluster.apply(serviceObject(`${stock}/unrelated`));
    await cluster.patch(podObject(`${shop}/a`), { status: { reason: 'Because' } }, { subresource: 'status' });
    await sleep(300);
    expect(plans.length).toBe(before);
  });

  it('goes to another namespace’s Service as long as there is a grant', async () => {
    await runPod(`${shop}/a`, SHOP);
    await cluster.apply(serviceObject(`${stock}/next`), sliceObject(`${stock}/next-1`, 'next', ['10.0.2.1']));
    await cluster.apply(policyObject(`${shop}/p`, { targets: [{ backendRef: { name: 'next', namespace: stock, port: 80 } }] }));
    start();
    await expect.poll(() => addressesIn(plans.at(-1)), WAIT).toEqual({ p: [] });
    expect(watch.stats().policies[0]?.conditions).toMatchObject([{ type: 'Accepted', status: 'True' }, { type: 'ResolvedRefs', reason: 'RefNotPermitted' }]);
    const grant = grantObject(`${stock}/g`, [{ group: 'shadowtap.dev', kind: 'MirrorPolicy', namespace: shop }], [{ group: '', kind: 'Service' }]);
    await cluster.apply(grant);
    await expect.poll(() => addressesIn(plans.at(-1)), SOON).toEqual({ p: ['10.0.2.1'] });
    await cluster.delete(grant);
    await expect.poll(() => addressesIn(plans.at(-1)), SOON).toEqual({ p: [] });
  });
});

describe('what is followed', () => {
  const ALWAYS = ['pods', 'mirrorpolicies', 'services', 'referencegrants'];

  it('is endpoints only for policies that name a Service, and sources only for those with `from`', async () => {
    await runPod(`${shop}/a`, SHOP);
    await runPod(`${stock}/client`, { app: 'web' }, 'another-node', '10.0.3.1');
    await cluster.apply(serviceObject(`${shop}/next`));
    start();
    await expect.poll(() => plans.length, WAIT).toBe(1);
    expect(states()).toEqual(ALWAYS);
    await cluster.apply(policyObject(`${shop}/p`));
    await expect.poll(() => states(), SOON).toEqual([...ALWAYS, 'endpointslices']);
    const from = [{ podSelector: { matchLabels: { app: 'web' } }, namespaceSelector: { matchLabels: { team: stock } } }];
    await cluster.apply(policyObject(`${shop}/p`, { from }));
    await expect.poll(() => plans.at(-1)?.peers.flatMap(({ addresses }) => addresses), SOON).toEqual(['10.0.3.1']);
    expect(states()).toEqual([...ALWAYS, 'endpointslices', 'pods (sources)', 'namespaces']);
    await cluster.delete(policyObject(`${shop}/p`));
    await expect.poll(() => states(), SOON).toEqual(ALWAYS);
    expect(plans.at(-1)).toMatchObject({ endpoints: [], peers: [] });
  });
});
