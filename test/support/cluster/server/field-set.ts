import type { Json, JsonObject } from '../objects.ts';
import { canonical, isObject } from './json.ts';
import type { Structure } from './structure.ts';

/**
 * Fields of an object, as `managedFields` names them: each is a path of steps `f:name` (a field), `k:{…}` (an item of a
 * list, by its keys) or `v:…` (an item of a set), joined by `SEPARATOR`.
 */
export type FieldSet = Set<string>;

const SEPARATOR = '\u0000';
/** In place of a value: the item itself, whose fields are listed besides. */
const ITEM = '';

/** Where keys of list items are left out, they are these. */
const KEY_DEFAULTS: Readonly<Record<string, string>> = { protocol: 'TCP' };

/** Every field of a value with its value as a text, so that two objects can be compared field by field. */
export function leavesOf(value: Json, structure: Structure): Map<string, string> {
  const leaves = new Map<string, string>();
  collect(value, structure, '', leaves);
  return leaves;
}

function collect(value: Json, structure: Structure, path: string, leaves: Map<string, string>): void {
  if (isObject(value) && !structure.atomic && Object.keys(value).length > 0) {
    for (const [name, child] of Object.entries(value)) {
      if (child !== undefined) collect(child, structure.field(name), join(path, `f:${name}`), leaves);
    }
  } else if (Array.isArray(value) && structure.list !== 'atomic' && value.length > 0) {
    for (const item of value) {
      const step = join(path, stepOf(item, structure));
      leaves.set(step, ITEM);
      if (structure.list !== 'set') collect(item, structure.item(), step, leaves);
    }
  } else if (path !== '') {
    leaves.set(path, canonical(value));
  }
}

/** How the path of a list's item goes on. */
export function stepOf(item: Json, structure: Structure): string {
  if (!Array.isArray(structure.list)) return `v:${canonical(item)}`;
  const keys = structure.list as readonly string[];
  const fields = isObject(item) ? item : {};
  return `k:${canonical(Object.fromEntries(keys.map((key) => [key, fields[key] ?? KEY_DEFAULTS[key] ?? null])))}`;
}

function join(path: string, step: string): string {
  return path === '' ? step : path + SEPARATOR + step;
}

export function joinSteps(steps: readonly string[]): string {
  return steps.join(SEPARATOR);
}

export function stepsOf(path: string): string[] {
  return path.split(SEPARATOR);
}

/** As messages show it: `.spec.ports[port=80,protocol="TCP"].name`. */
export function describeField(path: string): string {
  return stepsOf(path)
    .map((step) => {
      if (step.startsWith('f:')) return `.${step.slice(2)}`;
      if (step.startsWith('v:')) return `[=${step.slice(2)}]`;
      const keys = JSON.parse(step.slice(2)) as JsonObject;
      return `[${Object.entries(keys)
        .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
        .join(',')}]`;
    })
    .join('');
}

/** Whether one path is the other or leads to it. */
export function isWithin(path: string, ancestor: string): boolean {
  return path === ancestor || path.startsWith(ancestor + SEPARATOR);
}

/** The form in which `managedFields` keeps it; `.` marks a field that is meant itself, besides those in it. */
export function toFieldsV1(fields: Iterable<string>): JsonObject {
  const root: JsonObject = {};
  for (const path of [...fields].sort()) {
    let node = root;
    for (const step of stepsOf(path)) node = (node[step] ??= {}) as JsonObject;
    node['.'] = {};
  }
  for (const step of Object.values(root)) dropLoneDots(step as JsonObject);
  return root;
}

function dropLoneDots(node: JsonObject): void {
  const steps = Object.keys(node);
  if (steps.length === 1 && steps[0] === '.') delete node['.'];
  for (const [step, child] of Object.entries(node)) if (step !== '.') dropLoneDots(child as JsonObject);
}

export function fromFieldsV1(root: JsonObject): FieldSet {
  const fields: FieldSet = new Set();
  const walk = (node: JsonObject, path: string): void => {
    const steps = Object.keys(node);
    if (path !== '' && (steps.length === 0 || '.' in node)) fields.add(path);
    for (const step of steps) if (step !== '.') walk(node[step] as JsonObject, join(path, step));
  };
  walk(root, '');
  return fields;
}
