import type { Json, JsonObject, KubeObject } from '../objects.ts';

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A value in a form in which equal ones are equal texts: fields sorted, absent ones left out. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (!isObject(value)) return JSON.stringify(value) ?? 'null';
  const fields = Object.keys(value).filter((field) => value[field] !== undefined);
  return `{${fields
    .sort()
    .map((field) => `${JSON.stringify(field)}:${canonical(value[field])}`)
    .join(',')}}`;
}

export function equal(a: unknown, b: unknown): boolean {
  return a === b || canonical(a) === canonical(b);
}

/** An object of the API as a tree of JSON, and back: the same object, seen differently. */
export function treeOf(object: KubeObject): JsonObject {
  return object as unknown as JsonObject;
}

export function objectOf(tree: JsonObject): KubeObject {
  return tree as unknown as KubeObject;
}

/** A merge patch (RFC 7396). Changes nothing in its arguments. */
export function mergePatch(target: Json | undefined, patch: Json): Json {
  if (!isObject(patch)) return patch;
  const result: JsonObject = isObject(target) ? { ...target } : {};
  for (const [field, value] of Object.entries(patch)) {
    if (value === null) delete result[field];
    else result[field] = mergePatch(result[field], value);
  }
  return result;
}
