import type { JsonObject, KubeObject } from '../objects.ts';
import { eventRules } from './event-rules.ts';
import { equal, isObject } from './json.ts';
import { type Cause, forbidden, invalidValue, required } from './status.ts';

/** The rules of built-in kinds that clients trip over; the many others are not checked. */
export function validateBuiltin(object: KubeObject, before: KubeObject | null, isEventsV1: boolean): Cause[] {
  const tree = object as unknown as JsonObject;
  switch (object.kind) {
    case 'Pod':
      return [...podRules(tree), ...(before === null ? [] : podUpdateRules(tree, before as unknown as JsonObject))];
    case 'Service':
      return serviceRules(tree);
    case 'Event':
      return eventRules(object, before, isEventsV1);
    case 'Lease':
      return leaseRules(tree);
    case 'RoleBinding':
    case 'ClusterRoleBinding':
      return before !== null && !equal(before['roleRef'], tree['roleRef'])
        ? [invalidValue('roleRef', tree['roleRef'], 'cannot change roleRef')]
        : [];
    case 'CustomResourceDefinition':
      return definitionRules(tree);
    default:
      return [];
  }
}

function at(tree: unknown, ...path: string[]): unknown {
  return path.reduce<unknown>((value, field) => (isObject(value) ? value[field] : undefined), tree);
}

function podRules(pod: JsonObject): Cause[] {
  const containers = at(pod, 'spec', 'containers');
  if (!Array.isArray(containers) || containers.length === 0) return [required('spec.containers')];
  return containers.flatMap((container, i) => [
    ...(at(container, 'name') ? [] : [required(`spec.containers[${i}].name`)]),
    ...(at(container, 'image') ? [] : [required(`spec.containers[${i}].image`)]),
  ]);
}

/** Of a pod's spec only images, tolerations and two times can change. */
function podUpdateRules(pod: JsonObject, before: JsonObject): Cause[] {
  if (equal(fixedPart(pod), fixedPart(before))) return [];
  const message =
    'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,' +
    '`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was ' +
    'previously negative)';
  return [forbidden('spec', message)];
}

function fixedPart(pod: JsonObject): JsonObject {
  const { activeDeadlineSeconds: _a, tolerations: _t, terminationGracePeriodSeconds: _g, ...spec } = pod['spec'] as JsonObject;
  const withoutImages = (list: unknown): JsonObject[] => (Array.isArray(list) ? list.map(({ image: _, ...container }) => container) : []);
  return { ...spec, containers: withoutImages(spec['containers']), initContainers: withoutImages(spec['initContainers']) };
}

function serviceRules(service: JsonObject): Cause[] {
  const type = at(service, 'spec', 'type');
  if (type === 'ExternalName') return at(service, 'spec', 'externalName') ? [] : [required('spec.externalName')];
  const ports = at(service, 'spec', 'ports');
  const count = Array.isArray(ports) ? ports.length : 0;
  if (count === 0) return at(service, 'spec', 'clusterIP') === 'None' ? [] : [required('spec.ports')];
  return (ports as JsonObject[]).flatMap((port, i) => (count > 1 && !port['name'] ? [required(`spec.ports[${i}].name`)] : []));
}

function leaseRules(lease: JsonObject): Cause[] {
  const seconds = at(lease, 'spec', 'leaseDurationSeconds');
  const isBad = typeof seconds === 'number' && seconds <= 0;
  return isBad ? [invalidValue('spec.leaseDurationSeconds', seconds, 'must be greater than 0')] : [];
}

function definitionRules(definition: JsonObject): Cause[] {
  const name = `${String(at(definition, 'spec', 'names', 'plural'))}.${String(at(definition, 'spec', 'group'))}`;
  const versions = at(definition, 'spec', 'versions');
  const list = Array.isArray(versions) ? versions : [];
  const wrongName = at(definition, 'metadata', 'name') !== name;
  const noSchema = list.flatMap((version, i) =>
    isObject(at(version, 'schema', 'openAPIV3Schema'))
      ? []
      : [required(`spec.versions[${i}].schema.openAPIV3Schema`, 'schemas are required')],
  );
  const stored = list.filter((version) => at(version, 'storage') === true).length;
  return [
    ...(wrongName ? [invalidValue('metadata.name', at(definition, 'metadata', 'name'), 'must be spec.names.plural+"."+spec.group')] : []),
    ...noSchema,
    ...(stored === 1 ? [] : [invalidValue('spec.versions', list.length, 'must have exactly one version marked as storage version')]),
  ];
}
