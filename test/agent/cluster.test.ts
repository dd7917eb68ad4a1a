import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtempDisposable } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import type { Assignment } from '../../src/agent.ts';
import { Cluster } from '../../src/agent/cluster.ts';
import { createLogger } from '../../src/log.ts';
import type { Cluster as Kubernetes } from '../support/cluster/cluster.ts';
import type { KubeObject } from '../support/cluster/objects.ts';
import { startCluster } from '../support/cluster/start.ts';
import { podObject, policyObject, serviceObject, sliceObject } from '../kube/support/objects.ts';

let kubernetes: Kubernetes;

const WAIT = { interval: 10, timeout: 10_000 };

beforeAll(async () => {
  kubernetes = await startCluster();
  await kubernetes.apply(parse(readFileSync('daemonset/base/crd.yaml', 'utf8')) as KubeObject);
  for (const name of ['shop', 'files']) await kubernetes.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
}, 120_000);

afterAll(() => kubernetes[Symbol.asyncDispose](), 60_000);

/** Takes down what an agent is told to do. */
function follower(): { readonly told: Assignment[]; readonly log: ReturnType<typeof createLogger>; follow(assignment: Assignment): Promise<void> } {
  const told: Assignment[] = [];
  return { told, log: createLogger('silent'), follow: async (assignment) => void told.push(assignment) };
}

function clusterOf(nodeName: string): Cluster {
  return new Cluster({ nodeName, kubeconfig: kubernetes.kubeconfig, allowExternalTargets: false, allowNodeFiles: true, proc: '/proc', import: [] });
}

async function runPod(place: string, nodeName: string, spec: object = {}): Promise<void> {
  const object = podObject(place, { app: 'shop' }, { spec: { nodeName, ...spec }, ip: '10.0.0.1' });
  await kubernetes.apply(object);
  await kubernetes.applyStatus(object);
}

describe('the cluster of an agent', () => {
  it('tells it which pods to tap where, by which policies, and where the copies go', async () => {
    const ports = [{ name: 'http', containerPort: 8080 }, { containerPort: 9090 }];
    await runPod('shop/a', 'node-1', { containers: [{ name: 'app', image: 'app', ports }] });
    await kubernetes.apply(serviceObject('shop/next'), sliceObject('shop/next-1', 'next', ['10.0.1.1']), policyObject('shop/p'));
    const agent = follower();
    const cluster = clusterOf('node-1');
    cluster.start(agent);
    await expect.poll(() => agent.told.at(-1)?.policies.length, WAIT).toBe(1);
    await cluster.stop();
    const { endpoints, policies, addressesOf } = agent.told.at(-1) as Assignment;
    const { uid } = (await kubernetes.get(podObject('shop/a')))?.metadata ?? {};
    expect(endpoints).toEqual([
      {
        name: 'shop/a',
        uid,
        namespace: 'shop',
        labels: { app: 'shop' },
        addresses: ['10.0.0.1'],
        ports: [8080, 9090],
        portNames: { http: 8080 },
        where: { pod: { cgroupUid: uid } },
      },
    ]);
    const [policy] = policies;
    if (policy === undefined) throw new Error('no policy');
    expect(addressesOf?.(policy, 0)).toEqual([{ host: '10.0.1.1', port: 8080 }]);
    expect(addressesOf?.(policy, 1)).toEqual([]);
  });

  it('tells it to tap no pod that pretends to be a static pod', async () => {
    const hash = '0123456789abcdef0123456789abcdef';
    const annotations = { 'kubernetes.io/config.hash': hash, 'kubernetes.io/config.mirror': hash };
    const [real, pretender] = ['files/real', 'shop/pretender'].map((place) => podObject(place, { app: 'shop' }, { annotations, spec: { nodeName: 'node-3' }, ip: '10.0.0.3' }));
    await kubernetes.apply(serviceObject('shop/next'), policyObject('shop/p'), pretender!);
    await kubernetes.applyStatus(pretender!);
    const agent = follower();
    const cluster = clusterOf('node-3');
    cluster.start(agent);
    const where = (): unknown => agent.told.at(-1)?.endpoints.map((endpoint) => endpoint.where);
    await expect.poll(where, WAIT).toEqual([{ pod: { cgroupUid: hash } }]);
    await kubernetes.apply(real!);
    await kubernetes.applyStatus(real!);
    await expect.poll(where, WAIT).toEqual([{ pod: { cgroupUid: hash, isContested: true } }]);
    await cluster.stop();
  });

  it('leaves out a policy whose PEM files cannot be read, tells why, and goes on with the others', async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'shadowtap-'));
    const caFile = join(folder.path, 'ca.pem');
    writeFileSync(caFile, 'no certificate');
    await runPod('files/a', 'node-2');
    await kubernetes.apply(serviceObject('files/next'), policyObject('files/good'));
    await kubernetes.apply(policyObject('files/bad', { targets: [{ backendRef: { name: 'next', port: 80 }, tls: { caFile } }] }));
    const agent = follower();
    const cluster = clusterOf('node-2');
    cluster.start(agent);
    await expect.poll(() => cluster.stats().policies.length, WAIT).toBe(2);
    expect(agent.told.at(-1)?.policies.map(({ metadata }) => metadata.name)).toEqual(['good']);
    const conditions = cluster.stats().policies.find(({ policy }) => policy === 'files/bad')?.conditions;
    expect(conditions).toMatchObject([{ type: 'Accepted', status: 'True' }, { type: 'ResolvedRefs', status: 'False', reason: 'FileUnreadable' }]);
    expect(conditions?.[1]?.message).toContain(caFile);
    await cluster.stop();
  });

  it('is that of the node that NODE_NAME names, where the file names none, and needs one of them', async () => {
    const settings = { kubeconfig: kubernetes.kubeconfig, allowExternalTargets: false, allowNodeFiles: false, proc: '/proc', import: [] };
    vi.stubEnv('NODE_NAME', undefined);
    expect(() => new Cluster(settings)).toThrow(/NODE_NAME/);
    vi.stubEnv('NODE_NAME', 'node-of-the-pod');
    const [ofThePod, ofTheFile] = [new Cluster(settings), new Cluster({ ...settings, nodeName: 'node-of-the-file' })];
    vi.unstubAllEnvs();
    expect([ofThePod, ofTheFile].map((cluster) => cluster.stats().node)).toEqual(['node-of-the-pod', 'node-of-the-file']);
    await Promise.all([ofThePod.stop(), ofTheFile.stop()]);
  });
});
