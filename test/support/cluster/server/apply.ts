import type { Json, JsonObject, KubeObject } from '../objects.ts';
import { describeField, type FieldSet, isWithin, stepOf, stepsOf } from './field-set.ts';
import { isObject, objectOf, treeOf } from './json.ts';
import { type Manager, type Owner, ownableLeaves, ownersOf, sameManager, setOwners } from './managed-fields.ts';
import { ApiError } from './status.ts';
import type { Structure } from './structure.ts';

/**
 * Server-side apply (Kubernetes documentation, "Server-Side Apply"): merges what a manager wants into the live object,
 * takes out what it wanted before and wants no more, and refuses to change what others own unless forced.
 * @param live null where the object is new
 * @returns the new object, with its owners
 * @throws ApiError 409 with a cause for each field that another manager owns
 */
export function applyTo(
  live: KubeObject | null,
  wanted: KubeObject,
  structure: Structure,
  manager: Manager,
  force: boolean,
  time: string,
): KubeObject {
  const intent = withoutNulls(treeOf(wanted)) as JsonObject;
  const fields: FieldSet = new Set(ownableLeaves(objectOf(intent), structure).keys());
  const before = live === null ? {} : treeOf(live);
  let after = mergeInto(before, intent, structure) as JsonObject;
  const owners = live === null ? [] : ownersOf(live);
  const mine = owners.find((owner) => sameManager(owner, manager));
  const others = owners.filter((owner) => owner !== mine);

  const changed = changedFields(live, objectOf(after), structure);
  const lost = others.map((owner) => [...owner.fields].filter((path) => fields.has(path) && changed.has(path)));
  if (!force) refuseConflicts(others, lost);
  const kept = others.map((owner, i) => ({ ...owner, fields: difference(owner.fields, lost[i] ?? []) }));

  // A list's item goes as a whole, with the defaults in it, unless somebody else keeps a field of it.
  const isKept = (path: string): boolean => kept.some((owner) => [...owner.fields].some((field) => isWithin(field, path)));
  const dropped = mine === undefined ? [] : [...mine.fields].filter((path) => !fields.has(path) && !isKept(path));
  for (const path of dropped.sort((a, b) => a.length - b.length)) after = removeField(after, stepsOf(path), structure) as JsonObject;

  const result = objectOf({ ...after, metadata: { ...(after['metadata'] as JsonObject) } });
  const isSame = mine !== undefined && mine.fields.size === fields.size && [...fields].every((path) => mine.fields.has(path));
  setOwners(result, [...kept, { ...manager, time: isSame ? mine.time : time, fields }]);
  return result;
}

function changedFields(live: KubeObject | null, after: KubeObject, structure: Structure): FieldSet {
  const old = live === null ? new Map<string, string>() : ownableLeaves(live, structure);
  const changed: FieldSet = new Set();
  for (const [path, value] of ownableLeaves(after, structure)) if (old.get(path) !== value) changed.add(path);
  return changed;
}

function refuseConflicts(others: readonly Owner[], lost: readonly (readonly string[])[]): void {
  const conflicts = others.flatMap((owner, i) => (lost[i] ?? []).map((path) => ({ with: nameOf(owner), field: describeField(path) })));
  if (conflicts.length === 0) return;
  const causes = conflicts.map(({ with: who, field }) => ({ reason: 'FieldManagerConflict', message: `conflict with ${who}`, field }));
  const names = [...new Set(conflicts.map((conflict) => conflict.with))];
  const count = conflicts.length === 1 ? '1 conflict' : `${conflicts.length} conflicts`;
  const text =
    conflicts.length === 1
      ? `conflict with ${conflicts[0]!.with}: ${conflicts[0]!.field}`
      : names
          .map(
            (who) =>
              `conflicts with ${who}:\n${conflicts
                .filter((c) => c.with === who)
                .map((c) => `- ${c.field}`)
                .join('\n')}`,
          )
          .join('\n');
  throw new ApiError(409, 'Conflict', `Apply failed with ${count}: ${text}`, { causes });
}

function nameOf(owner: Owner): string {
  const subresource = owner.subresource === '' ? '' : ` with subresource "${owner.subresource}"`;
  const version = owner.operation === 'Update' ? ` using ${owner.apiVersion}` : '';
  return `${JSON.stringify(owner.name)}${subresource}${version}`;
}

function difference(fields: FieldSet, without: readonly string[]): FieldSet {
  const result = new Set(fields);
  for (const path of without) result.delete(path);
  return result;
}

function withoutNulls(value: Json): Json {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isObject(value)) return value;
  const fields = Object.entries(value).filter(([, field]) => field !== null && field !== undefined);
  return Object.fromEntries(fields.map(([name, field]) => [name, withoutNulls(field)]));
}

function mergeInto(live: Json | undefined, wanted: Json, structure: Structure): Json {
  if (isObject(live) && isObject(wanted) && !structure.atomic) {
    const result: JsonObject = { ...live };
    for (const [name, value] of Object.entries(wanted)) result[name] = mergeInto(live[name], value, structure.field(name));
    return result;
  }
  if (Array.isArray(live) && Array.isArray(wanted) && structure.list !== 'atomic') return mergeItems(live, wanted, structure);
  return wanted;
}

/** Items of the live list stay where they are; new ones follow. */
function mergeItems(live: readonly Json[], wanted: readonly Json[], structure: Structure): Json[] {
  const items = new Map(live.map((item) => [stepOf(item, structure), item]));
  for (const item of wanted) {
    const step = stepOf(item, structure);
    items.set(step, mergeInto(items.get(step), item, structure.item()));
  }
  return [...items.values()];
}

/** Takes a field out, and what becomes empty by that. */
function removeField(value: Json, steps: readonly string[], structure: Structure): Json | undefined {
  const [step = '', ...rest] = steps;
  if (step.startsWith('f:')) {
    const name = step.slice(2);
    if (!isObject(value) || !(name in value)) return value;
    const { [name]: child, ...others } = value;
    const left = rest.length === 0 ? undefined : removeField(child as Json, rest, structure.field(name));
    if (left !== undefined) return { ...others, [name]: left };
    return Object.keys(others).length === 0 && rest.length === 0 ? undefined : others;
  }
  if (!Array.isArray(value)) return value;
  const items = value.flatMap((item) => {
    if (stepOf(item, structure) !== step) return [item];
    const left = rest.length === 0 ? undefined : removeField(item, rest, structure.item());
    return left === undefined ? [] : [left];
  });
  return items.length === 0 ? undefined : items;
}
