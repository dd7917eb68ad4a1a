import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtempDisposable } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { MIRROR_POLICIES } from '../../src/kube/resources.ts';
import type { Selection, Timing } from '../../src/kube/reflector.ts';
import type { Cluster } from '../support/cluster/cluster.ts';
import type { KubeObject } from '../support/cluster/objects.ts';
import { startCluster } from '../support/cluster/start.ts';
import { Following, setting, SETTINGS } from './support/following.ts';

/** Holds for any Kubernetes API; what can only be provoked is in reflector-faults.test.ts. */
let cluster: Cluster;
let namespace: string;
let count = 0;

beforeAll(async () => {
  cluster = await startCluster();
}, 120_000);

afterAll(() => cluster[Symbol.asyncDispose](), 60_000);

beforeEach(async () => {
  namespace = `follow-${++count}`;
  await cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
});

const run = promisify(execFile);
const PROGRAM = fileURLToPath(new URL('support/start-and-stop.ts', import.meta.url));
const WAIT = { interval: 10, timeout: 10_000 };

function here(): Selection {
  return { fieldSelector: `metadata.namespace=${namespace}` };
}

function follow(selection: Selection | null = here(), timing: Timing = {}): Following<string> {
  return new Following({ kubeconfig: cluster.kubeconfig, resource: SETTINGS, selection, timing });
}

