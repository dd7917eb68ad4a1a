import type { JsonObject, KubeObject } from '../objects.ts';

const RBAC = 'rbac.authorization.k8s.io';
const HEALTH = ['/healthz', '/livez', '/readyz', '/version', '/version/'];
const DISCOVERY = ['/api', '/api/*', '/apis', '/apis/*', '/openapi', '/openapi/*'];

/** What is in every new cluster, as far as it matters: namespaces, and the roles that every user has. */
export function bootstrapObjects(): KubeObject[] {
  const namespaces = ['default', 'kube-node-lease', 'kube-public', 'kube-system'];
  return [
    ...namespaces.map((name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })),
    ...clusterRole(
      'cluster-admin',
      ['system:masters'],
      [
        { apiGroups: ['*'], resources: ['*'], verbs: ['*'] },
        { nonResourceURLs: ['*'], verbs: ['*'] },
      ],
    ),
    ...clusterRole('system:discovery', ['system:authenticated'], [{ nonResourceURLs: [...DISCOVERY, ...HEALTH], verbs: ['get'] }]),
    ...clusterRole(
      'system:public-info-viewer',
      ['system:authenticated', 'system:unauthenticated'],
      [{ nonResourceURLs: HEALTH, verbs: ['get'] }],
    ),
    ...clusterRole(
      'system:basic-user',
      ['system:authenticated'],
      [{ apiGroups: ['authorization.k8s.io'], resources: ['selfsubjectaccessreviews', 'selfsubjectrulesreviews'], verbs: ['create'] }],
    ),
  ];
}

function clusterRole(name: string, groups: readonly string[], rules: JsonObject[]): KubeObject[] {
  const apiVersion = `${RBAC}/v1`;
  const subjects = groups.map((group) => ({ kind: 'Group', name: group, apiGroup: RBAC }));
  const labels = { 'kubernetes.io/bootstrapping': 'rbac-defaults' };
  return [
    { apiVersion, kind: 'ClusterRole', metadata: { name, labels }, rules },
    {
      apiVersion,
      kind: 'ClusterRoleBinding',
      metadata: { name, labels },
      roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name },
      subjects,
    },
  ];
}
