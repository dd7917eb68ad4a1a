import type { KubeObject } from '../../support/cluster/objects.ts';

/** As much of the Gateway API as is read here: its ReferenceGrants, without their schema. */
export const REFERENCE_GRANT_CRD: KubeObject = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: {
    name: 'referencegrants.gateway.networking.k8s.io',
    // API servers ask for it in groups of Kubernetes.
    annotations: { 'api-approved.kubernetes.io': 'unapproved, for tests' },
  },
  spec: {
    group: 'gateway.networking.k8s.io',
    scope: 'Namespaced',
    names: { kind: 'ReferenceGrant', listKind: 'ReferenceGrantList', plural: 'referencegrants', singular: 'referencegrant' },
    versions: [
      {
        name: 'v1beta1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } } } },
      },
    ],
  },
};
