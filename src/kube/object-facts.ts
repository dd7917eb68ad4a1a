import { isIP } from 'node:net';
import { listOf, portOf, recordOf, stringsOf, textOf, textsOf } from './json.ts';
import type { GrantFacts, NamespaceFacts, ServiceFacts, SliceFacts } from './objects.ts';

/** What is kept of a v1 Service. */
export function serviceFacts(object: unknown): ServiceFacts | null {
  const { namespace, name } = nameOf(object);
  if (name === '') return null;
  const spec = recordOf(recordOf(object)['spec']);
  const selector = stringsOf(spec['selector']);
  return {
    namespace,
    name,
    type: textOf(spec['type']) || 'ClusterIP',
    selector: Object.keys(selector).length === 0 ? null : selector,
    ports: listOf(spec['ports']).flatMap(({ name: portName, port, targetPort, protocol, appProtocol }) => {
      const number = portOf(port);
      if (number === 0) return [];
      return [{
        name: textOf(portName),
        port: number,
        targetPort: textOf(targetPort) || portOf(targetPort) || number,
        protocol: textOf(protocol) || 'TCP',
        appProtocol: textOf(appProtocol),
      }];
    }),
  };
}

/** A Service's own label on its slices (EndpointSlice concepts, "Ownership"). */
export const SERVICE_NAME_LABEL = 'kubernetes.io/service-name';

/** What is kept of a discovery.k8s.io/v1 EndpointSlice; null for slices of names instead of addresses. */
export function sliceFacts(object: unknown): SliceFacts | null {
  const { namespace, name } = nameOf(object);
  const { addressType, endpoints, ports, metadata } = recordOf(object);
  const service = stringsOf(recordOf(metadata)['labels'])[SERVICE_NAME_LABEL] ?? '';
  if (name === '' || service === '' || (addressType !== 'IPv4' && addressType !== 'IPv6')) return null;
  const family = addressType === 'IPv4' ? 4 : 6;
  return {
    namespace,
    name,
    service,
    family,
    addresses: listOf(endpoints).flatMap(({ addresses, conditions }) => {
      // Not said means ready (API reference of EndpointConditions). All addresses of an endpoint are the same pod: the first.
      const [address = ''] = textsOf(addresses);
      return recordOf(conditions)['ready'] === false || isIP(address) !== family ? [] : [address];
    }),
    ports: listOf(ports).flatMap(({ name: portName, port, protocol }) => {
      const number = portOf(port);
      return number === 0 || (textOf(protocol) || 'TCP') !== 'TCP' ? [] : [{ name: textOf(portName), port: number }];
    }),
  };
}

/** What is kept of a gateway.networking.k8s.io ReferenceGrant. */
export function grantFacts(object: unknown): GrantFacts | null {
  const { namespace, name } = nameOf(object);
  if (name === '') return null;
  const { from, to } = recordOf(recordOf(object)['spec']);
  return {
    namespace,
    name,
    from: listOf(from).map(({ group, kind, namespace: other }) => ({ group: textOf(group), kind: textOf(kind), namespace: textOf(other) })),
    to: listOf(to).map(({ group, kind, name: only }) => ({ group: textOf(group), kind: textOf(kind), name: textOf(only) })),
  };
}

export function namespaceFacts(object: unknown): NamespaceFacts | null {
  const { name } = nameOf(object);
  return name === '' ? null : { name, labels: stringsOf(recordOf(recordOf(object)['metadata'])['labels']) };
}

export function nameOf(object: unknown): { readonly namespace: string; readonly name: string } {
  const { namespace, name } = recordOf(recordOf(object)['metadata']);
  return { namespace: textOf(namespace), name: textOf(name) };
}