describe('a reflector', () => {
  it('knows what was there, and then what comes, changes and goes', async () => {
    await cluster.apply(setting(namespace, 'a', '1'), setting(namespace, 'b', '2'));
    await using following = follow();
    await expect.poll(() => following.known, WAIT).toEqual(Object.fromEntries([...defaults(following), ['a', '1'], ['b', '2']]));
    expect(following.reflector.synced && following.reflector.settled).toBe(true);
    await cluster.apply(setting(namespace, 'c', '3'), setting(namespace, 'a', '1.1'));
    await cluster.delete(setting(namespace, 'b', ''));
    await expect.poll(() => following.known, WAIT).not.toHaveProperty('b');
    expect(following.known).toMatchObject({ a: '1.1', c: '3' });
    expect(following.reflector.status()).toMatchObject({ state: 'following', lists: 1, watches: 1, problem: '' });
  });

  it('says nothing of a change that changes nothing of what is kept', async () => {
    await cluster.apply(setting(namespace, 'a', '1'));
    await using following = follow();
    await expect.poll(() => following.reflector.status().watches, WAIT).toBe(1);
    const { changes } = following;
    await cluster.apply(setting(namespace, 'a', '1', { seen: 'yes' }));
    await cluster.apply(setting(namespace, 'b', '2'));
    await expect.poll(() => following.known, WAIT).toMatchObject({ b: '2' });
    expect(following.changes).toBe(changes + 1);
  });

  it('drops an object that no longer fits the selection', async () => {
    await cluster.apply(setting(namespace, 'a', '1', { tier: 'x' }));
    await using following = follow({ ...here(), labelSelector: 'tier=x' });
    await expect.poll(() => following.known, WAIT).toEqual({ a: '1' });
    await cluster.apply(setting(namespace, 'a', '1', { tier: 'y' }));
    await expect.poll(() => following.known, WAIT).toEqual({});
  });

  it('begins another watch where one ends as asked, without a list', async () => {
    await using following = follow(here(), { watchSeconds: [1, 1] });
    await expect.poll(() => following.reflector.status().watches, WAIT).toBeGreaterThan(2);
    await cluster.apply(setting(namespace, 'a', '1'));
    await expect.poll(() => following.known, WAIT).toMatchObject({ a: '1' });
    expect(following.reflector.status().lists).toBe(1);
  });

  it('keeps the old objects of another selection until the new ones are there', async () => {
    await cluster.apply(setting(namespace, 'a', '1', { tier: 'x' }), setting(namespace, 'b', '2', { tier: 'y' }));
    const seen: string[] = [];
    await using following: Following<string> = new Following({
      kubeconfig: cluster.kubeconfig,
      resource: SETTINGS,
      selection: { ...here(), labelSelector: 'tier=x' },
      onChange: () => seen.push(Object.keys(following.known).join()),
    });
    await expect.poll(() => following.reflector.settled, WAIT).toBe(true);
    following.reflector.select({ ...here(), labelSelector: 'tier=y' });
    expect(following.known).toEqual({ a: '1' });
    expect(following.reflector.settled).toBe(false);
    expect(following.reflector.status().state).toBe('waiting');
    await expect.poll(() => following.reflector.settled, WAIT).toBe(true);
    expect(following.known).toEqual({ b: '2' });
    expect(seen).not.toContain('');
  });

  it('knows nothing and asks for nothing while nobody needs it', async () => {
    await cluster.apply(setting(namespace, 'a', '1'));
    await using following = follow(null);
    expect(following.reflector.status()).toMatchObject({ state: 'idle', objects: 0 });
    expect(following.reflector.settled).toBe(true);
    following.reflector.select(here());
    await expect.poll(() => following.known, WAIT).toMatchObject({ a: '1' });
    following.reflector.select(null);
    expect(following.reflector.status()).toMatchObject({ state: 'idle', objects: 0 });
    following.reflector.select(here());
    await expect.poll(() => following.known, WAIT).toMatchObject({ a: '1' });
    expect(following.reflector.status().lists).toBe(2);
  });

  it('says which right is missing, and goes on when it is granted', async () => {
    const kubeconfig = await cluster.kubeconfigOf(namespace, 'agent');
    await cluster.apply(setting(namespace, 'a', '1'));
    await using following = new Following({ kubeconfig, resource: SETTINGS, selection: here() });
    await expect.poll(() => following.reflector.status().state, WAIT).toBe('failing');
    expect(following.reflector.status().problem).toContain(`"system:serviceaccount:${namespace}:agent" cannot list resource "configmaps"`);
    expect(following.reflector.status().problem).toContain('the role lacks this verb');
    await cluster.apply(...grant('list'));
    // To list is not to watch.
    await expect.poll(() => following.reflector.status().problem, WAIT).toContain('cannot watch resource "configmaps"');
    expect(following.known).toMatchObject({ a: '1' });
    await cluster.apply(...grant('list', 'watch'));
    await expect.poll(() => following.reflector.status(), WAIT).toMatchObject({ state: 'following', problem: '', lists: 1 });
  });

  it('follows a type that is missing at first, from when it appears until it goes', async () => {
    const definition = parse(readFileSync('daemonset/base/crd.yaml', 'utf8')) as KubeObject;
    await using following = new Following({ kubeconfig: cluster.kubeconfig, resource: MIRROR_POLICIES, selection: {} });
    await expect.poll(() => following.reflector.status().state, WAIT).toBe('missing');
    expect(following.reflector.synced && following.reflector.settled).toBe(true);
    await cluster.apply(definition, policy('first'));
    await expect.poll(() => Object.keys(following.known), WAIT).toEqual(['first']);
    expect(following.reflector.status()).toMatchObject({ state: 'following', problem: '' });
    await cluster.delete(definition);
    await expect.poll(() => following.reflector.status(), WAIT).toMatchObject({ state: 'missing', objects: 0 });
    await cluster.apply(definition, policy('second'));
    await expect.poll(() => Object.keys(following.known), WAIT).toEqual(['second']);
  });

  it('leaves no timer, connection or handle when it stops, whatever it was doing', async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'shadowtap-'));
    const unreachable = join(folder.path, 'kubeconfig');
    writeFileSync(unreachable, readFileSync(cluster.kubeconfig, 'utf8').replaceAll(cluster.url, 'https://127.0.0.1:1'));
    const { stdout } = await run(process.execPath, [PROGRAM, cluster.kubeconfig, unreachable], { timeout: 15_000 });
    expect(JSON.parse(stdout)).toEqual({ states: ['following', 'missing', 'idle', 'failing'], left: [] });
  });

  function policy(name: string): KubeObject {
    const spec = { selector: {}, targets: [{ backendRef: { name: 'next', port: 80 } }] };
    return { apiVersion: 'shadowtap.dev/v1alpha1', kind: 'MirrorPolicy', metadata: { namespace, name }, spec };
  }

  function grant(...verbs: string[]): KubeObject[] {
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: namespace };
    return [
      { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name: namespace }, rules: [{ apiGroups: [''], resources: ['configmaps'], verbs }] },
      { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRoleBinding', metadata: { name: namespace }, roleRef, subjects: [{ kind: 'ServiceAccount', namespace, name: 'agent' }] },
    ];
  }

  /** What a cluster puts into each namespace by itself. */
  function defaults(following: Following<string>): [string, string][] {
    return Object.entries(following.known).filter(([name]) => name === 'kube-root-ca.crt');
  }
});
