import type { KubeObject } from './cluster/objects.ts';

/** Definitions of other projects' types, which take any object: their own have schemas besides. */
function definition(group: string, version: string, kind: string, plural: string): KubeObject {
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    // Groups under k8s.io have to name their approval.
    metadata: { name: `${plural}.${group}`, annotations: { 'api-approved.kubernetes.io': 'https://github.com/kubernetes-sigs/gateway-api/pull/2997' } },
    spec: { group, scope: 'Namespaced', names: { kind, plural }, versions: [{ name: version, served: true, storage: true, schema }] },
  };
}

export const REFERENCE_GRANT_CRD = definition('gateway.networking.k8s.io', 'v1beta1', 'ReferenceGrant', 'referencegrants');
export const HTTP_ROUTE_CRD = definition('gateway.networking.k8s.io', 'v1', 'HTTPRoute', 'httproutes');
export const GRPC_ROUTE_CRD = definition('gateway.networking.k8s.io', 'v1', 'GRPCRoute', 'grpcroutes');
export const VIRTUAL_SERVICE_CRD = definition('networking.istio.io', 'v1beta1', 'VirtualService', 'virtualservices');
