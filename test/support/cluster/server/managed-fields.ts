import type { JsonObject, KubeObject, ManagedFieldsEntry } from '../objects.ts';
import { type FieldSet, fromFieldsV1, isWithin, joinSteps, leavesOf, toFieldsV1 } from './field-set.ts';
import { treeOf } from './json.ts';
import type { Structure } from './structure.ts';

/** Who writes. */
export interface Manager {
  readonly name: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  readonly subresource: string;
}

export interface Owner extends Manager {
  readonly time: string;
  readonly fields: FieldSet;
}

/** Nobody owns these: the server sets them, or they say which object it is. */
const UNOWNED = [
  ...['apiVersion', 'kind', 'metadata'].map((field) => `f:${field}`),
  ...['name', 'namespace', 'generateName', 'uid', 'resourceVersion', 'generation', 'creationTimestamp', 'selfLink'].map(ofMetadata),
  ...['deletionTimestamp', 'deletionGracePeriodSeconds'].map(ofMetadata),
];

function ofMetadata(field: string): string {
  return joinSteps(['f:metadata', `f:${field}`]);
}

/** The fields that somebody can own, with their values. */
export function ownableLeaves(object: KubeObject, structure: Structure): Map<string, string> {
  const leaves = leavesOf(withoutOwners(object), structure);
  for (const path of UNOWNED) leaves.delete(path);
  return leaves;
}

export function ownersOf(object: KubeObject): Owner[] {
  return (object.metadata.managedFields ?? []).map((entry) => ({
    name: entry.manager,
    operation: entry.operation,
    apiVersion: entry.apiVersion,
    subresource: entry.subresource ?? '',
    time: entry.time,
    fields: fromFieldsV1(entry.fieldsV1),
  }));
}

/** Who applies is the same in each version. */
export function sameManager(a: Manager, b: Manager): boolean {
  const isSame = a.name === b.name && a.operation === b.operation && a.subresource === b.subresource;
  return isSame && (a.operation === 'Apply' || a.apiVersion === b.apiVersion);
}

/** Writes down who owns what; owners of nothing are left out. */
export function setOwners(object: KubeObject, owners: readonly Owner[]): void {
  const entries = owners.filter((owner) => owner.fields.size > 0).map(entryOf);
  if (entries.length > 0) object.metadata.managedFields = entries;
  else delete object.metadata.managedFields;
}

function entryOf(owner: Owner): ManagedFieldsEntry {
  return {
    manager: owner.name,
    operation: owner.operation,
    apiVersion: owner.apiVersion,
    time: owner.time,
    fieldsType: 'FieldsV1',
    fieldsV1: toFieldsV1(owner.fields),
    ...(owner.subresource !== '' && { subresource: owner.subresource }),
  };
}

/**
 * The owners after a write that is no apply: the writer owns what it changed or added, and nobody else does any more;
 * what is gone has no owner.
 */
export function ownersAfterUpdate(
  before: KubeObject | null,
  after: KubeObject,
  structure: Structure,
  manager: Manager,
  time: string,
): Owner[] {
  const old = before === null ? new Map<string, string>() : ownableLeaves(before, structure);
  const now = ownableLeaves(after, structure);
  const changed: FieldSet = new Set();
  for (const [path, value] of now) if (old.get(path) !== value) changed.add(path);
  const owners = before === null ? [] : ownersOf(before);
  const mine = owners.find((owner) => sameManager(owner, manager));
  const others = owners.filter((owner) => owner !== mine);
  const kept = others.map((owner) => ({
    ...owner,
    fields: new Set([...owner.fields].filter((path) => isOwned(path, now) && !changed.has(path))),
  }));
  const fields = new Set([...(mine?.fields ?? []), ...changed].filter((path) => isOwned(path, now)));
  if (fields.size === 0) return kept;
  const isSame = mine !== undefined && mine.fields.size === fields.size && changed.size === 0;
  return [...kept, { ...manager, time: isSame ? mine.time : time, fields }];
}

/** The field is there, or something is in it. */
function isOwned(path: string, leaves: ReadonlyMap<string, string>): boolean {
  if (leaves.has(path)) return true;
  for (const leaf of leaves.keys()) if (isWithin(leaf, path)) return true;
  return false;
}

/** An object without what says who owns it, for comparing. */
export function withoutOwners(object: KubeObject): JsonObject {
  const { managedFields: _, ...metadata } = object.metadata;
  return treeOf({ ...object, metadata });
}
