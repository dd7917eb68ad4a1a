import { isIP } from 'node:net';
import { RE2JS } from 're2js';
import { brokenRules } from './cel.ts';
import { properties, type SchemaNode } from './structural.ts';

/** What the API server makes of an object. */
export interface Admission {
  /** As it would be stored: with defaults, and without what is null. */
  readonly object: unknown;
  /** `path: what is wrong`; empty where it is taken. */
  readonly problems: readonly string[];
}

/**
 * Judges an object as the API server does for a client that asks for strict field validation, as kubectl does: nulls
 * are dropped and defaults filled in, then fields, values and rules are checked.
 * @param object JSON; not changed
 */
export function admit(schema: SchemaNode, object: unknown): Admission {
  const stored = defaulted(schema, structuredClone(object));
  const problems: string[] = [];
  validate('', schema, stored, problems);
  return { object: stored, problems: problems.length > 0 ? problems : brokenRules(schema, stored) };
}

/** Fills in defaults, and drops nulls: none of our fields is nullable. */
export function defaulted(schema: SchemaNode, value: unknown): unknown {
  if (Array.isArray(value)) return isNode(schema['items']) ? value.map((entry) => defaulted(schema['items'] as SchemaNode, entry)) : value;
  if (!isObject(value)) return value;
  const { additionalProperties } = schema;
  const out: Record<string, unknown> = {};
  for (const [name, entry] of Object.entries(value)) {
    const child = properties(schema)[name] ?? (isNode(additionalProperties) ? additionalProperties : undefined);
    if (child === undefined) out[name] = entry;
    else if (entry !== null) out[name] = defaulted(child, entry);
  }
  for (const [name, child] of Object.entries(properties(schema))) {
    if (!(name in out) && 'default' in child) out[name] = defaulted(child, structuredClone(child['default']));
  }
  return out;
}

function validate(path: string, schema: SchemaNode, value: unknown, problems: string[]): void {
  const say = (what: string): void => void problems.push(`${path}: ${what}`);
  if (!ofType(schema, value)) return say('has another type');
  if (Array.isArray(schema['enum']) && !schema['enum'].includes(value)) say('is none of the words');
  if (typeof value === 'string') validateText(schema, value, say);
  if (typeof value === 'number') within(value, schema['minimum'], schema['maximum'], 'value', say);
  if (Array.isArray(value)) {
    within(value.length, schema['minItems'], schema['maxItems'], 'number of entries', say);
    if (!isUnique(schema, value)) say('has an entry twice');
    if (isNode(schema['items'])) value.forEach((entry, i) => validate(`${path}[${i}]`, schema['items'] as SchemaNode, entry, problems));
  } else if (isObject(value) && schema['type'] === 'object') validateObject(path, schema, value, problems, say);
}

function validateObject(path: string, schema: SchemaNode, value: object, problems: string[], say: (what: string) => void): void {
  const { additionalProperties } = schema;
  within(Object.keys(value).length, schema['minProperties'], schema['maxProperties'], 'number of fields', say);
  for (const name of (schema['required'] ?? []) as readonly string[]) if (!Object.hasOwn(value, name)) say(`${name} is required`);
  // The server's own, which has rules of its own.
  if (path === '.metadata') return;
  for (const [name, entry] of Object.entries(value)) {
    const child = Object.hasOwn(properties(schema), name) ? properties(schema)[name] : additionalProperties;
    if (isNode(child)) validate(`${path}.${name}`, child, entry, problems);
    else say(`${name} is unknown`);
  }
}

function ofType({ type, 'x-kubernetes-int-or-string': intOrString }: SchemaNode, value: unknown): boolean {
  if (intOrString === true) return typeof value === 'string' || Number.isInteger(value);
  if (type === undefined) return true;
  if (type === 'integer') return Number.isInteger(value);
  if (type === 'array') return Array.isArray(value);
  return type === 'object' ? isObject(value) : typeof value === type;
}

const patterns = new Map<string, RE2JS>();

function validateText(schema: SchemaNode, value: string, say: (what: string) => void): void {
  within([...value].length, schema['minLength'], schema['maxLength'], 'number of characters', say);
  const pattern = schema['pattern'];
  if (typeof pattern === 'string') {
    const compiled = patterns.get(pattern) ?? RE2JS.compile(pattern);
    patterns.set(pattern, compiled);
    if (!compiled.matcher(value).find()) say('does not fit the pattern');
  }
  if (schema['format'] === 'cidr' && !isCidr(value)) say('is no block of addresses');
  if (schema['format'] === 'date-time' && !isTime(value)) say('is no time');
}

/** ParseCIDRSloppy of Kubernetes, which takes numbers with leading zeros. */
function isCidr(value: string): boolean {
  const [, address = '', bits = ''] = /^([^/%]*)\/([0-9]+)$/.exec(value) ?? [];
  const version = isIP(address.replace(/\b0+(?=[0-9]+(?:\.|$))/g, ''));
  return version !== 0 && Number(bits) <= (version === 4 ? 32 : 128);
}

/** `date-time` of kube-openapi: RFC 3339, with days that there are. */
function isTime(value: string): boolean {
  const [, day = '', hour = '99'] = /^(\d{4}-\d{2}-\d{2})T(\d{2}):[0-5]\d:[0-5]\d(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})$/i.exec(value) ?? [];
  const midnight = new Date(`${day}T00:00:00Z`);
  return Number(hour) <= 23 && !Number.isNaN(midnight.getTime()) && midnight.toISOString().startsWith(day);
}

function isUnique(schema: SchemaNode, value: readonly unknown[]): boolean {
  const keys = schema['x-kubernetes-list-map-keys'] as readonly string[] | undefined;
  if (schema['x-kubernetes-list-type'] === 'atomic' || schema['x-kubernetes-list-type'] === undefined) return true;
  const names = value.map((entry) => JSON.stringify(keys === undefined ? entry : keys.map((key) => (entry as Record<string, unknown>)[key])));
  return new Set(names).size === names.length;
}

function within(size: number, least: unknown, most: unknown, what: string, say: (what: string) => void): void {
  if (typeof least === 'number' && size < least) say(`${what} ${size} is below ${least}`);
  if (typeof most === 'number' && size > most) say(`${what} ${size} is above ${most}`);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isNode(value: unknown): value is SchemaNode {
  return isObject(value);
}
