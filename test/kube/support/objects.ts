import { grantFacts, serviceFacts, sliceFacts } from '../../../src/kube/object-facts.ts';
import type { GrantFacts, PodFacts, ServiceFacts, SliceFacts } from '../../../src/kube/objects.ts';
import { podFacts } from '../../../src/kube/pod-facts.ts';
import { policyFacts, type PolicyFacts } from '../../../src/kube/policy-facts.ts';
import { serviceIndex } from '../../../src/kube/service-index.ts';
import type { ServiceLookup } from '../../../src/kube/backend.ts';
import type { Store } from '../../../src/kube/reflector.ts';
import type { KubeObject } from '../../support/cluster/objects.ts';

/** Objects as users write them, with little in them; `place` is `namespace/name`. */

type Fields = Readonly<Record<string, unknown>>;

function meta(place: string, more: Fields = {}): KubeObject['metadata'] {
  const [namespace = '', name = ''] = place.split('/');
  return { namespace, name, ...more };
}

/** As the API server gives it. */
export function served(object: KubeObject): KubeObject {
  const { namespace, name } = object.metadata;
  return { ...object, metadata: { uid: `uid-of-${namespace}/${name}`, generation: 1, ...object.metadata } };
}

export function podObject(place: string, labels: Record<string, string> = {}, parts: { annotations?: Record<string, string>; spec?: Fields; ip?: string } = {}): KubeObject {
  const { annotations = {}, spec = {}, ip } = parts;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: meta(place, { labels, annotations }),
    spec: { containers: [{ name: 'app', image: 'app', ports: [{ name: 'http', containerPort: 8080 }] }], ...spec },
    status: { phase: 'Running', ...(ip !== undefined && { podIP: ip, podIPs: [{ ip }] }) },
  };
}

export function serviceObject(place: string, spec: Fields = {}): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: meta(place),
    spec: { selector: { app: 'next' }, ports: [{ name: 'http', port: 80, targetPort: 8080, protocol: 'TCP' }], ...spec },
  };
}

/** @param addresses of ready endpoints */
export function sliceObject(place: string, service: string, addresses: readonly string[], more: Fields = {}): KubeObject {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: meta(place, { labels: { 'kubernetes.io/service-name': service } }),
    addressType: 'IPv4',
    endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    ...more,
  };
}

export function policyObject(place: string, spec: Fields = {}): KubeObject {
  return {
    apiVersion: 'shadowtap.dev/v1alpha1',
    kind: 'MirrorPolicy',
    metadata: meta(place),
    spec: { selector: { matchLabels: { app: 'shop' } }, targets: [{ backendRef: { name: 'next', port: 80 } }], ...spec },
  };
}

export function grantObject(place: string, from: readonly Fields[], to: readonly Fields[]): KubeObject {
  return { apiVersion: 'gateway.networking.k8s.io/v1beta1', kind: 'ReferenceGrant', metadata: meta(place), spec: { from, to } };
}

export const pod = (...of: Parameters<typeof podObject>): PodFacts => there(podFacts(served(podObject(...of))));
export const service = (...of: Parameters<typeof serviceObject>): ServiceFacts => there(serviceFacts(served(serviceObject(...of))));
export const slice = (...of: Parameters<typeof sliceObject>): SliceFacts => there(sliceFacts(served(sliceObject(...of))));
export const policy = (...of: Parameters<typeof policyObject>): PolicyFacts => there(policyFacts(served(policyObject(...of))));
export const grant = (...of: Parameters<typeof grantObject>): GrantFacts => there(grantFacts(served(grantObject(...of))));

export function lookup({ services = [], slices = [], grants = [] }: { services?: readonly ServiceFacts[]; slices?: readonly SliceFacts[]; grants?: readonly GrantFacts[] }): ServiceLookup {
  return serviceIndex(stored(services), stored(slices), stored(grants));
}

function stored<T extends { readonly namespace: string; readonly name: string }>(facts: readonly T[]): Store<T> {
  return new Map(facts.map((one) => [`${one.namespace}/${one.name}`, one]));
}

function there<T>(facts: T | null): T {
  if (facts === null) throw new Error('nothing is kept of this object');
  return facts;
}
