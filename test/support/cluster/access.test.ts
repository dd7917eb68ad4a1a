import { readFile } from 'node:fs/promises';
import { CoreV1Api, KubeConfig } from '@kubernetes/client-node';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Cluster } from './cluster.ts';
import type { JsonObject, KubeObject } from './objects.ts';
import { type RawAnswer, RawClient } from './raw-client.ts';
import { startCluster } from './start.ts';

/** Who may do what: as `cluster.test.ts`, it holds for any Kubernetes API. */
let cluster: Cluster;
let agent: RawClient;
let kubeconfig: string;

const USER = 'system:serviceaccount:access:agent';
const SUBJECTS = [{ kind: 'ServiceAccount', namespace: 'access', name: 'agent' }];
const API_GROUP = 'rbac.authorization.k8s.io';
const RULES: JsonObject[] = [
  { apiGroups: [''], resources: ['pods'], verbs: ['list', 'watch'] },
  { apiGroups: [''], resources: ['nodes'], resourceNames: ['mine'], verbs: ['get', 'patch'] },
  { apiGroups: [''], resources: ['nodes/status'], verbs: ['patch'] },
  { nonResourceURLs: ['/metrics', '/debug/*'], verbs: ['get'] },
];

beforeAll(async () => {
  cluster = await startCluster();
  kubeconfig = await cluster.kubeconfigOf('access', 'agent');
  agent = new RawClient(kubeconfig);
  await cluster.apply(
    { apiVersion: `${API_GROUP}/v1`, kind: 'ClusterRole', metadata: { name: 'agent' }, rules: RULES },
    binding('ClusterRoleBinding', 'ClusterRole', {}),
    {
      apiVersion: `${API_GROUP}/v1`,
      kind: 'Role',
      metadata: { name: 'agent', namespace: 'access' },
      rules: [{ apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['*'] }],
    },
    binding('RoleBinding', 'Role', { namespace: 'access' }),
    { apiVersion: 'v1', kind: 'Node', metadata: { name: 'mine' } },
    { apiVersion: 'v1', kind: 'Node', metadata: { name: 'other' } },
  );
  // A real API server learns of new roles a moment later.
  await vi.waitUntil(async () => (await agent.get('/apis/coordination.k8s.io/v1/namespaces/access/leases')).status === 200, {
    timeout: 10_000,
  });
}, 120_000);

afterAll(async () => {
  await agent[Symbol.asyncDispose]();
  await cluster[Symbol.asyncDispose]();
}, 60_000);

function binding(kind: string, roleKind: string, metadata: KubeObject['metadata']): KubeObject {
  return {
    apiVersion: `${API_GROUP}/v1`,
    kind,
    metadata: { name: 'agent', ...metadata },
    roleRef: { apiGroup: API_GROUP, kind: roleKind, name: 'agent' },
    subjects: SUBJECTS,
  };
}

function forbidden(message: string): object {
  return { status: 403, json: { kind: 'Status', status: 'Failure', reason: 'Forbidden', code: 403, message } };
}

function patch(path: string): Promise<RawAnswer> {
  return agent.request('PATCH', path, { body: { metadata: { labels: { x: '1' } } }, contentType: 'application/merge-patch+json' });
}

