import type { MirrorTarget } from '../policy/schema.ts';
import type { BackendAddress } from '../policy/snapshot.ts';
import type { Refusal } from './condition.ts';
import { isOffLimits } from './off-limits.ts';
import { keyOf, type GrantFacts, type ServiceFacts, type SliceFacts } from './objects.ts';
import type { Permissions } from './permissions.ts';

export type BackendRef = NonNullable<MirrorTarget['backendRef']>;

/** What is known of Services and of who may refer to them. */
export interface ServiceLookup {
  /** @param key `namespace/name` */
  service(key: string): ServiceFacts | undefined;
  slices(key: string): readonly SliceFacts[];
  readonly grants: Iterable<GrantFacts>;
}

/**
 * Where the ready endpoints of a Service are.
 *
 * Addresses come from EndpointSlices, not from cluster DNS or the Service's own address. Copies then go to every mirror
 * pod by turns, while one kept connection to the Service's address would give all of them to one pod; no name is looked
 * up; and pods that are not ready get none (docs/kubernetes.md has the figures).
 * @param namespace of the policy
 */
export function resolveBackend(namespace: string, ref: BackendRef, lookup: ServiceLookup, permissions: Permissions): readonly BackendAddress[] | Refusal {
  const at = { namespace: ref.namespace ?? namespace, name: ref.name };
  const key = keyOf(at);
  if (at.namespace !== namespace && !isGranted(namespace, at, lookup.grants)) {
    return {
      reason: 'RefNotPermitted',
      message: `no ReferenceGrant in namespace ${at.namespace} lets MirrorPolicies of ${namespace} refer to Service ${at.name}`,
    };
  }
  const service = lookup.service(key);
  if (service === undefined) return { reason: 'BackendNotFound', message: `there is no Service ${key}` };
  if (service.type === 'ExternalName') {
    return { reason: 'UnsupportedService', message: `Service ${key} is of type ExternalName, which may lead anywhere; name a Service with a selector` };
  }
  if (service.selector === null && !permissions.externalTargets) {
    return {
      reason: 'UnsupportedService',
      message: `Service ${key} has no selector, so its endpoints may be anywhere; name one with a selector, or let the administrator set allowExternalTargets`,
    };
  }
  const port = service.ports.find((candidate) => candidate.port === ref.port && candidate.protocol === 'TCP');
  if (port === undefined) {
    const known = service.ports.filter(({ protocol }) => protocol === 'TCP').map((candidate) => candidate.port);
    return { reason: 'PortNotFound', message: `Service ${key} has no TCP port ${ref.port}; it has ${known.join(', ') || 'none'}` };
  }
  const slices = lookup.slices(key);
  const offLimits = slices.flatMap(({ family, addresses }) => addresses.filter((address) => isOffLimits(address, family)));
  if (offLimits.length > 0) {
    // Whoever may write EndpointSlices may put any address into them, whether the Service has a selector or not.
    return { reason: 'UnsupportedService', message: `an EndpointSlice of Service ${key} names ${offLimits[0]}, where no pod can be` };
  }
  return readyAddresses(slices, port.name);
}

export function isRefusal(result: readonly BackendAddress[] | Refusal): result is Refusal {
  return 'reason' in result;
}

/** Of one family: a dual-stack Service has slices of both for the same pods. */
function readyAddresses(slices: readonly SliceFacts[], portName: string): readonly BackendAddress[] {
  for (const family of [4, 6] as const) {
    const found = slices.filter((slice) => slice.family === family).flatMap(({ addresses, ports }) => {
      const port = ports.find(({ name }) => name === portName)?.port;
      return port === undefined ? [] : addresses.map((host) => ({ host, port }));
    });
    // Slices may name an endpoint twice for a moment, while it moves from one to another.
    const once = new Map(found.map((address) => [`${address.host} ${address.port}`, address]));
    if (once.size > 0) return [...once.values()].sort((a, b) => (a.host < b.host ? -1 : a.host > b.host ? 1 : a.port - b.port));
  }
  return [];
}

/** As ReferenceGrants are read by the Gateway API, for MirrorPolicies that refer to Services. */
function isGranted(from: string, to: { readonly namespace: string; readonly name: string }, grants: Iterable<GrantFacts>): boolean {
  for (const grant of grants) {
    if (grant.namespace !== to.namespace) continue;
    const source = grant.from.some(({ group, kind, namespace }) => group === 'shadowtap.dev' && kind === 'MirrorPolicy' && namespace === from);
    const target = grant.to.some(({ group, kind, name }) => group === '' && kind === 'Service' && (name === '' || name === to.name));
    if (source && target) return true;
  }
  return false;
}
