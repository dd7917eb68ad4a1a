import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Cluster } from './cluster.ts';
import type { JsonObject, KubeObject } from './objects.ts';
import { type RawAnswer, RawClient } from './raw-client.ts';
import { startCluster } from './start.ts';
import { DIALS, widget as widgetIn, WIDGETS } from './widgets.ts';

/** What a CustomResourceDefinition makes of its objects: as `cluster.test.ts`, it holds for any Kubernetes API. */
let cluster: Cluster;
let client: RawClient;
let namespace: string;
/** Of the Kubernetes version, 1.x: what came later is not asked of older ones. */
let minor: number;
let count = 0;

beforeAll(async () => {
  cluster = await startCluster();
  client = new RawClient(cluster.kubeconfig);
  await cluster.apply(WIDGETS, DIALS);
  minor = parseInt(String((await client.get('/version')).json['minor']));
}, 120_000);

afterAll(async () => {
  await client[Symbol.asyncDispose]();
  await cluster[Symbol.asyncDispose]();
}, 60_000);

beforeEach(async () => {
  namespace = `custom-${++count}`;
  await cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
});

function widget(spec: JsonObject, metadata: KubeObject['metadata'] = {}): KubeObject {
  return widgetIn(namespace, spec, metadata);
}

function pathOf(object: KubeObject): string {
  return `${collectionPath()}/${object.metadata.name}`;
}

function collectionPath(): string {
  return `/apis/test.shadowtap.dev/v1/namespaces/${namespace}/widgets`;
}

function post(object: KubeObject, query = ''): Promise<RawAnswer> {
  return client.request('POST', `${collectionPath()}${query}`, { body: object });
}

describe('custom resources', () => {
  it('get the defaults of their schema, and lose fields that it does not know', async () => {
    const made = await post(widget({ size: 1, unknown: 1, anything: { goes: true }, labels: { a: 'b' } }));
    expect(made.status).toBe(201);
    expect(made.json['spec']).toEqual({ size: 1, color: 'red', anything: { goes: true }, labels: { a: 'b' } });
  });

  it('take integers and texts where their schema says so', async () => {
    const dial = { apiVersion: 'test.shadowtap.dev/v1', kind: 'Dial', metadata: { generateName: 'd-' } };
    const send = async (port: unknown): Promise<number> =>
      (await client.request('POST', '/apis/test.shadowtap.dev/v1/dials', { body: { ...dial, port } })).status;
    expect([await send(80), await send('http'), await send(true), await send(1.5)]).toEqual([201, 201, 422, 422]);
  });

  it('are refused for unknown fields, if the client is strict', async ({ skip }) => {
    skip(minor < 25, 'fieldValidation came with Kubernetes 1.25');
    const answer = await post(widget({ size: 1, unknown: 1 }), '?fieldValidation=Strict');
    expect(answer.status).toBe(400);
    expect(answer.json['message']).toContain('unknown field "spec.unknown"');
  });

  it.each<[string, JsonObject, string]>([
    ['a missing field', {}, 'spec.size'],
    ['a number too large', { size: 11 }, 'spec.size'],
    ['a wrong type', { size: 'x' }, 'spec.size'],
    ['a value that is not listed', { size: 1, color: 'green' }, 'spec.color'],
    ['a text that does not match', { size: 1, name: 'A' }, 'spec.name'],
    ['a text too long', { size: 1, name: 'abcdef' }, 'spec.name'],
    ['too many items', { size: 1, tags: ['a', 'b', 'c'] }, 'spec.tags'],
    ['an item twice', { size: 1, tags: ['a', 'a'] }, 'spec.tags[1]'],
    ['a key twice', { size: 1, parts: [{ id: 'a' }, { id: 'a' }] }, 'spec.parts[1]'],
  ])('are refused for %s', async (_what, spec, field) => {
    const answer = await post(widget(spec));
    expect(answer).toMatchObject({ status: 422, json: { reason: 'Invalid', details: { kind: 'Widget', group: 'test.shadowtap.dev' } } });
    const { causes } = answer.json['details'] as { causes: { field: string }[] };
    expect(causes.map((cause) => cause.field)).toContain(field);
    expect(answer.json['message']).toContain('Widget.test.shadowtap.dev "a" is invalid');
  });

  it('count the changes of their spec, and not those of status and labels', async () => {
    const [made] = await cluster.apply(widget({ size: 1 }));
    expect(made?.metadata.generation).toBe(1);
    await cluster.patch(widget({}), { metadata: { labels: { x: '1' } } });
    await cluster.applyStatus({ ...widget({}), status: { conditions: [{ type: 'Accepted', status: 'True' }] } });
    expect((await cluster.get(widget({})))?.metadata.generation).toBe(1);
    expect((await cluster.patch(widget({}), { spec: { size: 2 } })).metadata.generation).toBe(2);
  });

  it('take a status from the status subresource alone', async () => {
    const made = await post({ ...widget({ size: 1 }), status: { conditions: [] } });
    expect(made.json).not.toHaveProperty('status');
    const ignored = await cluster.patch(widget({}), { status: { nodes: { a: { seen: 1 } } } });
    expect(ignored).not.toHaveProperty('status');
    const written = await cluster.patch(
      widget({}),
      { status: { nodes: { a: { seen: 1 } } }, spec: { size: 9 } },
      { subresource: 'status' },
    );
    expect(written).toMatchObject({ status: { nodes: { a: { seen: 1 } } }, spec: { size: 1 } });
  });

  it('must be replaced with their version', async () => {
    await cluster.apply(widget({ size: 1 }));
    const answer = await client.request('PUT', pathOf(widget({})), { body: widget({ size: 2 }) });
    expect(answer.status).toBe(422);
    expect(answer.json['message']).toContain('metadata.resourceVersion: Invalid value: 0');
  });

  it('are the same objects in each version', async () => {
    await cluster.apply(widget({ size: 3 }));
    const other = await client.get(pathOf(widget({})).replace('/v1/', '/v1beta1/'));
    expect(other.json).toMatchObject({ apiVersion: 'test.shadowtap.dev/v1beta1', spec: { size: 3 } });
  });

  it('are watched and selected as built-in ones', async () => {
    await cluster.apply(widget({ size: 1 }));
    await using watch = await client.watch(`${collectionPath()}?labelSelector=x`);
    await cluster.apply(widget({ size: 1 }, { labels: { x: '1' } }));
    expect(await watch.next()).toMatchObject({
      type: 'ADDED',
      object: { apiVersion: 'test.shadowtap.dev/v1', kind: 'Widget', metadata: { name: 'a' } },
    });
  });

  it('go with their definition, which can come back', async () => {
    const gadgets: KubeObject = {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'gadgets.gone.shadowtap.dev' },
      spec: {
        group: 'gone.shadowtap.dev',
        scope: 'Cluster',
        names: { plural: 'gadgets', kind: 'Gadget' },
        versions: [
          {
            name: 'v1',
            served: true,
            storage: true,
            schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
          },
        ],
      },
    };
    const gadget = { apiVersion: 'gone.shadowtap.dev/v1', kind: 'Gadget', metadata: { name: 'g' } };
    await cluster.apply(gadgets, gadget);
    await cluster.delete(gadgets);
    await expect.poll(async () => (await client.get('/apis/gone.shadowtap.dev/v1/gadgets')).status, { timeout: 15_000 }).toBe(404);
    await cluster.apply(gadgets);
    expect(await cluster.get(gadget)).toBeNull();
  });
});
