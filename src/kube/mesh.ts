import type { JsonRecord } from './json.ts';

/**
 * Containers that take in a pod's requests before the app does, end TLS, and pass plaintext on over `lo`: Istio, Linkerd,
 * Kuma, Consul.
 */
const PROXIES: ReadonlySet<unknown> = new Set(['istio-proxy', 'linkerd-proxy', 'kuma-sidecar', 'consul-dataplane']);

export function isProxy({ name }: JsonRecord): boolean {
  return PROXIES.has(name);
}

/**
 * Whether a mesh's proxy stands before the app of a pod.
 * @param running containers and sidecar containers
 * @param containers those without the sidecars
 */
export function isMeshed(
  running: readonly JsonRecord[],
  containers: readonly JsonRecord[],
  annotations: Readonly<Record<string, string>>,
): boolean {
  // A gateway of a mesh is its proxy alone: what it serves comes in at `eth0`.
  if (containers.every(isProxy)) return false;
  if (annotations['sidecar.istio.io/interceptionMode'] === 'NONE') return false;
  // Istio's ambient mode has no container in the pod: the node's ztunnel listens in the pod's namespace instead.
  if (annotations['ambient.istio.io/redirection'] === 'enabled') return true;
  return annotations['sidecar.istio.io/status'] !== undefined || running.some(isProxy);
}
