import { celEnv, isCelError, parse, plan, type CelInput } from '@bufbuild/cel';
import { strings } from '@bufbuild/cel/ext';
import { properties, type SchemaNode } from './structural.ts';

/** The libraries that rules may use: the standard one, and the string functions that every Kubernetes with CEL has. */
const ENVIRONMENT = celEnv({ funcs: strings });

const timestamp = plan(ENVIRONMENT, parse('timestamp(self)'));

type Program = ReturnType<typeof plan>;
const programs = new Map<string, Program>();

export interface Rule {
  readonly rule: string;
  readonly message: string;
}

export function rulesOf(schema: SchemaNode): readonly Rule[] {
  return (schema['x-kubernetes-validations'] ?? []) as readonly Rule[];
}

/** @returns `path: message` of each rule that a value, whose shape is right and whose defaults are there, breaks */
export function brokenRules(schema: SchemaNode, value: unknown, path = ''): string[] {
  const own = rulesOf(schema).filter(({ rule }) => !holds(rule, toCel(schema, value)));
  return [...own.map(({ message }) => `${path}: ${message}`), ...childrenOf(schema, value, path).flatMap((child) => brokenRules(...child))];
}

function childrenOf(schema: SchemaNode, value: unknown, path: string): [SchemaNode, unknown, string][] {
  const { items, additionalProperties } = schema;
  if (Array.isArray(value)) return isNode(items) ? value.map((entry, i) => [items, entry, `${path}[${i}]`]) : [];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, entry]) => {
    const child = properties(schema)[name] ?? additionalProperties;
    return isNode(child) ? [[child, entry, `${path}.${name}`] as [SchemaNode, unknown, string]] : [];
  });
}

/** An error of an evaluation counts as a broken rule, as for the API server. */
function holds(rule: string, self: CelInput): boolean {
  const program = programs.get(rule) ?? plan(ENVIRONMENT, parse(rule));
  programs.set(rule, program);
  const result = program({ self });
  return !isCelError(result) && result === true;
}

/** A value as rules see it: integers are not floats, and fields without a type are not there. */
function toCel(schema: SchemaNode, value: unknown): CelInput {
  const { items, additionalProperties } = schema;
  if (typeof value === 'number') return schema['type'] === 'number' ? value : BigInt(value);
  if (typeof value === 'string' && schema['format'] === 'date-time') return timestamp({ self: value }) as CelInput;
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (Array.isArray(value)) return value.map((entry) => toCel(items as SchemaNode, entry));
  const fields = Object.entries(value as object).flatMap(([name, entry]): [string, CelInput][] => {
    const child = properties(schema)[name] ?? additionalProperties;
    return isNode(child) && isVisible(child) ? [[name, toCel(child, entry)]] : [];
  });
  return new Map(fields);
}

function isVisible(schema: SchemaNode): boolean {
  return schema['type'] !== undefined || schema['x-kubernetes-int-or-string'] === true;
}

function isNode(value: unknown): value is SchemaNode {
  return typeof value === 'object' && value !== null;
}
