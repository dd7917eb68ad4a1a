import { CoreV1Api, KubeConfig, Watch } from '@kubernetes/client-node';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Cluster } from './cluster.ts';
import type { KubeObject } from './objects.ts';
import { RawClient } from './raw-client.ts';
import { startCluster } from './start.ts';

/** Holds for any Kubernetes API: run it with KUBEBUILDER_ASSETS set, and it shows that the test server keeps to the real one. */
let cluster: Cluster;
let client: RawClient;
/** A namespace for each test. */
let namespace: string;
let pods: string;
let count = 0;

beforeAll(async () => {
  cluster = await startCluster();
  client = new RawClient(cluster.kubeconfig);
}, 120_000);

afterAll(async () => {
  await client[Symbol.asyncDispose]();
  await cluster[Symbol.asyncDispose]();
}, 60_000);

beforeEach(async () => {
  namespace = `test-${++count}`;
  pods = `/api/v1/namespaces/${namespace}/pods`;
  await cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
});

function pod(name: string, labels: Record<string, string> = {}, nodeName?: string): KubeObject {
  const spec = { containers: [{ name: 'app', image: 'app', ports: [{ containerPort: 8080 }] }], ...(nodeName && { nodeName }) };
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace, labels }, spec };
}

function configMap(name: string, data: Record<string, string> = {}): KubeObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data };
}

function namesIn(list: { json: object }): string[] {
  return (list.json as { items: KubeObject[] }).items.map((item) => item.metadata.name ?? '');
}

/** The version of a list. */
async function versionOf(path: string): Promise<string> {
  const { metadata } = (await client.get(path)).json as { metadata: { resourceVersion: string } };
  return metadata.resourceVersion;
}

