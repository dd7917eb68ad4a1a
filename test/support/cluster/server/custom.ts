import type { Json, JsonObject, KubeObject } from '../objects.ts';
import { isObject, treeOf } from './json.ts';
import { apiVersionOf, type Resource } from './resource.ts';
import { checkSchema } from './schema-rules.ts';
import { prune, type Schema, setDefaults } from './schema.ts';
import type { View } from './stored.ts';
import { customStructure } from './structure.ts';

/** What we read of a CustomResourceDefinition. */
interface Definition {
  readonly group: string;
  readonly scope: string;
  readonly names: {
    readonly plural: string;
    readonly singular: string;
    readonly kind: string;
    readonly shortNames?: readonly string[];
    readonly categories?: readonly string[];
  };
  readonly versions: readonly DefinitionVersion[];
}

interface DefinitionVersion {
  readonly name: string;
  readonly served: boolean;
  readonly storage: boolean;
  readonly schema: { readonly openAPIV3Schema: Schema };
  readonly subresources?: JsonObject;
  readonly selectableFields?: readonly { readonly jsonPath: string }[];
}

/** The resources that a CustomResourceDefinition serves: one for each version, over the same objects. */
export function customResources(definition: KubeObject): Resource[] {
  const spec = definition['spec'] as unknown as Definition;
  const storage = spec.versions.find((version) => version.storage)?.name ?? '';
  return spec.versions.filter((version) => version.served).map((version) => resourceOf(spec, version, storage));
}

function resourceOf({ group, scope, names }: Definition, version: DefinitionVersion, storage: string): Resource {
  const schema = version.schema.openAPIV3Schema;
  const apiVersion = apiVersionOf({ group, version: version.name });
  const stored = apiVersionOf({ group, version: storage });
  const view: View = { key: apiVersion, show: (object) => (object.apiVersion === apiVersion ? object : { ...object, apiVersion }) };
  const hasStatus = isObject(version.subresources?.['status']);
  return {
    group,
    version: version.name,
    kind: names.kind,
    plural: names.plural,
    singular: names.singular,
    namespaced: scope === 'Namespaced',
    shortNames: names.shortNames ?? [],
    categories: names.categories ?? [],
    subresources: hasStatus ? ['status'] : [],
    custom: true,
    hasGeneration: true,
    unconditionalUpdate: false,
    createOnUpdate: false,
    selectableFields: (version.selectableFields ?? []).map(({ jsonPath }) => jsonPath.replace(/^\./, '')),
    structure: customStructure(schema),
    storeKey: `${names.plural}.${group}`,
    view,
    itemView: view,
    store: (object) => ({ ...object, apiVersion: stored }),
    complete: (object) => {
      const unknown = prune(treeOf(object), schema);
      setDefaults(treeOf(object), schema);
      return unknown;
    },
    validate: (object) => checkSchema(withoutMetadata(object), schema),
  };
}

function withoutMetadata(object: KubeObject): Json {
  const { metadata: _, ...rest } = object;
  return treeOf({ ...rest, metadata: {} });
}

/** Marks a definition as served, as its controller does. */
export function establish(definition: KubeObject, time: string): void {
  const spec = definition['spec'] as unknown as Definition;
  const condition = (type: string, reason: string, message: string): JsonObject => ({
    type,
    status: 'True',
    lastTransitionTime: time,
    reason,
    message,
  });
  definition['status'] = {
    conditions: [
      condition('NamesAccepted', 'NoConflicts', 'no conflicts found'),
      condition('Established', 'InitialNamesAccepted', 'the initial names have been accepted'),
    ],
    acceptedNames: spec.names,
    storedVersions: spec.versions.filter((version) => version.storage).map((version) => version.name),
  };
}
