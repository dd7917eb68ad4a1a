import type { KubeObject } from '../objects.ts';
import { badRequest } from './status.ts';

export type Labels = Readonly<Record<string, string>>;
export type LabelTest = (labels: Labels) => boolean;

/** What a field selector asks of one field. */
export interface FieldRequirement {
  readonly path: string;
  readonly equal: boolean;
  readonly value: string;
}

const KEY = '[A-Za-z0-9]([-A-Za-z0-9_./]*[A-Za-z0-9])?';
const VALUE = '[-A-Za-z0-9_.]*';
const EXISTS = new RegExp(`^(!?)\\s*(${KEY})$`);
const EQUALITY = new RegExp(`^(${KEY})\\s*(=|==|!=)\\s*(${VALUE})$`);
const SET = new RegExp(`^(${KEY})\\s+(in|notin)\\s*\\(([^()]*)\\)$`);
const ORDER = new RegExp(`^(${KEY})\\s*([<>])\\s*(-?\\d+)$`);

/**
 * Reads a label selector: `a=b,c!=d,e in (f,g),h notin (i),j,!k,l>1`. As in Kubernetes, `!=` and `notin` also select
 * objects without the label.
 * @throws ApiError 400
 */
export function parseLabelSelector(text: string): LabelTest {
  const tests = splitOutsideBrackets(text).map(requirementOf);
  return (labels) => tests.every((test) => test(labels));
}

function requirementOf(text: string): LabelTest {
  const set = SET.exec(text);
  if (set !== null) {
    const [, key = '', , operator, list = ''] = set;
    const values = new Set(list.split(',').map((value) => value.trim()));
    return operator === 'in' ? (labels) => key in labels && values.has(labels[key]!) : (labels) => !values.has(labels[key] ?? '\0');
  }
  const equality = EQUALITY.exec(text);
  if (equality !== null) {
    const [, key = '', , operator, value] = equality;
    return operator === '!=' ? (labels) => labels[key] !== value : (labels) => labels[key] === value;
  }
  const order = ORDER.exec(text);
  if (order !== null) {
    const [, key = '', , operator, bound] = order;
    const isInteger = (value: string | undefined): value is string => value !== undefined && /^-?\d+$/.test(value);
    return (labels) => {
      const value = labels[key];
      return isInteger(value) && (operator === '>' ? Number(value) > Number(bound) : Number(value) < Number(bound));
    };
  }
  const exists = EXISTS.exec(text);
  if (exists === null) throw badRequest(`unable to parse requirement: found '${text}', expected: a label selector`);
  const [, not, key = ''] = exists;
  return not === '!' ? (labels) => !(key in labels) : (labels) => key in labels;
}

function splitOutsideBrackets(text: string): string[] {
  return text
    .split(/,(?![^(]*\))/)
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

/**
 * Reads a field selector: `spec.nodeName=n1,status.phase!=Failed`.
 * @param allowed the paths that the resource can be selected by, besides the name and the namespace
 * @throws ApiError 400
 */
export function parseFieldSelector(text: string, allowed: readonly string[]): FieldRequirement[] {
  const parts = text.split(',').filter((part) => part.trim() !== '');
  return parts.map((part) => {
    const [, path = '', operator, value = ''] = /^([^=!]+)(=|==|!=)(.*)$/.exec(part.trim()) ?? [];
    if (operator === undefined) throw badRequest(`invalid field selector: ${JSON.stringify(part)}; can't understand`);
    if (path !== 'metadata.name' && path !== 'metadata.namespace' && !allowed.includes(path)) {
      throw badRequest(`field label not supported: ${path}`);
    }
    return { path, equal: operator !== '!=', value };
  });
}

export function matchesFields(object: KubeObject, requirements: readonly FieldRequirement[]): boolean {
  return requirements.every(({ path, equal, value }) => (fieldOf(object, path) === value) === equal);
}

/** Fields of type bool; an absent one is `false`. */
const BOOLEANS: ReadonlySet<string> = new Set(['spec.hostNetwork', 'spec.unschedulable']);

/** The field as selectors compare it: absent is the empty string. */
function fieldOf(object: KubeObject, path: string): string {
  let value: unknown = object;
  for (const field of path.split('.')) {
    value = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[field] : undefined;
  }
  if (value === undefined || value === null) return BOOLEANS.has(path) ? 'false' : '';
  return String(value);
}
