import { isIPv4, isIPv6 } from 'node:net';
import { RE2JS } from 're2js';
import type { Json, JsonObject } from '../objects.ts';
import { canonical, equal, isObject } from './json.ts';
import type { Schema } from './schema.ts';
import { type Cause, invalidValue, required } from './status.ts';

/**
 * Checks a value against a schema, with the messages of Kubernetes. CEL rules (`x-kubernetes-validations`) are not run.
 * @returns what is wrong; empty if nothing is
 */
export function checkSchema(value: Json, schema: Schema, path = ''): Cause[] {
  if (value === null) return schema['nullable'] === true ? [] : [wrongType(path, schema, value)];
  if (!hasType(value, schema)) return [wrongType(path, schema, value)];
  return [
    ...commonRules(value, schema, path),
    ...(typeof value === 'string' ? stringRules(value, schema, path) : []),
    ...(typeof value === 'number' ? numberRules(value, schema, path) : []),
    ...(Array.isArray(value) ? listRules(value, schema, path) : []),
    ...(isObject(value) ? objectRules(value, schema, path) : []),
    ...junctorRules(value, schema, path),
  ];
}

function hasType(value: Json, schema: Schema): boolean {
  if (schema['x-kubernetes-int-or-string'] === true) return typeof value === 'string' || Number.isInteger(value);
  switch (schema['type']) {
    case 'object':
      return isObject(value);
    case 'array':
      return Array.isArray(value);
    case 'integer':
      return Number.isInteger(value);
    case undefined:
      return true;
    default:
      return typeof value === schema['type'];
  }
}

function wrongType(path: string, schema: Schema, value: Json): Cause {
  const actual = value === null ? 'null' : Array.isArray(value) ? 'array' : Number.isInteger(value) ? 'integer' : typeof value;
  const expected = String(schema['type'] ?? 'integer,string');
  return { ...invalidValue(path, actual, `${path} in body must be of type ${expected}: "${actual}"`), reason: 'FieldValueTypeInvalid' };
}

function commonRules(value: Json, schema: Schema, path: string): Cause[] {
  const values = schema['enum'];
  if (!Array.isArray(values) || values.some((allowed) => equal(allowed, value))) return [];
  const list = values.map((allowed) => JSON.stringify(allowed)).join(', ');
  return [
    { reason: 'FieldValueNotSupported', message: `Unsupported value: ${JSON.stringify(value)}: supported values: ${list}`, field: path },
  ];
}

function stringRules(value: string, schema: Schema, path: string): Cause[] {
  const { minLength, maxLength, pattern, format } = schema;
  const length = [...value].length;
  const causes: Cause[] = [];
  if (typeof maxLength === 'number' && length > maxLength) {
    causes.push({ reason: 'FieldValueTooLong', message: `Too long: may not be more than ${maxLength} bytes`, field: path });
  }
  if (typeof minLength === 'number' && length < minLength) {
    causes.push(invalidValue(path, value, `${path} in body should be at least ${minLength} chars long`));
  }
  if (typeof pattern === 'string' && !compiled(pattern).matcher(value).find()) {
    causes.push(invalidValue(path, value, `${path} in body should match '${pattern}'`));
  }
  if (typeof format === 'string' && FORMATS[format]?.(value) === false) {
    causes.push(invalidValue(path, value, `${path} in body must be of type ${format}: ${JSON.stringify(value)}`));
  }
  return causes;
}

/** Formats that are checked; Kubernetes ignores those it does not know. */
const FORMATS: Readonly<Record<string, (value: string) => boolean>> = {
  'date-time': (value) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/i.test(value) && !Number.isNaN(Date.parse(value)),
  date: (value) => /^\d{4}-\d\d-\d\d$/.test(value) && !Number.isNaN(Date.parse(value)),
  ipv4: isIPv4,
  ipv6: isIPv6,
  byte: (value) => /^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(value),
  uuid: (value) => /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i.test(value),
};

/** RE2, as Go has it: linear in time, and without backreferences and lookaround. */
function compiled(pattern: string): RE2JS {
  let program = patterns.get(pattern);
  if (program === undefined) patterns.set(pattern, (program = RE2JS.compile(pattern)));
  return program;
}

const patterns = new Map<string, RE2JS>();

