import { readFileSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';
import type { KubeObject } from './cluster/objects.ts';

/** Where daemonset/ puts Shadowtap. */
export const AGENTS = 'shadowtap-system';

const CLUSTER_WIDE = ['Namespace', 'CustomResourceDefinition', 'ClusterRole', 'ClusterRoleBinding'];

/**
 * Objects of a file of daemonset/, in their namespace as kustomize would put them.
 * @param name such as `base/crd`
 */
export function manifests(name: string): KubeObject[] {
  const text = readFileSync(new URL(`../../daemonset/${name}.yaml`, import.meta.url), 'utf8');
  return parseAllDocuments(text).map((document) => {
    const object = document.toJS() as KubeObject;
    return CLUSTER_WIDE.includes(object.kind) ? object : { ...object, metadata: { ...object.metadata, namespace: AGENTS } };
  });
}

export function namespace(name: string, labels: Record<string, string> = {}): KubeObject {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } };
}
