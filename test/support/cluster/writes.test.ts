import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Cluster } from './cluster.ts';
import type { JsonObject, KubeObject, ManagedFieldsEntry } from './objects.ts';
import { type RawAnswer, RawClient } from './raw-client.ts';
import { startCluster } from './start.ts';
import { widget as widgetIn, WIDGETS } from './widgets.ts';

/** Patches and server-side apply, Events and Leases: as `cluster.test.ts`, it holds for any Kubernetes API. */
let cluster: Cluster;
let client: RawClient;
let namespace: string;
/** Of the Kubernetes version, 1.x: what came later is not asked of older ones. */
let minor: number;
let count = 0;

beforeAll(async () => {
  cluster = await startCluster();
  client = new RawClient(cluster.kubeconfig);
  await cluster.apply(WIDGETS);
  minor = parseInt(String((await client.get('/version')).json['minor']));
}, 120_000);

afterAll(async () => {
  await client[Symbol.asyncDispose]();
  await cluster[Symbol.asyncDispose]();
}, 60_000);

beforeEach(async () => {
  namespace = `writes-${++count}`;
  await cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
});

function widget(spec: JsonObject, metadata: KubeObject['metadata'] = {}): KubeObject {
  return widgetIn(namespace, spec, metadata);
}

function configMap(data: Record<string, string>): KubeObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace }, data };
}

function pathOf(object: KubeObject): string {
  return object.kind === 'Widget'
    ? `/apis/test.shadowtap.dev/v1/namespaces/${namespace}/widgets/a`
    : `/api/v1/namespaces/${namespace}/configmaps/a`;
}

function apply(object: KubeObject, manager: string, more = ''): Promise<RawAnswer> {
  return client.request('PATCH', `${pathOf(object)}?fieldManager=${manager}${more}`, {
    body: object,
    contentType: 'application/apply-patch+yaml',
  });
}

function post(object: KubeObject, query = ''): Promise<RawAnswer> {
  return client.request('POST', `${pathOf(object).replace(/\/a$/, '')}${query}`, { body: object });
}

function ownersIn({ json }: RawAnswer): ManagedFieldsEntry[] {
  return (json as unknown as KubeObject).metadata.managedFields ?? [];
}

describe('a patch', () => {
  it('merges (RFC 7396)', async () => {
    await cluster.apply(configMap({ x: '1', y: '2' }));
    expect((await cluster.patch(configMap({}), { data: { x: null, z: '3' } }))['data']).toEqual({ y: '2', z: '3' });
  });

  it('is a list of operations (RFC 6902)', async () => {
    await cluster.apply(configMap({ x: '1' }));
    const send = (body: JsonObject[]): Promise<RawAnswer> =>
      client.request('PATCH', pathOf(configMap({})), { body, contentType: 'application/json-patch+json' });
    const done = await send([
      { op: 'test', path: '/data/x', value: '1' },
      { op: 'add', path: '/data/y', value: '2' },
      { op: 'remove', path: '/data/x' },
    ]);
    expect(done).toMatchObject({ status: 200, json: { data: { y: '2' } } });
    expect((await send([{ op: 'test', path: '/data/y', value: '9' }])).status).toBe(422);
    expect((await send([{ op: 'remove', path: '/data/none' }])).status).toBe(422);
  });

  it('is strategic for built-in kinds: items of a list merge by their key', async () => {
    const service = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'a', namespace },
      spec: { ports: [{ name: 'web', port: 80, protocol: 'TCP' }] },
    };
    await cluster.apply(service);
    const path = `/api/v1/namespaces/${namespace}/services/a`;
    const contentType = 'application/strategic-merge-patch+json';
    const added = await client.request('PATCH', path, { contentType, body: { spec: { ports: [{ name: 'admin', port: 81 }] } } });
    expect((added.json['spec'] as { ports: { port: number }[] }).ports.map(({ port }) => port).sort()).toEqual([80, 81]);
    const deleted = await client.request('PATCH', path, { contentType, body: { spec: { ports: [{ port: 80, $patch: 'delete' }] } } });
    expect(deleted.json['spec']).toMatchObject({ ports: [{ name: 'admin', port: 81, protocol: 'TCP', targetPort: 81 }] });
  });

  it('is not strategic for custom resources', async () => {
    await cluster.apply(widget({ size: 1 }));
    const answer = await client.request('PATCH', pathOf(widget({})), { body: {}, contentType: 'application/strategic-merge-patch+json' });
    expect(answer).toMatchObject({ status: 415, json: { reason: 'UnsupportedMediaType' } });
  });

  it('of an old version is refused', async () => {
    const [old] = await cluster.apply(configMap({ x: '1' }));
    await cluster.patch(configMap({}), { data: { x: '2' } });
    const body = { metadata: { resourceVersion: old!.metadata.resourceVersion }, data: { x: '3' } };
    const answer = await client.request('PATCH', pathOf(configMap({})), { body, contentType: 'application/merge-patch+json' });
    expect(answer).toMatchObject({ status: 409, json: { reason: 'Conflict' } });
  });
});

