import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { ApiClient } from '../../src/kube/api-client.ts';
import type { NodePlan } from '../../src/kube/node-plan.ts';
import { NodeWatch } from '../../src/kube/node-watch.ts';
import type { Timing } from '../../src/kube/reflector.ts';
import type { Faults } from '../support/cluster/faults.ts';
import type { KubeObject } from '../support/cluster/objects.ts';
import type { ServedCluster } from '../support/cluster/served-cluster.ts';
import { startTestCluster } from '../support/cluster/start.ts';
import { QUICK } from './support/following.ts';
import { podObject, policyObject, serviceObject, sliceObject } from './support/objects.ts';
import { REFERENCE_GRANT_CRD } from './support/reference-grant-crd.ts';

let cluster: ServedCluster;
let faults: Faults;
let api: ApiClient;
let watch: NodeWatch;
let plans: NodePlan[];
/** What was told of types that cannot be followed: `resource`, or `resource again`. */
let troubles: string[];
let namespace: string;
let count = 0;

const WAIT = { interval: 5, timeout: 10_000 };
const USER = { user: 'system:serviceaccount:shadowtap:agent' };

beforeAll(async () => {
  cluster = await startTestCluster();
  if (cluster.faults === null) throw new Error('the test server has faults');
  faults = cluster.faults;
  await cluster.apply(parse(readFileSync('daemonset/base/crd.yaml', 'utf8')) as KubeObject, REFERENCE_GRANT_CRD);
  const apiGroups = ['', 'discovery.k8s.io', 'shadowtap.dev', 'gateway.networking.k8s.io'];
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'agent' };
  await cluster.apply(
    { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name: 'agent' }, rules: [{ apiGroups, resources: ['*'], verbs: ['list', 'watch'] }] },
    { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRoleBinding', metadata: { name: 'agent' }, roleRef, subjects: [{ kind: 'ServiceAccount', namespace: 'shadowtap', name: 'agent' }] },
  );
}, 60_000);

afterAll(() => cluster[Symbol.asyncDispose]());

beforeEach(async () => {
  namespace = `shop-${++count}`;
  await cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  await runPod('a', 'shop');
  await cluster.apply(serviceObject(`${namespace}/next`), sliceObject(`${namespace}/next-1`, 'next', ['10.0.1.1']));
  await cluster.apply(policyObject(`${namespace}/p`));
});

afterEach(async () => {
  await watch.stop();
  await api.close();
  faults.clear();
  await faults.available();
});

async function start(timing: Timing = {}): Promise<void> {
  await faults.available();
  const kubeconfig = await cluster.kubeconfigOf('shadowtap', 'agent');
  faults.forgetRequests();
  api = ApiClient.fromKubeconfig(kubeconfig);
  plans = [];
  troubles = [];
  watch = new NodeWatch(api, {
    nodeName: namespace,
    permissions: { externalTargets: false, nodeFiles: false },
    onPlan: (plan) => plans.push(plan),
    onTrouble: (resource, problem) => troubles.push(problem === '' ? `${resource} again` : resource),
    timing: { ...QUICK, ...timing },
  });
}

async function runPod(name: string, app: string): Promise<void> {
  const object = podObject(`${namespace}/${name}`, { app }, { spec: { nodeName: namespace }, ip: '10.0.0.1' });
  await cluster.apply(object);
  await cluster.applyStatus(object);
}

function tapped(): string[] {
  return (plans.at(-1)?.endpoints ?? []).map(({ pod }) => pod.name).sort();
}

function problems(): string[] {
  return watch.stats().watches.filter(({ state }) => state === 'failing').map(({ problem }) => problem);
}

