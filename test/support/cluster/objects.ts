/** A value of JSON. */
export type Json = string | number | boolean | null | Json[] | JsonObject;

export interface JsonObject {
  [field: string]: Json;
}

/**
 * An object of the Kubernetes API in its JSON form, as `YAML.parse` gives it from a manifest. Only what every object has
 * is named; the rest is read with a type of the reader's own.
 */
export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  // The fields differ from kind to kind.
  [field: string]: unknown;
}

/** What we use of `ObjectMeta` (meta/v1). */
export interface ObjectMeta {
  name?: string;
  generateName?: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  deletionGracePeriodSeconds?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: string[];
  ownerReferences?: JsonObject[];
  managedFields?: ManagedFieldsEntry[];
}

/** Who set which fields of an object (meta/v1, Server-Side Apply). */
export interface ManagedFieldsEntry {
  manager: string;
  operation: 'Apply' | 'Update';
  apiVersion: string;
  time: string;
  fieldsType: 'FieldsV1';
  fieldsV1: JsonObject;
  subresource?: string;
}

/** Names a kind of objects. */
export interface KindRef {
  readonly apiVersion: string;
  readonly kind: string;
}

/** Names one object; a manifest of it will do. */
export interface ObjectRef extends KindRef {
  readonly metadata: { readonly name?: string; readonly namespace?: string };
}
