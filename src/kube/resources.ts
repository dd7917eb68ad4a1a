import { isDeepStrictEqual } from 'node:util';
import type { GrantFacts, NamespaceFacts, PeerFacts, PodFacts, ServiceFacts, SliceFacts } from './objects.ts';
import { grantFacts, namespaceFacts, serviceFacts, sliceFacts } from './object-facts.ts';
import { peerFacts, podFacts } from './pod-facts.ts';
import { policyFacts, type PolicyFacts } from './policy-facts.ts';
import type { Resource } from './reflector.ts';

/** The types that are followed. RBAC in daemonset/ names the same. */

export const PODS: Resource<PodFacts> = { name: 'pods', path: '/api/v1/pods', pick: steady(podFacts) };
/**
 * Pods of other nodes. There may be as many as the cluster has, and all of them at once, as JSON, would take more memory than
 * the agent has: they are listed in pages, and past a bound not at all.
 */
export const PEERS: Resource<PeerFacts> = { name: 'pods (sources)', path: '/api/v1/pods', pick: steady(peerFacts), most: 20_000 };
export const NAMESPACES: Resource<NamespaceFacts> = { name: 'namespaces', path: '/api/v1/namespaces', pick: steady(namespaceFacts) };
export const SERVICES: Resource<ServiceFacts> = { name: 'services', path: '/api/v1/services', pick: steady(serviceFacts) };
export const ENDPOINT_SLICES: Resource<SliceFacts> = {
  name: 'endpointslices',
  path: '/apis/discovery.k8s.io/v1/endpointslices',
  pick: steady(sliceFacts),
};
export const MIRROR_POLICIES: Resource<PolicyFacts> = {
  name: 'mirrorpolicies',
  path: '/apis/shadowtap.dev/v1alpha1/mirrorpolicies',
  pick: policyFacts,
};
/** Only where the Gateway API is installed. */
export const REFERENCE_GRANTS: Resource<GrantFacts> = {
  name: 'referencegrants',
  path: '/apis/gateway.networking.k8s.io/v1beta1/referencegrants',
  pick: steady(grantFacts),
  optional: true,
};

/** Most updates of an object change nothing that is kept of it: a pod's conditions, a lease of an endpoint. */
export function steady<T>(pick: (object: unknown) => T | null): Resource<T>['pick'] {
  return (object, previous) => {
    const kept = pick(object);
    return previous !== undefined && isDeepStrictEqual(kept, previous) ? previous : kept;
  };
}
