import type { Json, JsonObject } from '../objects.ts';
import { isObject } from './json.ts';

/**
 * How lists and maps merge (Server-Side Apply, "Merge strategy"): as a whole, as a set of values, or item by item, where
 * the values of some fields tell items apart.
 */
export interface Structure {
  readonly list: 'atomic' | 'set' | readonly string[];
  /** Maps and objects: they have one owner, as a whole. */
  readonly atomic: boolean;
  field(name: string): Structure;
  item(): Structure;
}

/** Objects merge field by field, lists as a whole. */
export const PLAIN: Structure = { list: 'atomic', atomic: false, field: () => PLAIN, item: () => PLAIN };

type Rule = 'set' | 'atomic' | readonly string[];

const CONDITIONS: Rule = ['type'];
const CONTAINER: Readonly<Record<string, Rule>> = {
  '': ['name'],
  '[].ports': ['containerPort', 'protocol'],
  '[].env': ['name'],
  '[].volumeMounts': ['mountPath'],
};

/** Lists of built-in kinds that do not merge as a whole, and objects that do; `[]` is any item of a list. */
const RULES: Readonly<Record<string, Readonly<Record<string, Rule>>>> = {
  '': { 'metadata.finalizers': 'set', 'metadata.ownerReferences': ['uid'], 'status.conditions': CONDITIONS },
  Pod: {
    ...under('spec.containers', CONTAINER),
    ...under('spec.initContainers', CONTAINER),
    ...under('spec.ephemeralContainers', CONTAINER),
    'spec.volumes': ['name'],
    'spec.imagePullSecrets': ['name'],
    'spec.hostAliases': ['ip'],
    'spec.nodeSelector': 'atomic',
    'status.podIPs': ['ip'],
    'status.hostIPs': 'atomic',
  },
  Service: { 'spec.ports': ['port', 'protocol'], 'spec.selector': 'atomic' },
  ServiceAccount: { secrets: ['name'] },
  Node: { 'status.addresses': ['type'], 'spec.taints': 'atomic' },
  EndpointSlice: { endpoints: 'atomic', ports: 'atomic' },
};

function under(prefix: string, rules: Readonly<Record<string, Rule>>): Record<string, Rule> {
  return Object.fromEntries(Object.entries(rules).map(([path, rule]) => [prefix + path, rule]));
}

export function builtinStructure(kind: string): Structure {
  return ruled({ ...RULES[''], ...RULES[kind] }, '');
}

function ruled(rules: Readonly<Record<string, Rule>>, path: string): Structure {
  const rule = rules[path] ?? 'atomic';
  return {
    list: rule,
    atomic: rules[path] === 'atomic',
    field: (name) => ruled(rules, path === '' ? name : `${path}.${name}`),
    item: () => ruled(rules, `${path}[]`),
  };
}

/** That of a custom resource, from its schema's `x-kubernetes-list-type`, `-list-map-keys` and `-map-type`. */
export function schemaStructure(schema: JsonObject): Structure {
  const type = schema['x-kubernetes-list-type'];
  const keys = schema['x-kubernetes-list-map-keys'];
  const child = (value: Json | undefined): Structure => (isObject(value) ? schemaStructure(value) : PLAIN);
  return {
    list: type === 'set' ? 'set' : type === 'map' && Array.isArray(keys) ? keys.map(String) : 'atomic',
    atomic: schema['x-kubernetes-map-type'] === 'atomic',
    field: (name) => {
      const { properties, additionalProperties } = schema;
      return child(isObject(properties) && name in properties ? properties[name] : additionalProperties);
    },
    item: () => child(schema['items']),
  };
}

/** The same, where `metadata` is that of every object. */
export function customStructure(schema: JsonObject): Structure {
  const own = schemaStructure(schema);
  const common = builtinStructure('').field('metadata');
  return { ...own, field: (name) => (name === 'metadata' ? common : own.field(name)) };
}
