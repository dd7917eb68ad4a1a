import { Exchange, HttpRequest } from '../../../src/http/exchange.ts';
import { NOTICES, type ImportContext, type ImportedPolicy } from '../../../src/kube/import/imported-policy.ts';
import type { GrantFacts, ServiceFacts } from '../../../src/kube/objects.ts';
import { buildSnapshot } from '../../../src/policy/build-snapshot.ts';
import { Router } from '../../../src/policy/router.ts';
import type { MirrorPolicy } from '../../../src/policy/schema.ts';
import { validatePolicy } from '../../../src/policy/validate.ts';
import { Verdict } from '../../../src/policy/verdict.ts';

/** A small cluster: Services with pods that overlap, in two namespaces, and two clients. */

function service(namespace: string, name: string, selector: Record<string, string> | null, ports: readonly [number, number | string][], type = 'ClusterIP'): ServiceFacts {
  return {
    namespace,
    name,
    type,
    selector,
    ports: ports.map(([port, targetPort]) => ({ name: `p${port}`, port, targetPort, protocol: 'TCP', appProtocol: '' })),
  };
}

export const SERVICES: readonly ServiceFacts[] = [
  service('shop', 'checkout', { app: 'checkout' }, [[80, 8080]]),
  service('shop', 'checkout-v2', { app: 'checkout', version: 'v2' }, [[80, 8080]]),
  service('shop', 'checkout-alias', { app: 'checkout' }, [[80, 8080]]),
  service('shop', 'cart', { app: 'cart' }, [[80, 'http']]),
  service('shop', 'wide', { app: 'wide' }, [[80, 8080], [81, 8081]]),
  service('shop', 'shadow', { app: 'shadow' }, [[80, 8080]]),
  service('shop', 'shadow2', { app: 'shadow2' }, [[80, 8080]]),
  service('shop', 'outside', null, [[80, 80]], 'ExternalName'),
  service('shop', 'by-hand', null, [[80, 80]]),
  service('stock', 'stock', { app: 'stock' }, [[80, 8080]]),
  service('stock', 'shadow', { app: 'shadow' }, [[80, 8080]]),
];

export interface Pod {
  readonly namespace: string;
  readonly name: string;
  readonly labels: Record<string, string>;
  readonly port: number;
}

export const PODS: readonly Pod[] = [
  { namespace: 'shop', name: 'checkout-1', labels: { app: 'checkout', version: 'v1' }, port: 8080 },
  { namespace: 'shop', name: 'checkout-2', labels: { app: 'checkout', version: 'v2' }, port: 8080 },
  { namespace: 'shop', name: 'cart-1', labels: { app: 'cart' }, port: 8080 },
  { namespace: 'stock', name: 'stock-1', labels: { app: 'stock' }, port: 8080 },
];

/** By address: who asks. */
export const CLIENTS = [
  { address: '10.0.0.1', namespace: 'shop', labels: { app: 'web' } },
  { address: '10.0.0.2', namespace: 'stock', labels: { app: 'job' } },
];

export const GRANTS: readonly GrantFacts[] = [
  {
    namespace: 'stock',
    name: 'routes',
    from: ['HTTPRoute', 'GRPCRoute'].map((kind) => ({ group: 'gateway.networking.k8s.io', kind, namespace: 'shop' })),
    to: [{ group: '', kind: 'Service', name: '' }],
  },
];

export function context(grants: readonly GrantFacts[] = GRANTS): ImportContext {
  return {
    service: (namespace, name) => SERVICES.find((candidate) => candidate.namespace === namespace && candidate.name === name),
    grants,
    clusterDomain: 'cluster.local',
  };
}

export function podsBehind(namespace: string, name: string): Pod[] {
  const found = context().service(namespace, name);
  const selector = Object.entries(found?.selector ?? { nobody: '' });
  return PODS.filter((pod) => pod.namespace === namespace && selector.every(([label, value]) => pod.labels[label] === value));
}

/** A request, on its way to a pod or at it. */
export interface Request {
  /** `HTTP/1.1` where not given. */
  readonly version?: string;
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: readonly (readonly [string, string])[];
  /** Names in lower case, each once; `host` among them. */
  readonly headers: Readonly<Record<string, string>>;
  /** Index into CLIENTS. */
  readonly client: number;
}

/** What agents do with imported policies: which targets get a copy of a request that arrives at a pod. */
export class Agents {
  readonly #byNamespace = new Map<string, { router: Router; policies: MirrorPolicy[]; targets: string[] }>();

  /** @throws Error where a policy is not valid */
  constructor(imported: readonly ImportedPolicy[]) {
    for (const namespace of new Set(PODS.map((pod) => pod.namespace))) {
      const policies = imported.filter((one) => one.namespace === namespace && one.spec !== null).map(valid);
      const endpoints = PODS.map((pod, id) => ({ id, name: pod.name, labels: pod.labels, ports: [pod.port], portNames: { http: pod.port } }));
      const peers = CLIENTS.map((client) => ({
        addresses: [client.address],
        labels: client.labels,
        namespace: client.namespace,
        namespaceLabels: { 'kubernetes.io/metadata.name': client.namespace },
      }));
      const router = new Router(buildSnapshot(1, policies, endpoints, { peers }));
      const targets = policies.flatMap(({ spec }) =>
        spec.targets.map(({ backendRef }) => `${backendRef?.namespace ?? namespace}/${backendRef?.name ?? ''}`),
      );
      this.#byNamespace.set(namespace, { router, policies, targets });
    }
  }

  /** @returns `namespace/name` of the targets, sorted */
  copies(request: Request, pod: Pod): string[] {
    const { router, targets } = this.#byNamespace.get(pod.namespace)!;
    const query = request.query.map(([name, value]) => `${name}=${value}`).join('&');
    const exchange = new Exchange(
      { id: 1, endpoint: 1, clientAddress: CLIENTS[request.client]!.address, clientPort: 40_000, serverAddress: '10.0.1.1', serverPort: pod.port },
      0,
    );
    exchange.request = new HttpRequest();
    exchange.request.version = request.version ?? 'HTTP/1.1';
    exchange.request.method = request.method;
    exchange.request.target = query === '' ? request.path : `${request.path}?${query}`;
    exchange.request.headers = Object.entries(request.headers).flat();
    const verdict = new Verdict();
    router.route(exchange, PODS.indexOf(pod), pod.port, verdict);
    return verdict.targets.map((target) => targets[target]!).sort();
  }
}

function valid({ name, namespace, spec }: ImportedPolicy): MirrorPolicy {
  const { value, problems } = validatePolicy({ apiVersion: 'shadowtap.dev/v1alpha1', kind: 'MirrorPolicy', metadata: { name, namespace }, spec });
  if (value === null) throw new Error(`${name}: ${JSON.stringify(problems)}`);
  return value;
}

/** Whether nothing of a rule is left out. */
export function isWhole(imported: readonly ImportedPolicy[], ruleNumber: number): boolean {
  return imported.filter(({ origin }) => origin.rule === String(ruleNumber)).every(({ problems }) => problems.every(({ reason }) => NOTICES.has(reason)));
}

/** Whether no target has more copies than expected. */
export function isWithin(copies: readonly string[], expected: readonly string[]): boolean {
  const left = [...expected];
  return copies.every((target) => {
    const at = left.indexOf(target);
    if (at >= 0) left.splice(at, 1);
    return at >= 0;
  });
}
