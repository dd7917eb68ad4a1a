import type { Json, JsonObject } from '../objects.ts';
import { isObject } from './json.ts';
import type { Structure } from './structure.ts';

/**
 * A strategic merge patch: a merge patch in which lists of items with keys merge item by item, with the directives
 * `$patch: delete | replace` and `$deleteFromPrimitiveList`. The keys are those of server-side apply, of which the first
 * is enough. `$retainKeys` and `$setElementOrder` are taken and have no effect.
 */
export function strategicPatch(target: Json | undefined, patch: Json, structure: Structure): Json {
  if (Array.isArray(patch)) return mergeList(Array.isArray(target) ? target : [], patch, structure);
  if (!isObject(patch)) return patch;
  if (patch['$patch'] === 'replace') return withoutDirectives(patch);
  const result: JsonObject = isObject(target) ? { ...target } : {};
  for (const [field, value] of Object.entries(patch)) {
    if (field.startsWith('$deleteFromPrimitiveList/')) {
      const name = field.slice(field.indexOf('/') + 1);
      const gone = new Set(Array.isArray(value) ? value : []);
      const list = result[name];
      if (Array.isArray(list)) result[name] = list.filter((item) => !gone.has(item));
    } else if (field.startsWith('$')) {
      continue;
    } else if (value === null || (isObject(value) && value['$patch'] === 'delete')) {
      delete result[field];
    } else {
      result[field] = strategicPatch(result[field], value, structure.field(field));
    }
  }
  return result;
}

function mergeList(target: readonly Json[], patch: readonly Json[], structure: Structure): Json[] {
  if (structure.list === 'set') return [...new Set([...target, ...patch])];
  if (
    structure.list === 'atomic' ||
    patch.some((item) => isObject(item) && item['$patch'] === 'replace' && Object.keys(item).length === 1)
  ) {
    return patch.filter((item) => !(isObject(item) && '$patch' in item));
  }
  const [key = ''] = structure.list;
  const keyOf = (item: Json): Json | undefined => (isObject(item) ? item[key] : undefined);
  const result = [...target];
  for (const item of patch) {
    const at = result.findIndex((other) => keyOf(other) === keyOf(item));
    const isGone = isObject(item) && item['$patch'] === 'delete';
    if (isGone && at >= 0) result.splice(at, 1);
    else if (!isGone && at >= 0) result[at] = strategicPatch(result[at], item, structure.item());
    else if (!isGone) result.push(withoutDirectives(item));
  }
  return result;
}

function withoutDirectives(value: Json): Json {
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([field]) => !field.startsWith('$')));
}