describe('server-side apply', () => {
  it('creates, and then says who owns what', async () => {
    const made = await apply(configMap({ x: '1' }), 'alice');
    expect(made.status).toBe(201);
    expect(ownersIn(made)).toMatchObject([
      { manager: 'alice', operation: 'Apply', fieldsType: 'FieldsV1', fieldsV1: { 'f:data': { 'f:x': {} } } },
    ]);
    expect((await apply(configMap({ x: '1' }), 'alice')).status).toBe(200);
  });

  it('needs a manager', async () => {
    const answer = await client.request('PATCH', pathOf(configMap({})), {
      body: configMap({}),
      contentType: 'application/apply-patch+yaml',
    });
    expect(answer.status).toBe(422);
  });

  it('refuses to change what another manager owns, and names it', async () => {
    await apply(configMap({ x: '1', y: '1' }), 'alice');
    const refused = await apply(configMap({ x: '2' }), 'bob');
    expect(refused).toMatchObject({
      status: 409,
      json: { reason: 'Conflict', message: 'Apply failed with 1 conflict: conflict with "alice": .data.x' },
    });
    expect(refused.json['details']).toMatchObject({
      causes: [{ reason: 'FieldManagerConflict', message: 'conflict with "alice"', field: '.data.x' }],
    });
  });

  it('takes it over by force', async () => {
    await apply(configMap({ x: '1', y: '1' }), 'alice');
    const forced = await apply(configMap({ x: '2' }), 'bob', '&force=true');
    expect(forced.json['data']).toEqual({ x: '2', y: '1' });
    const owners = Object.fromEntries(ownersIn(forced).map(({ manager, fieldsV1 }) => [manager, fieldsV1['f:data']]));
    expect(owners).toEqual({ alice: { 'f:y': {} }, bob: { 'f:x': {} } });
  });

  it('removes what its manager owned alone and wants no more', async () => {
    await apply(configMap({ x: '1', y: '1' }), 'alice');
    await apply(configMap({ y: '1' }), 'bob');
    const less = await apply(configMap({}), 'alice');
    expect(less.json['data']).toEqual({ y: '1' });
  });

  it('conflicts with a manager that wrote without applying', async () => {
    await post(configMap({ x: '1' }), '?fieldManager=editor');
    const refused = await apply(configMap({ x: '2' }), 'alice');
    expect(refused.json['message']).toContain('conflict with "editor" using v1');
    expect((await apply(configMap({ x: '1', z: '1' }), 'alice')).status).toBe(200);
  });

  it('merges lists by their keys, and each manager keeps its items', async () => {
    await apply(widget({ size: 1, parts: [{ id: 'a', weight: 1 }], tags: ['x'] }), 'alice');
    const merged = await apply(widget({ size: 1, parts: [{ id: 'b', weight: 2 }], tags: ['y'] }), 'bob');
    expect(merged.status).toBe(200);
    const both = (await cluster.get(widget({})))?.['spec'];
    expect(both).toMatchObject({
      parts: [
        { id: 'a', weight: 1, note: 'none' },
        { id: 'b', weight: 2, note: 'none' },
      ],
      tags: ['x', 'y'],
    });
    const less = await apply(widget({ size: 1 }), 'alice');
    expect(less.json['spec']).toMatchObject({ parts: [{ id: 'b', weight: 2 }], tags: ['y'] });
  });

  it('merges the status from several managers, under the status subresource', async ({ skip }) => {
    await cluster.apply(widget({ size: 1 }));
    const report = (node: string, seen: number): Promise<RawAnswer> => {
      const body = {
        apiVersion: 'test.shadowtap.dev/v1',
        kind: 'Widget',
        metadata: { name: 'a' },
        status: { nodes: { [node]: { seen } } },
      };
      return client.request('PATCH', `${pathOf(widget({}))}/status?fieldManager=${node}`, {
        body,
        contentType: 'application/apply-patch+yaml',
      });
    };
    await report('node-1', 1);
    await report('node-2', 2);
    const last = await report('node-1', 3);
    expect(last.json['status']).toEqual({ nodes: { 'node-1': { seen: 3 }, 'node-2': { seen: 2 } } });
    skip(minor < 22, 'managedFields name the subresource since Kubernetes 1.22');
    expect(
      ownersIn(last)
        .filter(({ subresource }) => subresource === 'status')
        .map(({ manager }) => manager)
        .sort(),
    ).toEqual(['node-1', 'node-2']);
  });

  it('does not create by the status subresource', async () => {
    const body = { apiVersion: 'test.shadowtap.dev/v1', kind: 'Widget', metadata: { name: 'a' }, status: {} };
    const answer = await client.request('PATCH', `${pathOf(widget({}))}/status?fieldManager=x`, {
      body,
      contentType: 'application/apply-patch+yaml',
    });
    expect(answer.status).toBe(404);
  });
});