describe('a node whose API server comes and goes', () => {
  it('has no plan before it has heard the cluster, and goes on with the last one while it hears nothing', async () => {
    await start();
    await faults.unavailable();
    watch.start();
    await expect.poll(() => problems().length, WAIT).toBeGreaterThan(2);
    expect(problems()[0]).toContain('does not answer');
    expect([watch.stats().synced, plans]).toEqual([false, []]);

    await faults.available();
    await expect.poll(() => tapped(), WAIT).toEqual(['a']);
    expect(watch.stats().synced).toBe(true);
    await expect.poll(() => faults.watches(USER).length, WAIT).toBe(5);
    const before = plans.length;

    await faults.unavailable();
    await expect.poll(() => problems().length, WAIT).toBe(5);
    await sleep(300);
    expect([plans.length, watch.stats().synced, watch.stats().policies.length]).toEqual([before, true, 1]);

    faults.forgetRequests();
    await faults.available();
    await runPod('b', 'shop');
    await expect.poll(() => tapped(), WAIT).toEqual(['a', 'b']);
    await expect.poll(() => problems(), WAIT).toEqual([]);
    expect(faults.requests({ ...USER, verb: 'list' })).toEqual([]);
  });

  it('tells once of each type that cannot be followed, and once when it can be again', async () => {
    await start();
    faults.answer({ ...USER, resource: 'services' }, { status: 403 });
    watch.start();
    await expect.poll(() => faults.requests({ ...USER, resource: 'services' }).length, WAIT).toBeGreaterThan(3);
    await expect.poll(() => troubles, WAIT).toEqual(['services']);
    faults.clear();
    await expect.poll(() => tapped(), WAIT).toEqual(['a']);
    await expect.poll(() => troubles, WAIT).toEqual(['services', 'services again']);
  });

  it('drops nothing while it lists again', async () => {
    await start();
    watch.start();
    await expect.poll(() => [faults.watches(USER).length, plans.length], WAIT).toEqual([5, 1]);
    faults.compact();
    expect(faults.expireWatches(USER)).toBe(5);
    await expect.poll(() => [faults.requests({ ...USER, verb: 'list' }).length, faults.watches(USER).length], WAIT).toEqual([10, 5]);
    await sleep(100);
    expect(plans.length).toBe(1);
  });

  it('does not wait for ever for endpoints that it may not see', async () => {
    await start();
    faults.answer({ ...USER, resource: 'endpointslices' }, { status: 403 });
    const begun = performance.now();
    watch.start();
    await expect.poll(() => tapped(), WAIT).toEqual(['a']);
    expect(performance.now() - begun).toBeGreaterThan(2_500);
    expect(plans.at(-1)?.policies[0]?.addresses).toEqual([[]]);
    // Once is enough.
    await runPod('b', 'shop');
    await expect.poll(() => tapped(), { ...WAIT, timeout: 1_000 }).toEqual(['a', 'b']);
    faults.clear();
    await expect.poll(() => plans.at(-1)?.policies[0]?.addresses, WAIT).toEqual([[{ host: '10.0.1.1', port: 8080 }]]);
  });
});

describe('the load on the API server', () => {
  it('is a list and a watch of each of five types, over one connection, and then a new watch now and then', async () => {
    await start({ watchSeconds: [1, 1] });
    watch.start();
    await expect.poll(() => [faults.watches(USER).length, plans.length], WAIT).toEqual([5, 1]);
    const begin = faults.requests(USER);
    const resources = ['endpointslices', 'mirrorpolicies', 'pods', 'referencegrants', 'services'];
    for (const verb of ['list', 'watch']) expect(begin.filter((one) => one.verb === verb).map(({ resource }) => resource).sort()).toEqual(resources);
    expect(new Set(begin.map(({ connection }) => connection)).size).toBe(1);
    expect(begin.find(({ resource }) => resource === 'pods')?.target).toContain(`fieldSelector=spec.nodeName%3D${namespace}`);

    // Watches end after a second here and after some seven minutes in a cluster: these are some 20 minutes of calm.
    faults.forgetRequests();
    await sleep(3_000);
    const calm = faults.requests(USER);
    expect(calm.filter(({ verb }) => verb !== 'watch')).toEqual([]);
    expect(calm.length).toBeGreaterThan(5);
    expect(calm.length).toBeLessThanOrEqual(5 * 3);
    expect(plans.length).toBe(1);
  });

  it('is a list of the pods of one namespace more where a policy asks for sources in its own, in pages', async () => {
    await start();
    watch.start();
    await expect.poll(() => faults.watches(USER).length, WAIT).toBe(5);
    faults.forgetRequests();
    await cluster.apply(policyObject(`${namespace}/q`, { from: [{ podSelector: {} }] }));
    await expect.poll(() => plans.at(-1)?.peers.length, WAIT).toBe(1);
    const targets = faults.requests(USER).map(({ target }) => target);
    expect(targets).toEqual([`/api/v1/namespaces/${namespace}/pods?limit=500`, expect.stringContaining(`/api/v1/namespaces/${namespace}/pods?watch=1`)]);
  });

  it('is a list of endpoints more where a policy names another Service, and none for a Service that is named already', async () => {
    await start();
    watch.start();
    await expect.poll(() => faults.watches(USER).length, WAIT).toBe(5);
    faults.forgetRequests();
    await cluster.apply(policyObject(`${namespace}/q`), policyObject(`${namespace}/r`));
    await expect.poll(() => plans.at(-1)?.policies.length, WAIT).toBe(3);
    expect(faults.requests(USER)).toEqual([]);
    await cluster.apply(serviceObject(`${namespace}/other`), policyObject(`${namespace}/s`, { targets: [{ backendRef: { name: 'other', port: 80 } }] }));
    await expect.poll(() => plans.at(-1)?.policies.length, WAIT).toBe(4);
    await expect.poll(() => faults.requests(USER).map(({ verb, resource }) => `${verb} ${resource}`), WAIT).toEqual(['list endpointslices', 'watch endpointslices']);
  });
});
