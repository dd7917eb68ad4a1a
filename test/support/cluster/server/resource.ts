import type { KubeObject } from '../objects.ts';
import type { Cause, GroupResource } from './status.ts';
import type { View } from './stored.ts';
import type { Structure } from './structure.ts';

/** A resource in one version, as it is served. */
export interface Resource extends GroupResource {
  readonly version: string;
  readonly singular: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  /** `status` and whatever else it has. */
  readonly subresources: readonly string[];
  /** It comes from a CustomResourceDefinition. */
  readonly custom: boolean;
  /** `metadata.generation` counts the changes of its spec. */
  readonly hasGeneration: boolean;
  /** PUT may come without `resourceVersion`. */
  readonly unconditionalUpdate: boolean;
  /** PUT makes what is not there. */
  readonly createOnUpdate: boolean;
  /** Fields that it can be selected by, besides its name and namespace. */
  readonly selectableFields: readonly string[];
  readonly structure: Structure;
  /** Its objects in the store: all versions share them. */
  readonly storeKey: string;
  /** How this version shows what is stored. */
  readonly view: View;
  /** The same for the items of a list: those of built-in kinds do not repeat `apiVersion` and `kind`. */
  readonly itemView: View;
  /** From this version to the one that is stored. */
  store(object: KubeObject): KubeObject;
  /** Prunes and sets defaults, in place. @returns the paths of unknown fields, which were dropped */
  complete(object: KubeObject): string[];
  /** @param before null for a new object */
  validate(object: KubeObject, before: KubeObject | null): Cause[];
}

export function apiVersionOf({ group, version }: { readonly group: string; readonly version: string }): string {
  return group === '' ? version : `${group}/${version}`;
}

/** Group and version of an `apiVersion`. */
export function splitApiVersion(apiVersion: string): { readonly group: string; readonly version: string } {
  const slash = apiVersion.indexOf('/');
  return slash < 0 ? { group: '', version: apiVersion } : { group: apiVersion.slice(0, slash), version: apiVersion.slice(slash + 1) };
}

export function withoutKind(view: View): View {
  return {
    key: `${view.key} without kind`,
    show: (object) => {
      const { apiVersion: _, kind: __, ...rest } = view.show(object);
      return rest as KubeObject;
    },
  };
}
