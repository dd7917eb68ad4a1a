import type { JsonObject, KubeObject } from './objects.ts';

/** Definitions of custom resources for the contract's tests. */

const SPEC: JsonObject = {
  type: 'object',
  required: ['size'],
  properties: {
    size: { type: 'integer', minimum: 1, maximum: 10 },
    color: { type: 'string', enum: ['red', 'blue'], default: 'red' },
    name: { type: 'string', pattern: '^[a-z]+$', maxLength: 5 },
    tags: { type: 'array', maxItems: 2, items: { type: 'string' }, 'x-kubernetes-list-type': 'set' },
    parts: {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['id'],
      items: {
        type: 'object',
        required: ['id'],
        properties: { id: { type: 'string' }, weight: { type: 'integer' }, note: { type: 'string', default: 'none' } },
      },
    },
    labels: { type: 'object', additionalProperties: { type: 'string' } },
    anything: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
  },
};

const STATUS: JsonObject = {
  type: 'object',
  properties: {
    conditions: {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['type'],
      items: { type: 'object', required: ['type', 'status'], properties: { type: { type: 'string' }, status: { type: 'string' } } },
    },
    nodes: { type: 'object', additionalProperties: { type: 'object', properties: { seen: { type: 'integer' } } } },
  },
};

const SCHEMA = { openAPIV3Schema: { type: 'object', properties: { spec: SPEC, status: STATUS } } };

/** Two versions with a status, and lists that merge. */
export const WIDGETS: KubeObject = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'widgets.test.shadowtap.dev' },
  spec: {
    group: 'test.shadowtap.dev',
    scope: 'Namespaced',
    names: { plural: 'widgets', kind: 'Widget', shortNames: ['wd'] },
    versions: [
      { name: 'v1', served: true, storage: true, schema: SCHEMA, subresources: { status: {} } },
      { name: 'v1beta1', served: true, storage: false, schema: SCHEMA, subresources: { status: {} } },
    ],
  },
};

/** Of its own: Kubernetes 1.20 merges no lists of a kind that has such a field. */
export const DIALS: KubeObject = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'dials.test.shadowtap.dev' },
  spec: {
    group: 'test.shadowtap.dev',
    scope: 'Cluster',
    names: { plural: 'dials', kind: 'Dial' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', properties: { port: { 'x-kubernetes-int-or-string': true } } } },
      },
    ],
  },
};

export function widget(namespace: string, spec: JsonObject, metadata: KubeObject['metadata'] = {}): KubeObject {
  return { apiVersion: 'test.shadowtap.dev/v1', kind: 'Widget', metadata: { name: 'a', namespace, ...metadata }, spec };
}
