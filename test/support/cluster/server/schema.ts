import type { Json, JsonObject } from '../objects.ts';
import { isObject } from './json.ts';

/** An OpenAPI v3 schema of a CustomResourceDefinition ("structural schema"). */
export type Schema = JsonObject;

/** The schema of a field; null where the schema does not know it. */
function fieldSchema(schema: Schema, name: string): Schema | null {
  const { properties, additionalProperties } = schema;
  if (isObject(properties)) {
    const own = properties[name];
    if (isObject(own)) return own;
  }
  if (isObject(additionalProperties)) return additionalProperties;
  return additionalProperties === true ? { 'x-kubernetes-preserve-unknown-fields': true } : null;
}

/** Drops the fields that the schema does not know, in place. @returns their paths */
export function prune(value: Json, schema: Schema, path = ''): string[] {
  if (Array.isArray(value)) {
    const { items } = schema;
    return isObject(items) ? value.flatMap((item, i) => prune(item, items, `${path}[${i}]`)) : [];
  }
  if (!isObject(value)) return [];
  const keepsAll = schema['x-kubernetes-preserve-unknown-fields'] === true;
  const isWhole = path === '' || schema['x-kubernetes-embedded-resource'] === true;
  return Object.keys(value).flatMap((name) => {
    if (isWhole && (name === 'apiVersion' || name === 'kind' || name === 'metadata')) return [];
    const below = path === '' ? name : `${path}.${name}`;
    const child = fieldSchema(schema, name);
    if (child !== null) return prune(value[name] as Json, child, below);
    if (keepsAll) return [];
    delete value[name];
    return [below];
  });
}

/** Sets the defaults of the schema, in place, and drops nulls where there is a default and null is not allowed. */
export function setDefaults(value: Json, schema: Schema): void {
  if (Array.isArray(value)) {
    const { items } = schema;
    if (isObject(items)) for (const item of value) setDefaults(item, items);
    return;
  }
  if (!isObject(value)) return;
  const { properties, additionalProperties } = schema;
  if (isObject(properties)) {
    for (const [name, child] of Object.entries(properties)) {
      if (!isObject(child)) continue;
      const isUnset = value[name] === undefined || (value[name] === null && child['nullable'] !== true);
      if (isUnset && child['default'] !== undefined) value[name] = structuredClone(child['default']);
      if (value[name] !== undefined) setDefaults(value[name], child);
    }
  }
  if (isObject(additionalProperties)) {
    for (const [name, child] of Object.entries(value)) {
      if (!isObject(properties) || !(name in properties)) setDefaults(child, additionalProperties);
    }
  }
}
