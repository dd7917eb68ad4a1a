import { API_VERSION, MIRROR_POLICY } from '../policy/schema.ts';
import { POLICY_STATUS } from './policy-status.ts';
import { structuralSchema, type StructuralSchema } from './structural-schema.ts';

const PLURAL = 'mirrorpolicies';
export const [GROUP, VERSION] = API_VERSION.split('/') as [string, string];

/** What `kubectl get mp` shows; those with priority 1 only with `-o wide`. */
const COLUMNS = [
  { name: 'Accepted', type: 'string', jsonPath: conditionStatus('Accepted'), description: 'Whether the policy is right.' },
  { name: 'Programmed', type: 'string', jsonPath: conditionStatus('Programmed'), description: 'Whether endpoints are tapped by it.' },
  { name: 'Endpoints', type: 'integer', jsonPath: '.status.endpoints', description: 'Endpoints that are tapped for it.' },
  { name: 'Mirrored', type: 'integer', jsonPath: '.status.counts.mirrored', description: 'Requests of which a copy was delivered.' },
  { name: 'Failed', type: 'integer', jsonPath: '.status.counts.failed', description: 'Copies that a target did not take.' },
  { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  { name: 'Nodes', type: 'integer', priority: 1, jsonPath: '.status.nodes', description: 'Nodes whose agent applies it.' },
  { name: 'Resolved', type: 'string', priority: 1, jsonPath: conditionStatus('ResolvedRefs'), description: 'Whether its targets exist and may be used.' },
  // A column shows the first of several results.
  { name: 'Target', type: 'string', priority: 1, jsonPath: '.status.targets[*].target', description: 'The first of its targets.' },
];

function conditionStatus(type: string): string {
  return `.status.conditions[?(@.type=="${type}")].status`;
}

/** The apiextensions.k8s.io/v1 CustomResourceDefinition of MirrorPolicy; daemonset/base/crd.yaml is made from it. */
export function mirrorPolicyCrd() {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${PLURAL}.${GROUP}` },
    spec: {
      group: GROUP,
      scope: 'Namespaced',
      names: {
        kind: 'MirrorPolicy',
        listKind: 'MirrorPolicyList',
        plural: PLURAL,
        singular: 'mirrorpolicy',
        shortNames: ['mp'],
        categories: ['shadowtap'],
      },
      versions: [
        {
          name: VERSION,
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: COLUMNS,
          schema: { openAPIV3Schema: rootSchema() },
        },
      ],
    },
  };
}

/** `metadata` is the API server's own: a schema may say no more of it than that it is an object. */
function rootSchema(): StructuralSchema {
  return {
    description: 'What to mirror, how much of it, and where to.',
    type: 'object',
    required: ['spec'],
    properties: {
      apiVersion: { description: `Version of the API: ${API_VERSION}.`, type: 'string' },
      kind: { description: 'MirrorPolicy.', type: 'string' },
      metadata: { type: 'object' },
      spec: structuralSchema(MIRROR_POLICY.properties.spec),
      status: structuralSchema(POLICY_STATUS),
    },
  };
}
