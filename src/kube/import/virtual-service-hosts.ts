import { serviceHosts, type RouteHost } from './hosts.ts';

export const MESH = 'mesh';

/** A host of Istio that may be a Service of Kubernetes; null where it cannot be one. Short names are of the namespace. */
export function serviceOf(host: string, namespace: string, clusterDomain: string): { readonly namespace: string; readonly name: string } | null {
  if (!host.includes('.')) return host === '' || host === '*' ? null : { namespace, name: host };
  const suffix = `.svc.${clusterDomain}`;
  const labels = host.endsWith(suffix) ? host.slice(0, -suffix.length).split('.') : [];
  const [name = '', home = ''] = labels;
  return labels.length === 2 && name !== '' && name !== '*' && home !== '' ? { namespace: home, name } : null;
}

/**
 * How the `hosts` of a VirtualService stand in the header Host. Sidecars know a Service by all of its names, gateways by
 * the longest alone.
 * @returns null for every host
 */
export function hostsOf(hosts: readonly string[], namespace: string, gateways: ReadonlySet<string>, clusterDomain: string): RouteHost[] | null {
  if (hosts.includes('*')) return null;
  return hosts.flatMap((host) => {
    const service = serviceOf(host, namespace, clusterDomain);
    if (service === null) return [{ name: host, port: null }];
    const names = serviceHosts(service.namespace, service.name, clusterDomain);
    return (gateways.has(MESH) ? names : names.slice(-1)).map((name) => ({ name, port: null }));
  });
}

/** `<namespace>/<name>`, or `mesh`. */
export function qualifiedGateway(name: string, namespace: string): string {
  return name === MESH || name.includes('/') ? name : `${namespace}/${name}`;
}