function numberRules(value: number, schema: Schema, path: string): Cause[] {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema;
  const causes: Cause[] = [];
  if (typeof maximum === 'number' && (exclusiveMaximum === true ? value >= maximum : value > maximum)) {
    causes.push(
      invalidValue(path, value, `${path} in body should be less than ${exclusiveMaximum === true ? '' : 'or equal to '}${maximum}`),
    );
  }
  if (typeof minimum === 'number' && (exclusiveMinimum === true ? value <= minimum : value < minimum)) {
    causes.push(
      invalidValue(path, value, `${path} in body should be greater than ${exclusiveMinimum === true ? '' : 'or equal to '}${minimum}`),
    );
  }
  if (typeof multipleOf === 'number' && !Number.isInteger(value / multipleOf)) {
    causes.push(invalidValue(path, value, `${path} in body should be a multiple of ${multipleOf}`));
  }
  return causes;
}

function listRules(list: readonly Json[], schema: Schema, path: string): Cause[] {
  const { minItems, maxItems, items } = schema;
  const causes: Cause[] = [];
  if (typeof maxItems === 'number' && list.length > maxItems) {
    causes.push({ reason: 'FieldValueTooMany', message: `Too many: ${list.length}: must have at most ${maxItems} items`, field: path });
  }
  if (typeof minItems === 'number' && list.length < minItems) {
    causes.push(invalidValue(path, list.length, `${path} in body should have at least ${minItems} items`));
  }
  if (isObject(items)) causes.push(...list.flatMap((item, i) => checkSchema(item, items, `${path}[${i}]`)));
  return [...causes, ...duplicates(list, schema, path)];
}

/** Items that are told apart by keys, or by their value, must not repeat. */
function duplicates(list: readonly Json[], schema: Schema, path: string): Cause[] {
  const type = schema['x-kubernetes-list-type'];
  const keys = schema['x-kubernetes-list-map-keys'];
  if (type !== 'set' && type !== 'map') return [];
  const identityOf = (item: Json): Json =>
    type === 'map' && Array.isArray(keys) && isObject(item)
      ? Object.fromEntries(keys.map(String).map((key) => [key, item[key] ?? null]))
      : item;
  const seen = new Set<string>();
  return list.flatMap((item, i) => {
    const identity = identityOf(item);
    const isNew = !seen.has(canonical(identity));
    seen.add(canonical(identity));
    return isNew
      ? []
      : [{ reason: 'FieldValueDuplicate', message: `Duplicate value: ${JSON.stringify(identity)}`, field: `${path}[${i}]` }];
  });
}

function objectRules(value: JsonObject, schema: Schema, path: string): Cause[] {
  const { properties, additionalProperties, minProperties, maxProperties } = schema;
  const names = Object.keys(value);
  const below = (name: string): string => (path === '' ? name : `${path}.${name}`);
  const causes: Cause[] = [];
  for (const name of Array.isArray(schema['required']) ? schema['required'].map(String) : []) {
    if (value[name] === undefined) causes.push(required(below(name)));
  }
  if (typeof maxProperties === 'number' && names.length > maxProperties) {
    causes.push({
      reason: 'FieldValueTooMany',
      message: `Too many: ${names.length}: must have at most ${maxProperties} items`,
      field: path,
    });
  }
  if (typeof minProperties === 'number' && names.length < minProperties) {
    causes.push(invalidValue(path, names.length, `${path} in body should have at least ${minProperties} properties`));
  }
  for (const name of names) {
    const known = isObject(properties) ? properties[name] : undefined;
    const child = known ?? additionalProperties;
    if (isObject(child) && value[name] !== undefined) causes.push(...checkSchema(value[name], child, below(name)));
  }
  return causes;
}

function junctorRules(value: Json, schema: Schema, path: string): Cause[] {
  const branches = (name: string): Schema[] => {
    const list = schema[name];
    return Array.isArray(list) ? list.filter(isObject) : [];
  };
  const fits = (branch: Schema): boolean => checkSchema(value, branch, path).length === 0;
  const causes = branches('allOf').flatMap((branch) => checkSchema(value, branch, path));
  const any = branches('anyOf');
  const one = branches('oneOf');
  const { not } = schema;
  if (any.length > 0 && !any.some(fits))
    causes.push(invalidValue(path, value, `${path} in body must validate at least one schema (anyOf)`));
  if (one.length > 0 && one.filter(fits).length !== 1)
    causes.push(invalidValue(path, value, `${path} in body must validate one and only one schema (oneOf)`));
  if (isObject(not) && fits(not)) causes.push(invalidValue(path, value, `${path} in body must not validate the schema (not)`));
  return causes;
}
