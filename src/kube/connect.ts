import type { KubernetesSettings } from '../config/agent-schema.ts';
import { ApiClient } from './api-client.ts';
import type { Permissions } from './permissions.ts';

/** The cluster that an agent's file means. @throws ShadowtapError KUBE_CONFIG */
export function apiClient({ kubeconfig }: KubernetesSettings): ApiClient {
  return kubeconfig === undefined ? ApiClient.inCluster() : ApiClient.fromKubeconfig(kubeconfig);
}

export function permissionsOf({ allowExternalTargets, allowNodeFiles }: KubernetesSettings): Permissions {
  return { externalTargets: allowExternalTargets, nodeFiles: allowNodeFiles };
}
