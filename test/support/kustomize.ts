import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import { run } from './netns.ts';

/** The manifests of daemonset/, as `kubectl apply -k` would send them. */

export const DAEMONSET = fileURLToPath(new URL('../../daemonset', import.meta.url));
const KUBECTL = fileURLToPath(new URL('../../.tools/kubectl', import.meta.url));

export interface Metadata {
  readonly name: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Metadata;
  readonly [field: string]: unknown;
}

export interface SecurityContext {
  readonly privileged?: boolean;
  readonly allowPrivilegeEscalation?: boolean;
  readonly readOnlyRootFilesystem?: boolean;
  readonly runAsNonRoot?: boolean;
  readonly runAsUser?: number;
  readonly runAsGroup?: number;
  readonly capabilities?: { readonly add?: readonly string[]; readonly drop?: readonly string[] };
  readonly seccompProfile?: { readonly type: string };
}

export interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: readonly { readonly name: string }[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly resources: Readonly<Record<'requests' | 'limits', Readonly<Record<'cpu' | 'memory', string>>>>;
  readonly securityContext: SecurityContext;
  readonly startupProbe?: Probe;
  readonly livenessProbe: Probe;
  readonly readinessProbe: Probe;
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string; readonly readOnly?: boolean }[];
}

export interface Volume {
  readonly name: string;
  readonly hostPath?: { readonly path: string; readonly type?: string };
  readonly configMap?: { readonly name: string };
  readonly emptyDir?: object;
}

export interface PodSpec {
  readonly serviceAccountName: string;
  readonly priorityClassName?: string;
  readonly hostPID?: boolean;
  readonly hostNetwork?: boolean;
  readonly hostIPC?: boolean;
  readonly securityContext: SecurityContext;
  readonly containers: readonly Container[];
  readonly volumes: readonly Volume[];
  readonly tolerations?: readonly object[];
  readonly terminationGracePeriodSeconds: number;
}

/** A DaemonSet or a Deployment. */
export interface Workload extends KubeObject {
  readonly spec: {
    readonly selector: { readonly matchLabels: Readonly<Record<string, string>> };
    readonly template: { readonly metadata: { readonly labels: Readonly<Record<string, string>> }; readonly spec: PodSpec };
    readonly updateStrategy?: { readonly rollingUpdate?: Readonly<Record<string, unknown>> };
  };
}

/** @param folder that has a kustomization.yaml @throws with kubectl's complaint */
export function build(folder: string): KubeObject[] {
  if (!existsSync(KUBECTL)) throw new Error(`${KUBECTL} is missing: run npm run setup`);
  return parseAllDocuments(run(KUBECTL, 'kustomize', folder)).map((document) => document.toJS() as KubeObject);
}

/** The one object of this kind and name. */
export function find(objects: readonly KubeObject[], kind: string, name: string): KubeObject {
  const found = objects.filter((object) => object.kind === kind && object.metadata.name === name);
  if (found.length !== 1) throw new Error(`there are ${found.length} objects ${kind} ${name}`);
  return found[0]!;
}

export function workload(objects: readonly KubeObject[], kind: 'DaemonSet' | 'Deployment', name: string): Workload {
  return find(objects, kind, name) as Workload;
}

/** What the agents of an overlay may do and see. */
export function agentPod(overlay: string): PodSpec {
  return workload(build(`${DAEMONSET}/overlays/${overlay}`), 'DaemonSet', 'shadowtap').spec.template.spec;
}