describe('events', () => {
  it('are written as events.k8s.io/v1 and read as v1', async () => {
    const event: KubeObject = {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { name: 'a', namespace },
      eventTime: '2026-01-01T00:00:00.000000Z',
      type: 'Normal',
      reason: 'Accepted',
      action: 'Accept',
      note: 'fine',
      reportingController: 'shadowtap.dev/agent',
      reportingInstance: 'agent-1',
      regarding: { apiVersion: 'v1', kind: 'Pod', namespace, name: 'p' },
    };
    const path = `/apis/events.k8s.io/v1/namespaces/${namespace}/events`;
    expect((await client.request('POST', path, { body: event })).status).toBe(201);
    const found = await cluster.list(
      { apiVersion: 'v1', kind: 'Event' },
      { namespace, fieldSelector: 'involvedObject.name=p,reason=Accepted' },
    );
    expect(found).toMatchObject([{ message: 'fine', involvedObject: { name: 'p' }, reportingComponent: 'shadowtap.dev/agent' }]);
    const nowhere = { ...event, metadata: { ...event.metadata, name: 'b' }, regarding: { kind: 'Node', name: 'p' } };
    expect((await client.request('POST', path, { body: nowhere })).status).toBe(422);
    const long = { ...event, metadata: { ...event.metadata, name: 'b' }, note: 'x'.repeat(1025) };
    expect((await client.request('POST', path, { body: long })).status).toBe(422);
    const noAction = { ...event, action: '', metadata: { ...event.metadata, name: 'c' } };
    expect((await client.request('POST', path, { body: noAction })).status).toBe(422);
  });
});

describe('leases', () => {
  it('are taken by one of two who saw the same version', async () => {
    const path = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/leader`;
    const lease = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: 'leader', namespace },
      spec: { holderIdentity: 'a', leaseDurationSeconds: 15 },
    };
    const [made] = await cluster.apply(lease);
    const take = (holderIdentity: string): Promise<RawAnswer> =>
      client.request('PUT', path, { body: { ...made, spec: { ...lease.spec, holderIdentity } } });
    const answers = await Promise.all([take('b'), take('c')]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
  });
});