describe('a service account', () => {
  it('may do what its roles allow, and nothing else', async () => {
    expect((await agent.get('/api/v1/namespaces/default/pods')).status).toBe(200);
    expect(await agent.get('/api/v1/namespaces/default/pods/a')).toMatchObject(
      forbidden(`pods "a" is forbidden: User "${USER}" cannot get resource "pods" in API group "" in the namespace "default"`),
    );
    expect(await agent.get('/api/v1/services')).toMatchObject(
      forbidden(`services is forbidden: User "${USER}" cannot list resource "services" in API group "" at the cluster scope`),
    );
    expect(await agent.get('/apis/apps/v1/deployments?watch=true')).toMatchObject(
      forbidden(
        `deployments.apps is forbidden: User "${USER}" cannot watch resource "deployments" in API group "apps" at the cluster scope`,
      ),
    );
  });

  it('is held to the names that a rule gives', async () => {
    expect((await patch('/api/v1/nodes/mine')).status).toBe(200);
    expect((await patch('/api/v1/nodes/other')).status).toBe(403);
    expect((await agent.get('/api/v1/nodes')).status).toBe(403);
  });

  it('needs leave for each subresource', async () => {
    expect((await patch('/api/v1/nodes/other/status')).status).toBe(200);
    expect(await agent.get('/api/v1/nodes/mine/status')).toMatchObject(
      forbidden(`nodes "mine" is forbidden: User "${USER}" cannot get resource "nodes/status" in API group "" at the cluster scope`),
    );
  });

  it('has its roles in their namespaces alone', async () => {
    expect((await agent.get('/apis/coordination.k8s.io/v1/namespaces/access/leases')).status).toBe(200);
    expect((await agent.get('/apis/coordination.k8s.io/v1/namespaces/default/leases')).status).toBe(403);
  });

  it('needs leave to create by server-side apply, besides that to patch', async () => {
    const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'mine' } };
    const apply = (): Promise<RawAnswer> =>
      agent.request('PATCH', '/api/v1/nodes/mine?fieldManager=agent', { body: node, contentType: 'application/apply-patch+yaml' });
    expect((await apply()).status).toBe(200);
    await cluster.delete(node);
    expect((await apply()).status).toBe(403);
    await cluster.apply(node);
  });

  it('reaches other paths by their rules, and finds its way around without any', async () => {
    expect((await agent.get('/debug/x')).status).not.toBe(403);
    expect(await agent.get('/logs')).toMatchObject(forbidden(`forbidden: User "${USER}" cannot get path "/logs"`));
    for (const path of ['/api', '/apis', '/api/v1', '/version', '/healthz']) expect((await agent.get(path)).status).toBe(200);
  });

  it('can ask what it may do', async () => {
    const may = async (resourceAttributes: JsonObject): Promise<unknown> => {
      const body = { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview', spec: { resourceAttributes } };
      return (await agent.request('POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', { body })).json['status'];
    };
    expect(await may({ verb: 'watch', resource: 'pods' })).toMatchObject({ allowed: true });
    expect(await may({ verb: 'delete', resource: 'pods' })).toMatchObject({ allowed: false });
  });

  it('loses what is taken from its role', async () => {
    await cluster.apply({ apiVersion: `${API_GROUP}/v1`, kind: 'Role', metadata: { name: 'agent', namespace: 'access' }, rules: [] });
    await expect
      .poll(async () => (await agent.get('/apis/coordination.k8s.io/v1/namespaces/access/leases')).status, { timeout: 10_000 })
      .toBe(403);
  });

  it('is known to the official client, by its kubeconfig', async () => {
    const config = new KubeConfig();
    config.loadFromFile(kubeconfig);
    const api = config.makeApiClient(CoreV1Api);
    expect((await api.listPodForAllNamespaces()).items).toEqual([]);
    await expect(api.listServiceForAllNamespaces()).rejects.toThrow('403');
  });
});

describe('whoever', () => {
  it('has an unknown token is not let in', async () => {
    for (const token of ['nonsense', 'a.b.c']) {
      await using client = new RawClient(kubeconfig, token);
      expect(await client.get('/api/v1/pods')).toMatchObject({
        status: 401,
        json: { kind: 'Status', reason: 'Unauthorized', message: 'Unauthorized', code: 401 },
      });
    }
  });

  it('has no token is anonymous', async () => {
    await using client = new RawClient(kubeconfig, '');
    const answer = await client.request('GET', '/api/v1/pods', { headers: { authorization: '' } });
    expect(answer).toMatchObject(
      forbidden('pods is forbidden: User "system:anonymous" cannot list resource "pods" in API group "" at the cluster scope'),
    );
    expect((await client.request('GET', '/healthz', { headers: { authorization: '' } })).status).toBe(200);
  });

  it('holds the token of an account that is gone is not let in', async () => {
    const gone = await cluster.kubeconfigOf('access', 'gone');
    const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'gone', namespace: 'access' } };
    await using client = new RawClient(gone);
    expect((await client.get('/api')).status).toBe(200);
    await cluster.delete(account);
    await cluster.apply(account);
    await expect.poll(async () => (await client.get('/api')).status, { timeout: 20_000, interval: 500 }).toBe(401);
  }, 30_000);
});

describe('the files of a service account', () => {
  it('lie as in a pod, below the folder of its kubeconfig', async () => {
    const mount = kubeconfig.replace(/kubeconfig$/, 'var/run/secrets/kubernetes.io/serviceaccount');
    expect(await readFile(`${mount}/namespace`, 'utf8')).toBe('access');
    expect(await readFile(`${mount}/ca.crt`, 'utf8')).toContain('BEGIN CERTIFICATE');
    await using client = new RawClient(kubeconfig, await readFile(`${mount}/token`, 'utf8'));
    expect((await client.get('/api/v1/pods')).status).toBe(200);
  });
});
