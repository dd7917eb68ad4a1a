import type { Endpoint } from '../tap/tap.ts';
import type { MirrorPolicy } from './schema.ts';
import { selects } from './selector.ts';
import type { PolicySnapshot, SnapshotEndpoint, SnapshotTarget } from './snapshot.ts';

/** What policies need to know of an endpoint. One without ports, a capture file, serves HTTP on any port. */
export interface SelectableEndpoint extends Pick<Endpoint, 'id' | 'name' | 'labels' | 'ports'> {
  /** Numbers of the ports that have a name. */
  readonly portNames?: Readonly<Record<string, number>>;
}

/**
 * Puts policies and endpoints together. Endpoints that no policy selects are there too, without policies.
 * @param version must rise from one snapshot of an agent to the next
 */
export function buildSnapshot(
  version: number,
  policies: readonly MirrorPolicy[],
  endpoints: readonly SelectableEndpoint[],
): PolicySnapshot {
  return Object.freeze({
    version,
    policies,
    targets: policies.flatMap(targetsOf),
    endpoints: endpoints.map((endpoint) => snapshotEndpoint(endpoint, policies)),
  });
}

function targetsOf(policy: MirrorPolicy, index: number): SnapshotTarget[] {
  return policy.spec.targets.map((_, target) => ({ policy: index, index: target }));
}

function snapshotEndpoint(endpoint: SelectableEndpoint, policies: readonly MirrorPolicy[]): SnapshotEndpoint {
  const selecting = policies.flatMap((policy, index) => {
    if (!selects(policy.spec.selector, endpoint.labels)) return [];
    const ports = portsOf(policy, endpoint);
    return ports === null ? [] : [{ policy: index, ports }];
  });
  const ports = [...new Set(selecting.flatMap((entry) => entry.ports))].sort((a, b) => a - b);
  return { id: endpoint.id, name: endpoint.name, ports, policies: selecting };
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
