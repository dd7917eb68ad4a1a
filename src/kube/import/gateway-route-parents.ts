import type { Fields } from './fields.ts';
import { serviceHosts, type RouteHost } from './hosts.ts';
import { shown, type ImportContext, type Problem } from './imported-policy.ts';

/** Through whom requests come to a route. */
export interface Parents {
  readonly byGateway: boolean;
  /** Of the Services that are parents (a mesh): how they are called. */
  readonly hosts: readonly RouteHost[];
}

const NO_PARENT: Problem = { reason: 'NoParent', message: 'the route has no parent from which it takes requests' };

/** By group and kind. */
const GATEWAYS = new Set([
  'gateway.networking.k8s.io/Gateway',
  'gateway.networking.k8s.io/ListenerSet',
  'gateway.networking.x-k8s.io/XListenerSet',
]);

/**
 * The `parentRefs` of an HTTPRoute or a GRPCRoute. A Service as parent (GEP-1426) means requests that clients in the mesh send to it,
 * whatever their Host; at a pod, Host is all that tells of it.
 * @param byDefault the route is attached to the default Gateways (GEP-3793)
 * @param problems gets why the route takes no requests
 * @param remarks gets what of them cannot be expressed
 */
export function readParents(
  refs: readonly Fields[],
  byDefault: boolean,
  namespace: string,
  { clusterDomain }: ImportContext,
  problems: Problem[],
  remarks: Problem[],
): Parents {
  const hosts: RouteHost[] = [];
  let byGateway = byDefault;
  for (const ref of refs) {
    const group = ref.text('group') ?? 'gateway.networking.k8s.io';
    const kind = ref.text('kind') ?? 'Gateway';
    const name = ref.text('name') ?? '';
    const home = ref.text('namespace') ?? namespace;
    const port = ref.number('port') ?? null;
    ref.ignore('sectionName');
    ref.end();
    if (GATEWAYS.has(`${group}/${kind}`)) {
      byGateway = true;
    } else if (group !== '' || kind !== 'Service') {
      remarks.push({
        reason: 'UnsupportedParent',
        message: `requests that come through ${shown(kind)} ${shown(name)} (group ${shown(group)}) are not mirrored`,
      });
    } else if (home !== namespace) {
      remarks.push({
        reason: 'ConsumerRoute',
        message: `of the requests to Service ${home}/${name} the route takes only those from ${namespace}; they are not mirrored`,
      });
    } else {
      hosts.push(...serviceHosts(home, name, clusterDomain).map((host) => ({ name: host, port })));
      remarks.push({
        reason: 'MeshParent',
        message: `requests to Service ${name} are known by their Host; those that name it by its address are not mirrored`,
      });
    }
  }
  if (!byGateway && hosts.length === 0) problems.push(NO_PARENT);
  return { byGateway, hosts };
}
