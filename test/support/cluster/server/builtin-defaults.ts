import type { JsonObject, KubeObject } from '../objects.ts';
import { isObject } from './json.ts';

/** Sets the defaults of built-in kinds that clients rely on, in place. @returns no unknown fields: they are kept */
export function completeBuiltin(object: KubeObject): string[] {
  COMPLETE[object.kind]?.(object as unknown as Tree);
  return [];
}

interface Tree extends JsonObject {
  metadata: JsonObject;
}

const COMPLETE: Readonly<Record<string, (object: Tree) => void>> = {
  Namespace: (namespace) => {
    const labels = child(namespace.metadata, 'labels');
    labels['kubernetes.io/metadata.name'] = namespace.metadata['name'] ?? '';
    setDefaults(child(namespace, 'spec'), { finalizers: ['kubernetes'] });
    setDefaults(child(namespace, 'status'), { phase: 'Active' });
  },
  Pod: (pod) => {
    const spec = child(pod, 'spec');
    setDefaults(spec, {
      restartPolicy: 'Always',
      dnsPolicy: 'ClusterFirst',
      terminationGracePeriodSeconds: 30,
      schedulerName: 'default-scheduler',
      enableServiceLinks: true,
      securityContext: {},
    });
    if (typeof spec['serviceAccountName'] === 'string') spec['serviceAccount'] = spec['serviceAccountName'];
    for (const container of [...items(spec['containers']), ...items(spec['initContainers'])]) {
      setDefaults(container, {
        imagePullPolicy: 'IfNotPresent',
        resources: {},
        terminationMessagePath: '/dev/termination-log',
        terminationMessagePolicy: 'File',
      });
      for (const port of items(container['ports'])) {
        setDefaults(port, { protocol: 'TCP' });
        if (spec['hostNetwork'] === true) setDefaults(port, { hostPort: port['containerPort'] ?? 0 });
      }
    }
    setDefaults(child(pod, 'status'), { phase: 'Pending', qosClass: 'BestEffort' });
  },
  Service: (service) => {
    const spec = child(service, 'spec');
    setDefaults(spec, { type: 'ClusterIP', sessionAffinity: 'None' });
    for (const port of items(spec['ports'])) {
      setDefaults(port, { protocol: 'TCP' });
      if (spec['type'] !== 'ExternalName') setDefaults(port, { targetPort: port['port'] ?? 0 });
    }
    if (spec['type'] !== 'ExternalName') {
      const clusterIP = String(spec['clusterIP'] || nextClusterIP());
      setDefaults(spec, { internalTrafficPolicy: 'Cluster', ipFamilies: ['IPv4'], ipFamilyPolicy: 'SingleStack' });
      spec['clusterIP'] = clusterIP;
      setDefaults(spec, { clusterIPs: [clusterIP] });
    }
    setDefaults(child(service, 'status'), { loadBalancer: {} });
  },
  EndpointSlice: (slice) => {
    for (const port of items(slice['ports'])) setDefaults(port, { name: '', protocol: 'TCP' });
  },
  Secret: (secret) => {
    setDefaults(secret, { type: 'Opaque' });
    const { stringData } = secret;
    if (!isObject(stringData)) return;
    const data = child(secret, 'data');
    for (const [key, value] of Object.entries(stringData)) data[key] = Buffer.from(String(value)).toString('base64');
    delete secret['stringData'];
  },
  RoleBinding: completeSubjects,
  ClusterRoleBinding: completeSubjects,
  CustomResourceDefinition: (definition) => {
    const spec = child(definition, 'spec');
    const names = child(spec, 'names');
    setDefaults(names, { singular: String(names['kind'] ?? '').toLowerCase(), listKind: `${String(names['kind'])}List` });
    setDefaults(spec, { conversion: { strategy: 'None' } });
    for (const version of items(spec['versions'])) setDefaults(version, { storage: false, served: false });
  },
};

function completeSubjects(binding: Tree): void {
  for (const subject of items(binding['subjects'])) {
    if (subject['kind'] !== 'ServiceAccount') setDefaults(subject, { apiGroup: 'rbac.authorization.k8s.io' });
  }
}

/** Sets the fields that are not there. */
function setDefaults(target: JsonObject, defaults: JsonObject): void {
  for (const [field, value] of Object.entries(defaults)) target[field] ??= value;
}

/** The object in a field; makes it if it is not there. */
function child(parent: JsonObject, field: string): JsonObject {
  const value = parent[field];
  if (isObject(value)) return value;
  return (parent[field] = {});
}

function items(value: unknown): JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

let lastClusterIP = 0;

/** From the range 10.0.0.0/24, as long as it lasts, and then the next. */
function nextClusterIP(): string {
  lastClusterIP++;
  return `10.0.${(lastClusterIP >> 8) & 255}.${lastClusterIP & 255}`;
}
