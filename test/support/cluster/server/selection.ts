import type { KubeObject } from '../objects.ts';
import { EVERYTHING } from './collection.ts';
import type { RequestInfo } from './request.ts';
import type { Resource } from './resource.ts';
import { type FieldRequirement, type Labels, matchesFields, parseFieldSelector, parseLabelSelector } from './selectors.ts';

/** Which objects of a resource a list or a watch is about. */
export interface Selection {
  /** No object without this key is selected. */
  readonly indexKey: string;
  /** A selector narrows it. */
  readonly isNarrowed: boolean;
  matches(object: KubeObject): boolean;
}

export function selectionOf(resource: Resource, info: RequestInfo): Selection {
  const labelSelector = info.params.get('labelSelector') ?? '';
  const fieldSelector = info.params.get('fieldSelector') ?? '';
  const hasLabels = parseLabelSelector(labelSelector);
  const fields = parseFieldSelector(fieldSelector, resource.selectableFields);
  const { namespace } = info;
  const isEverywhere = !resource.namespaced || namespace === '';
  // Selectors name the fields of their version; all others are the same in every version.
  const show = resource.group === 'events.k8s.io' ? resource.view.show : (object: KubeObject): KubeObject => object;
  return {
    indexKey: indexKeyOf(resource, isEverywhere ? '' : namespace, fields),
    isNarrowed: labelSelector !== '' || fieldSelector !== '',
    matches: (object) =>
      (isEverywhere || object.metadata.namespace === namespace) &&
      hasLabels(object.metadata.labels ?? NO_LABELS) &&
      (fields.length === 0 || matchesFields(show(object), fields)),
  };
}

const NO_LABELS: Labels = {};

/** The key that fewest objects have. */
function indexKeyOf(resource: Resource, namespace: string, fields: readonly FieldRequirement[]): string {
  const indexed = resource.storeKey === 'pods' ? ['metadata.name', 'spec.nodeName'] : ['metadata.name'];
  const field = fields.find(({ path, equal }) => equal && indexed.includes(path));
  if (field !== undefined) return `${field.path}=${field.value}`;
  return namespace === '' ? EVERYTHING : `metadata.namespace=${namespace}`;
}