describe('objects', () => {
  it('get a uid, a version, a time and an owner of their fields when they are created', async () => {
    const [made] = await cluster.apply(pod('a'));
    expect(made?.metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
    expect(made?.metadata.creationTimestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    expect(Number(made?.metadata.resourceVersion)).toBeGreaterThan(0);
    expect(made?.metadata.managedFields).toMatchObject([{ manager: 'shadowtap-test', operation: 'Apply', apiVersion: 'v1' }]);
    expect(made?.['spec']).toMatchObject({
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: 30,
      containers: [{ ports: [{ protocol: 'TCP' }] }],
    });
  });

  it('are Pending until somebody writes their status', async () => {
    const [made] = await cluster.apply(pod('a'));
    expect(made?.['status']).toMatchObject({ phase: 'Pending' });
    await cluster.applyStatus({ ...pod('a'), status: { phase: 'Running', podIP: '10.1.0.1', podIPs: [{ ip: '10.1.0.1' }] } });
    expect((await cluster.get(pod('a')))?.['status']).toMatchObject({ phase: 'Running', podIPs: [{ ip: '10.1.0.1' }] });
  });

  it('keep their status when their spec is written, and their spec when their status is', async () => {
    await cluster.apply(pod('a'));
    await cluster.applyStatus({ ...pod('a'), status: { phase: 'Running' } });
    const changed = await cluster.patch(pod('a'), { metadata: { labels: { x: '1' } }, status: { phase: 'Failed' } });
    expect(changed['status']).toMatchObject({ phase: 'Running' });
    const status = await cluster.patch(
      pod('a'),
      { status: { phase: 'Succeeded' }, spec: { hostNetwork: true } },
      { subresource: 'status' },
    );
    expect(status['status']).toMatchObject({ phase: 'Succeeded' });
    expect(status['spec']).not.toHaveProperty('hostNetwork');
  });

  it('cannot be created twice', async () => {
    await cluster.apply(configMap('a'));
    const answer = await client.request('POST', `/api/v1/namespaces/${namespace}/configmaps`, { body: configMap('a') });
    expect(answer.status).toBe(409);
    expect(answer.json).toMatchObject({
      kind: 'Status',
      status: 'Failure',
      reason: 'AlreadyExists',
      message: 'configmaps "a" already exists',
      code: 409,
    });
  });

  it('cannot be created in a namespace that is not there', async () => {
    const answer = await client.request('POST', '/api/v1/namespaces/nowhere/configmaps', {
      body: { ...configMap('a'), metadata: { name: 'a' } },
    });
    expect(answer).toMatchObject({ status: 404, json: { reason: 'NotFound', message: 'namespaces "nowhere" not found' } });
  });

  it('get a name of their own by generateName', async () => {
    const body = { ...configMap(''), metadata: { generateName: 'a-' } };
    const answer = await client.request('POST', `/api/v1/namespaces/${namespace}/configmaps`, { body });
    expect(answer.status).toBe(201);
    expect(answer.json['metadata']).toMatchObject({ name: expect.stringMatching(/^a-[a-z0-9]{5}$/) as string });
  });

  it('refuse bad names and labels, naming the field', async () => {
    const answer = await client.request('POST', pods, { body: pod('Not_A_Name', { '-': 'x' }) });
    expect(answer.status).toBe(422);
    const { details } = answer.json as { details: { causes: { field: string }[] } };
    expect(details.causes.map(({ field }) => field)).toEqual(expect.arrayContaining(['metadata.name', 'metadata.labels']));
  });

  it('are replaced by PUT only if nobody has changed them meanwhile', async () => {
    const path = `/api/v1/namespaces/${namespace}/configmaps/a`;
    const [old] = await cluster.apply(configMap('a', { x: '1' }));
    await cluster.patch(configMap('a'), { data: { x: '2' } });
    const stale = await client.request('PUT', path, { body: { ...old, data: { x: '3' } } });
    expect(stale).toMatchObject({ status: 409, json: { reason: 'Conflict', details: { name: 'a', kind: 'configmaps' } } });
    expect(stale.json['message']).toBe(
      'Operation cannot be fulfilled on configmaps "a": the object has been modified; ' +
        'please apply your changes to the latest version and try again',
    );
    const fresh = await client.request('PUT', path, { body: { ...(await cluster.get(configMap('a'))), data: { y: '3' } } });
    expect(fresh).toMatchObject({ status: 200, json: { data: { y: '3' } } });
    expect(fresh.json['data']).not.toHaveProperty('x');
  });

  it('keep their version when a write changes nothing', async () => {
    const [made] = await cluster.apply(configMap('a', { x: '1' }));
    const [again] = await cluster.apply(configMap('a', { x: '1' }));
    const patched = await cluster.patch(configMap('a'), { data: { x: '1' } });
    expect(again?.metadata.resourceVersion).toBe(made?.metadata.resourceVersion);
    expect(patched.metadata.resourceVersion).toBe(made?.metadata.resourceVersion);
  });

  it('are not stored by a dry run', async () => {
    const answer = await client.request('POST', `/api/v1/namespaces/${namespace}/configmaps?dryRun=All`, { body: configMap('a') });
    expect(answer.status).toBe(201);
    expect(await cluster.get(configMap('a'))).toBeNull();
  });
});

describe('deletion', () => {
  it('removes at once what nothing holds, and answers with a Status', async () => {
    await cluster.apply(configMap('a'));
    const answer = await client.request('DELETE', `/api/v1/namespaces/${namespace}/configmaps/a`);
    expect(answer).toMatchObject({ status: 200, json: { kind: 'Status', status: 'Success', details: { name: 'a', kind: 'configmaps' } } });
    expect(await cluster.get(configMap('a'))).toBeNull();
    await cluster.delete(configMap('a'));
  });

  it('marks a pod that has a node, and leaves it to the kubelet', async () => {
    await cluster.apply(pod('a', {}, 'node-1'));
    await cluster.delete(pod('a'), { gracePeriod: 7 });
    const marked = await cluster.get(pod('a'));
    expect(marked?.metadata).toMatchObject({ deletionGracePeriodSeconds: 7, deletionTimestamp: expect.any(String) as string });
    await cluster.delete(pod('a'), { gracePeriod: 0 });
    expect(await cluster.get(pod('a'))).toBeNull();
  });

  it('waits for finalizers', async () => {
    await cluster.apply({ ...configMap('a'), metadata: { name: 'a', namespace, finalizers: ['shadowtap.dev/wait'] } });
    await cluster.delete(configMap('a'));
    expect((await cluster.get(configMap('a')))?.metadata.deletionTimestamp).toBeDefined();
    await cluster.patch(configMap('a'), { metadata: { finalizers: null } });
    expect(await cluster.get(configMap('a'))).toBeNull();
  });

  it('respects preconditions', async () => {
    await cluster.apply(configMap('a'));
    const body = { preconditions: { uid: '00000000-0000-0000-0000-000000000000' } };
    const answer = await client.request('DELETE', `/api/v1/namespaces/${namespace}/configmaps/a`, { body });
    expect(answer).toMatchObject({ status: 409, json: { reason: 'Conflict' } });
  });

  it('takes a collection by its selector', async () => {
    await cluster.apply(pod('a', { app: 'x' }), pod('b', { app: 'y' }), pod('c', { app: 'x' }));
    await client.request('DELETE', `${pods}?labelSelector=app%3Dx`);
    expect(namesIn(await client.get(pods))).toEqual(['b']);
  });
});

describe('lists', () => {
  it('have a version, and items that do not repeat their kind', async () => {
    await cluster.apply(pod('b'), pod('a'));
    const { json } = await client.get(pods);
    expect(json).toMatchObject({
      kind: 'PodList',
      apiVersion: 'v1',
      metadata: { resourceVersion: expect.stringMatching(/^\d+$/) as string },
    });
    const [first] = (json as unknown as { items: KubeObject[] }).items;
    expect(first?.metadata.name).toBe('a');
    expect(first).not.toHaveProperty('kind');
    expect(first).not.toHaveProperty('apiVersion');
  });

  it.each([
    ['app=x', ['a', 'b']],
    ['app==x,tier!=back', ['a']],
    ['app!=x', ['c', 'd']],
    ['app in (x,y)', ['a', 'b', 'c']],
    ['app notin (x)', ['c', 'd']],
    ['app', ['a', 'b', 'c']],
    ['!app', ['d']],
    ['tier,app in (x, y),app notin (y)', ['a', 'b']],
    ['n>1', ['b']],
    ['n<2', ['a']],
  ])('select by labels: %s', async (selector, expected) => {
    await cluster.apply(
      pod('a', { app: 'x', tier: 'front', n: '1' }),
      pod('b', { app: 'x', tier: 'back', n: '2' }),
      pod('c', { app: 'y' }),
      pod('d'),
    );
    const found = await cluster.list({ apiVersion: 'v1', kind: 'Pod' }, { namespace, labelSelector: selector });
    expect(found.map((item) => item.metadata.name)).toEqual(expected);
  });

  it.each([
    ['spec.nodeName=node-1', ['a']],
    ['spec.nodeName!=node-1', ['b', 'c']],
    ['spec.nodeName=', ['c']],
    ['metadata.name=b', ['b']],
    ['status.phase=Running', ['a']],
    ['status.phase!=Running,spec.nodeName=node-2', ['b']],
  ])('select by fields: %s', async (selector, expected) => {
    await cluster.apply(pod('a', {}, 'node-1'), pod('b', {}, 'node-2'), pod('c'));
    await cluster.applyStatus({ ...pod('a'), status: { phase: 'Running' } });
    const found = await cluster.list({ apiVersion: 'v1', kind: 'Pod' }, { namespace, fieldSelector: selector });
    expect(found.map((item) => item.metadata.name)).toEqual(expected);
  });

  it.each(['labelSelector=a%20b', 'fieldSelector=spec.none%3D1', 'limit=x', 'continue=x'])('refuse %s', async (query) => {
    expect((await client.get(`${pods}?${query}`)).status).toBe(400);
  });

  it('come page by page, as they were when the first was read', async () => {
    await cluster.apply(pod('a'), pod('b'), pod('c'));
    const first = await client.get(`${pods}?limit=2`);
    const { metadata } = first.json as { metadata: { continue: string; remainingItemCount: number; resourceVersion: string } };
    expect(namesIn(first)).toEqual(['a', 'b']);
    expect(metadata.remainingItemCount).toBe(1);
    await cluster.apply(pod('d'));
    const second = await client.get(`${pods}?limit=2&continue=${encodeURIComponent(metadata.continue)}`);
    expect(namesIn(second)).toEqual(['c']);
    expect(second.json['metadata']).toMatchObject({ resourceVersion: metadata.resourceVersion });
    expect(second.json['metadata']).not.toHaveProperty('continue');
  });

  it('of a version that is yet to come end in time', async () => {
    const answer = await client.get(`${pods}?resourceVersion=999999999`);
    expect(answer).toMatchObject({
      status: 504,
      json: { reason: 'Timeout', details: { causes: [{ reason: 'ResourceVersionTooLarge' }] } },
    });
  });
});

describe('watches', () => {
  it('go on where a list ended', async () => {
    await cluster.apply(pod('a'));
    await using watch = await client.watch(`${pods}?resourceVersion=${await versionOf(pods)}`);
    await cluster.apply(pod('b'));
    await cluster.patch(pod('a'), { metadata: { labels: { x: '1' } } });
    await cluster.delete(pod('b'));
    expect(await watch.take(4)).toEqual(['ADDED b', 'MODIFIED a', 'MODIFIED b', 'DELETED b']);
  });

  it('begin with what there is, if they name no version', async () => {
    await cluster.apply(pod('a'), pod('b'));
    await using watch = await client.watch(pods);
    expect((await watch.take(2)).sort()).toEqual(['ADDED a', 'ADDED b']);
  });

  it('tell what they missed', async () => {
    const from = await versionOf(pods);
    await cluster.apply(pod('a'));
    await cluster.delete(pod('a'));
    await using watch = await client.watch(`${pods}?resourceVersion=${from}`);
    expect(await watch.take(3)).toEqual(['ADDED a', 'MODIFIED a', 'DELETED a']);
  });

  it('tell of objects that begin and cease to match', async () => {
    await cluster.apply(pod('a'));
    await using watch = await client.watch(`${pods}?labelSelector=on%3Dyes&resourceVersion=${await versionOf(pods)}`);
    await cluster.patch(pod('a'), { metadata: { labels: { on: 'yes' } } });
    await cluster.patch(pod('a'), { metadata: { labels: { more: 'yes' } } });
    await cluster.patch(pod('a'), { metadata: { labels: { on: 'no' } } });
    const [added, modified, deleted] = [await watch.next(), await watch.next(), await watch.next()];
    expect([added?.type, modified?.type, deleted?.type]).toEqual(['ADDED', 'MODIFIED', 'DELETED']);
    expect(deleted?.object.metadata.labels).toEqual({ on: 'yes', more: 'yes' });
    const now = await cluster.get(pod('a'));
    expect(deleted?.object.metadata.resourceVersion).toBe(now?.metadata.resourceVersion);
  });

  it('see the pods of one node alone', async () => {
    const all = `/api/v1/pods?fieldSelector=spec.nodeName%3D${namespace}&resourceVersion=${await versionOf(pods)}`;
    await using watch = await client.watch(all);
    await cluster.apply(pod('a', {}, 'other'), pod('b', {}, namespace), pod('c', {}, namespace));
    expect(await watch.take(2)).toEqual(['ADDED b', 'ADDED c']);
  });

  it('show the last state of what was deleted, with a new version', async () => {
    const [made] = await cluster.apply(pod('a', { x: '1' }));
    await using watch = await client.watch(`${pods}?resourceVersion=${made?.metadata.resourceVersion}`);
    await cluster.delete(pod('a'), { gracePeriod: 0 });
    expect(await watch.next()).toMatchObject({ type: 'MODIFIED', object: { metadata: { deletionGracePeriodSeconds: 0 } } });
    const event = await watch.next();
    expect(event).toMatchObject({
      type: 'DELETED',
      object: { kind: 'Pod', apiVersion: 'v1', metadata: { name: 'a', labels: { x: '1' } } },
    });
    expect(Number(event?.object.metadata.resourceVersion)).toBeGreaterThan(Number(made?.metadata.resourceVersion));
  });

  it('end after timeoutSeconds', async () => {
    await using watch = await client.watch(`${pods}?timeoutSeconds=1&resourceVersion=${await versionOf(pods)}`);
    expect(await watch.next()).toBeNull();
  });

  it('refuse what is no version, as lists do', async () => {
    for (const query of ['', '&watch=true']) {
      const { status, json } = await client.get(`${pods}?resourceVersion=x${query}`);
      expect(status).toBeGreaterThanOrEqual(400);
      expect(status).not.toBe(410);
      expect(json).toMatchObject({ kind: 'Status', status: 'Failure' });
    }
  });

  it('feed the official client', async () => {
    const config = new KubeConfig();
    config.loadFromFile(cluster.kubeconfig);
    const { items, metadata } = await config.makeApiClient(CoreV1Api).listNamespacedPod({ namespace });
    expect(items).toEqual([]);
    const seen: string[] = [];
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    const { promise: allSeen, resolve: sawAll } = Promise.withResolvers<void>();
    const onEvent = (type: string, object: KubeObject): void => {
      if (seen.push(`${type} ${object.metadata.name}`) === 3) sawAll();
    };
    const controller = await new Watch(config).watch(pods, { resourceVersion: metadata?.resourceVersion }, onEvent, () => end());
    await cluster.apply(pod('a'));
    await cluster.delete(pod('a'));
    await allSeen;
    controller.abort();
    await ended;
    expect(seen).toEqual(['ADDED a', 'MODIFIED a', 'DELETED a']);
  });
});

describe('paths', () => {
  it('of unknown resources are not found', async () => {
    expect(await client.get('/api/v1/nothings')).toMatchObject({
      status: 404,
      json: { message: 'the server could not find the requested resource' },
    });
    expect((await client.get('/apis/nothing.example/v1/things')).status).toBe(404);
    expect(await client.get(`${pods}/none`)).toMatchObject({
      status: 404,
      json: { message: 'pods "none" not found', details: { name: 'none', kind: 'pods' } },
    });
  });

  it.each(['/healthz', '/livez', '/readyz'])('%s says ok', async (path) => {
    expect(await client.get(path)).toMatchObject({ status: 200, text: 'ok' });
  });

  it('tell versions, groups and resources', async () => {
    expect((await client.get('/version')).json).toMatchObject({ major: '1', gitVersion: expect.stringMatching(/^v1\.\d+/) as string });
    expect((await client.get('/apis')).json).toMatchObject({
      kind: 'APIGroupList',
      groups: expect.arrayContaining([expect.objectContaining({ name: 'discovery.k8s.io' })]) as object,
    });
    const { resources } = (await client.get('/api/v1')).json as unknown as {
      resources: { name: string; kind: string; namespaced: boolean }[];
    };
    expect(resources).toEqual(
      expect.arrayContaining([expect.objectContaining({ name: 'pods', kind: 'Pod', namespaced: true, shortNames: ['po'] })]),
    );
  });

  it('answer in JSON to those who take it, and carry a date', async () => {
    const both = await client.request('GET', pods, { headers: { accept: 'application/vnd.kubernetes.protobuf;q=0.1, application/json' } });
    expect(both.headers).toMatchObject({ 'content-type': 'application/json', date: expect.stringMatching(/GMT$/) as string });
    expect((await client.request('GET', pods, { headers: { accept: 'text/html' } })).status).toBe(406);
  });
});
