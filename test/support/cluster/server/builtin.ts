import type { KubeObject } from '../objects.ts';
import { completeBuiltin } from './builtin-defaults.ts';
import { validateBuiltin } from './builtin-rules.ts';
import { fromEventsV1, toEventsV1 } from './events.ts';
import { apiVersionOf, type Resource, withoutKind } from './resource.ts';
import { builtinStructure } from './structure.ts';

/** What differs between built-in resources; the rest follows from it. */
interface Row {
  readonly group?: string;
  readonly version?: string;
  readonly kind: string;
  readonly plural?: string;
  readonly cluster?: true;
  readonly short?: readonly string[];
  readonly sub?: readonly string[];
  readonly generation?: true;
  readonly conditional?: true;
  readonly createOnUpdate?: true;
  readonly fields?: readonly string[];
}

const RBAC = 'rbac.authorization.k8s.io';
const OBJECT_REFERENCE = ['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'];
const POD_FIELDS = [
  ...['nodeName', 'restartPolicy', 'schedulerName', 'serviceAccountName', 'hostNetwork'].map((field) => `spec.${field}`),
  ...['phase', 'podIP', 'nominatedNodeName'].map((field) => `status.${field}`),
];
const EVENT_FIELDS = [...OBJECT_REFERENCE.map((field) => `involvedObject.${field}`), 'reason', 'reportingComponent', 'source', 'type'];
const EVENTS_V1_FIELDS = [...OBJECT_REFERENCE.map((field) => `regarding.${field}`), 'reason', 'reportingController', 'type'];

const ROWS: readonly Row[] = [
  { kind: 'Namespace', cluster: true, short: ['ns'], sub: ['status', 'finalize'], fields: ['status.phase'] },
  { kind: 'Node', cluster: true, short: ['no'], sub: ['status'], fields: ['spec.unschedulable'] },
  { kind: 'Pod', short: ['po'], sub: ['status', 'proxy', 'eviction'], fields: POD_FIELDS },
  { kind: 'Service', short: ['svc'], sub: ['status'], fields: ['spec.clusterIP', 'spec.type'] },
  { kind: 'Endpoints', plural: 'endpoints', short: ['ep'] },
  { kind: 'ConfigMap', short: ['cm'] },
  { kind: 'Secret', fields: ['type'] },
  { kind: 'ServiceAccount', short: ['sa'], sub: ['token'] },
  { kind: 'Event', short: ['ev'], createOnUpdate: true, fields: EVENT_FIELDS },
  { group: 'events.k8s.io', kind: 'Event', short: ['ev'], createOnUpdate: true, fields: EVENTS_V1_FIELDS },
  { group: 'discovery.k8s.io', kind: 'EndpointSlice', generation: true },
  { group: 'coordination.k8s.io', kind: 'Lease', conditional: true, createOnUpdate: true },
  { group: RBAC, kind: 'Role' },
  { group: RBAC, kind: 'RoleBinding' },
  { group: RBAC, kind: 'ClusterRole', cluster: true },
  { group: RBAC, kind: 'ClusterRoleBinding', cluster: true },
  { group: 'apps', kind: 'DaemonSet', short: ['ds'], sub: ['status'], generation: true },
  { group: 'apps', kind: 'Deployment', short: ['deploy'], sub: ['status'], generation: true },
  { group: 'apps', kind: 'ReplicaSet', short: ['rs'], sub: ['status'], generation: true },
  { group: 'networking.k8s.io', kind: 'NetworkPolicy', plural: 'networkpolicies', short: ['netpol'], generation: true },
  { group: 'policy', kind: 'PodDisruptionBudget', short: ['pdb'], sub: ['status'], generation: true },
  { group: 'scheduling.k8s.io', kind: 'PriorityClass', plural: 'priorityclasses', cluster: true, short: ['pc'], generation: true },
  {
    group: 'apiextensions.k8s.io',
    kind: 'CustomResourceDefinition',
    cluster: true,
    short: ['crd', 'crds'],
    sub: ['status'],
    generation: true,
    conditional: true,
  },
];

/** The built-in resources. Of their fields only those that tests depend on are checked and have defaults. */
export const BUILTIN: readonly Resource[] = ROWS.map(resourceOf);

function resourceOf(row: Row): Resource {
  const { group = '', version = 'v1', kind } = row;
  const plural = row.plural ?? `${kind.toLowerCase()}s`;
  const isEventsV1 = group === 'events.k8s.io';
  const same = (object: KubeObject): KubeObject => object;
  const view = { key: apiVersionOf({ group, version }), show: isEventsV1 ? toEventsV1 : same };
  return {
    group,
    version,
    kind,
    plural,
    singular: kind.toLowerCase(),
    namespaced: row.cluster !== true,
    shortNames: row.short ?? [],
    categories: [],
    subresources: row.sub ?? [],
    custom: false,
    hasGeneration: row.generation === true,
    unconditionalUpdate: row.conditional !== true,
    createOnUpdate: row.createOnUpdate === true,
    selectableFields: row.fields ?? [],
    structure: builtinStructure(kind),
    storeKey: group === '' || isEventsV1 ? plural : `${plural}.${group}`,
    view,
    itemView: withoutKind(view),
    store: isEventsV1 ? fromEventsV1 : same,
    complete: completeBuiltin,
    validate: (object, before) => validateBuiltin(object, before, isEventsV1),
  };
}
