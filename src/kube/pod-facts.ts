import { isIP } from 'node:net';
import { canonicalAddress } from '../flow/address.ts';
import { isMeshed, isProxy } from './mesh.ts';
import { isRecord, listOf, stringsOf, type JsonRecord } from './json.ts';
import type { NamedPort, PeerFacts, PodFacts } from './objects.ts';

/** Annotations of ours. */
const ANNOTATION_PREFIX = 'shadowtap.dev/';

const MAX_ADDRESSES = 16;
const MAX_PORTS = 256;

/**
 * What is kept of a Pod, from its JSON. Nothing in it is taken on trust: what does not have the shape that the API gives
 * it is left out.
 * @returns null where it is no Pod, or one that has ended and will not run again (phase Succeeded or Failed)
 */
export function podFacts(object: unknown): PodFacts | null {
  if (!isRecord(object)) return null;
  const { metadata, spec, status = {} } = object;
  if (!isRecord(metadata) || !isRecord(spec) || !isRecord(status)) return null;
  const { namespace, name, uid } = metadata;
  if (!isText(namespace) || !isText(name) || !isText(uid)) return null;
  if (status.phase === 'Succeeded' || status.phase === 'Failed') return null;

  const annotations = stringsOf(metadata.annotations);
  const containers = [...listOf(spec.containers), ...listOf(spec.initContainers).filter(isSidecar)];
  const meshed = isMeshed(containers, listOf(spec.containers), annotations);
  return {
    namespace,
    name,
    uid,
    cgroupUid: cgroupUid(uid, annotations),
    labels: stringsOf(metadata.labels),
    annotations: Object.fromEntries(Object.entries(annotations).filter(([key]) => key.startsWith(ANNOTATION_PREFIX))),
    addresses: addressesOf(status),
    hostNetwork: spec.hostNetwork === true,
    // A mesh's proxy serves its own pages there: they are no requests to the app.
    ports: portsOf(meshed ? containers.filter((container) => !isProxy(container)) : containers),
    meshed,
  };
}

/** Of a pod that is nobody but a source of requests. null: it cannot be told from others by an address. */
export function peerFacts(object: unknown): PeerFacts | null {
  const pod = podFacts(object);
  // The address of a pod on the node's network is the node's: it says nothing of who it is.
  if (pod === null || pod.hostNetwork || pod.addresses.length === 0) return null;
  const { namespace, labels, addresses } = pod;
  return { namespace, labels, addresses };
}

/** A name or uid of the API: not empty, and no longer than any of them may be. */
function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= 253;
}

const STATIC_UID = /^[0-9a-f]{32}$/;

/**
 * The kubelet gives a static pod a uid of its own, the MD5 of its manifest, and names the pod's cgroup after it. The API
 * server knows the pod by its mirror, which has another uid and carries the kubelet's in two annotations
 * (pkg/kubelet/config/common.go and pkg/kubelet/pod/mirror_client.go of Kubernetes; "Create static Pods" in its docs).
 *
 * Whoever may create pods may write annotations. An MD5 has no dashes, so that none of them can name the cgroup of an
 * ordinary pod; and where two pods name that of one static pod, neither is tapped (`planNode`).
 */
function cgroupUid(uid: string, annotations: Readonly<Record<string, string>>): string {
  const hash = annotations['kubernetes.io/config.hash'];
  const isMirror = hash !== undefined && hash === annotations['kubernetes.io/config.mirror'];
  return isMirror && STATIC_UID.test(hash) ? hash : uid;
}

/** An init container that keeps running beside the others: "Sidecar Containers" in Kubernetes' docs. */
function isSidecar(container: JsonRecord): boolean {
  return container.restartPolicy === 'Always';
}

function portsOf(containers: readonly JsonRecord[]): NamedPort[] {
  const found = new Map<string, NamedPort>();
  for (const { containerPort, name, protocol = 'TCP' } of containers.flatMap(({ ports }) => listOf(ports))) {
    if (protocol !== 'TCP' || !isPort(containerPort)) continue;
    const port = { name: typeof name === 'string' && name.length <= 15 ? name : '', port: containerPort };
    if (found.size < MAX_PORTS) found.set(`${port.port} ${port.name}`, port);
  }
  return [...found.values()];
}

function isPort(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 65_535;
}

/** `podIPs` has both families; `podIP` is its first, and all that servers older than 1.16 have. */
function addressesOf(status: JsonRecord): string[] {
  const given = listOf(status.podIPs).map(({ ip }) => ip);
  const texts = (given.length === 0 ? [status.podIP] : given).filter(isAddress).slice(0, MAX_ADDRESSES);
  return [...new Set(texts.map(canonicalAddress))];
}

function isAddress(value: unknown): value is string {
  return typeof value === 'string' && isIP(value) !== 0 && !value.includes('%');
}
