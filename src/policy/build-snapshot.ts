import { isIP } from 'node:net';
import { canonicalAddress } from '../flow/address.ts';
import type { Endpoint } from '../tap/tap.ts';
import { hashKeys, type HashKeys } from './keys.ts';
import type { MirrorPolicy } from './schema.ts';
import { selects } from './selector.ts';
import type { BackendAddress, PolicySnapshot, SnapshotEndpoint, SnapshotPeer, SnapshotTarget } from './snapshot.ts';

/** What policies need to know of an endpoint. One without ports, a capture file, serves HTTP on any port. */
export interface SelectableEndpoint extends Pick<Endpoint, 'id' | 'name' | 'labels' | 'ports'> {
  /** Its own, where they are known: they tell who a client is. */
  readonly addresses?: readonly string[];
  /** Numbers of the ports that have a name. */
  readonly portNames?: Readonly<Record<string, number>>;
  /** That of a pod, which only policies of the same one select; not given: policies of any namespace select it. */
  readonly namespace?: string;
}

export interface SnapshotOptions {
  readonly keys?: HashKeys;
  /** Who may be behind an address; not given: the endpoints that have addresses. */
  readonly peers?: readonly SnapshotPeer[];
  /** Contents of the PEM files that targets name, by path. */
  readonly pemFiles?: Readonly<Record<string, string>>;
  /** Where the Service of a target (an index of `spec.targets`) has ready endpoints; not given: nowhere. */
  readonly addressesOf?: (policy: MirrorPolicy, target: number) => readonly BackendAddress[];
}

/**
 * Puts policies and endpoints together. Endpoints that no policy selects are there too, without policies.
 * @param version must rise from one snapshot of an agent to the next
 */
export function buildSnapshot(
  version: number,
  policies: readonly MirrorPolicy[],
  endpoints: readonly SelectableEndpoint[],
  options: SnapshotOptions = {},
): PolicySnapshot {
  return Object.freeze({
    version,
    policies,
    targets: policies.flatMap((policy, number) => targetsOf(policy, number, options.addressesOf ?? NOWHERE)),
    endpoints: endpoints.map((endpoint) => snapshotEndpoint(endpoint, policies)),
    peers: options.peers ?? endpoints.flatMap(peerOf),
    keys: options.keys ?? hashKeys(null),
    pemFiles: options.pemFiles ?? {},
  });
}

/** An endpoint called `shop/web-1` is in the namespace `shop`, which has the one label that every namespace has. */
function peerOf({ name, labels, addresses = [], namespace: own }: SelectableEndpoint): SnapshotPeer[] {
  if (addresses.length === 0) return [];
  const slash = name.indexOf('/');
  const namespace = own ?? (slash < 0 ? 'default' : name.slice(0, slash));
  const namespaceLabels = { 'kubernetes.io/metadata.name': namespace };
  return [{ addresses: addresses.map(canonicalAddress), labels, namespace, namespaceLabels }];
}

const NOWHERE = (): readonly BackendAddress[] => [];

function targetsOf(policy: MirrorPolicy, number: number, addressesOf: NonNullable<SnapshotOptions['addressesOf']>): SnapshotTarget[] {
  return policy.spec.targets.map(({ backendRef }, index) => ({
    policy: number,
    index,
    ...(backendRef !== undefined && { addresses: addressesOf(policy, index).filter(isUsable) }),
  }));
}

/** What is no address, such as the name that an EndpointSlice may have in its place, costs itself alone. */
function isUsable({ host, port }: BackendAddress): boolean {
  return isIP(host) !== 0 && !host.includes('%') && Number.isInteger(port) && port > 0 && port < 65_536;
}

function snapshotEndpoint(endpoint: SelectableEndpoint, policies: readonly MirrorPolicy[]): SnapshotEndpoint {
  const selecting = policies.flatMap((policy, index) => {
    if (endpoint.namespace !== undefined && endpoint.namespace !== policy.metadata.namespace) return [];
    if (!selects(policy.spec.selector, endpoint.labels)) return [];
    const ports = portsOf(policy, endpoint);
    return ports === null ? [] : [{ policy: index, ports }];
  });
  const ports = [...new Set(selecting.flatMap((entry) => entry.ports))].sort((a, b) => a - b);
  const observing = selecting.filter(({ policy }) => policies[policy]!.spec.observe);
  return { id: endpoint.id, name: endpoint.name, ports, policies: selecting, observed: observedPorts(observing) };
}

function observedPorts(observing: SnapshotEndpoint['policies']): number[] | null {
  if (observing.length === 0) return null;
  if (observing.some(({ ports }) => ports.length === 0)) return [];
  return [...new Set(observing.flatMap(({ ports }) => ports))].sort((a, b) => a - b);
}

/**
 * Numbers count as they are, as in a NetworkPolicy: an endpoint need not declare them.
 * @returns null where the policy gives only names of ports that the endpoint does not have
 */
function portsOf({ spec }: MirrorPolicy, endpoint: SelectableEndpoint): number[] | null {
  if (spec.ports.length === 0) return [...endpoint.ports];
  const names = endpoint.portNames ?? {};
  const ports = new Set<number>();
  for (const port of spec.ports) {
    if (typeof port === 'number') ports.add(port);
    else if (Object.hasOwn(names, port)) ports.add(names[port]!);
  }
  return ports.size === 0 ? null : [...ports];
}
