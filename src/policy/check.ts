import { nearest } from './nearest.ts';
import { compare, type Static, type TSchema, type ValidationError } from './shape.ts';

/** One thing that is wrong with a document. */
export interface Problem {
  /** Where: field names and list positions from the top of the document. */
  readonly path: readonly (string | number)[];
  /** Value, and what is allowed. */
  readonly message: string;
}

export type Checked<T> = { readonly value: T; readonly problems: null } | { readonly value: null; readonly problems: readonly Problem[] };

/**
 * Fills in defaults and compares a document with its description (see shape.ts).
 * @param input plain data as a YAML or JSON parser gives it; it is not changed
 */
export function check<S extends TSchema>(schema: S, input: unknown): Checked<Static<S>> {
  const { value, errors } = compare(schema, input);
  if (errors.length === 0) return { value: value as Static<S>, problems: null };
  const problems = relevant(errors, value).flatMap((error) => problemsOf(error, schema, value));
  return { value: null, problems: unique(problems) };
}

/** `spec.targets[0].url` */
export function formatPath(path: readonly (string | number)[]): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (!/^[A-Za-z_][\w-]*$/.test(step)) text += `[${JSON.stringify(step)}]`;
    else text += text === '' ? step : `.${step}`;
  }
  return text;
}

type Node = { readonly [key: string]: unknown };

/**
 * A value that fits no branch of an alternative gets an error for the alternative and some for each branch. For a list
 * or an object, what the branch of its kind has to say helps; else only the alternative as a whole is named.
 */
function relevant(errors: readonly ValidationError[], root: unknown): ValidationError[] {
  const alternatives = errors.filter(({ keyword }) => keyword === 'anyOf');
  const dropped = new Set<ValidationError>();
  for (const alternative of alternatives) {
    const branches = `${alternative.schemaPath}/anyOf/`;
    const structured = !isScalar(follow(root, alternative.instancePath).value);
    const inside = errors.filter((error) => error.schemaPath.startsWith(branches) && isWithin(error, alternative));
    const misfits = new Set(inside.filter(({ keyword }) => keyword === 'type' || keyword === 'enum').map(({ schemaPath }) => schemaPath));
    const fitting = inside.filter(({ schemaPath }) => structured && !misfits.has(branchOf(schemaPath, branches)));
    for (const error of inside) if (!fitting.includes(error)) dropped.add(error);
    if (fitting.length > 0) dropped.add(alternative);
  }
  return errors.filter((error) => error.keyword !== 'boolean' && !dropped.has(error));
}

function isWithin({ instancePath }: ValidationError, outer: ValidationError): boolean {
  return instancePath === outer.instancePath || instancePath.startsWith(`${outer.instancePath}/`);
}

/** @param branches path of the list of branches, with a slash at its end */
function branchOf(schemaPath: string, branches: string): string {
  return branches + schemaPath.slice(branches.length).split('/', 1)[0];
}

function problemsOf(error: ValidationError, schema: TSchema, root: unknown): Problem[] {
  const { path, value } = follow(root, error.instancePath);
  const node = nodeAt(schema, error.schemaPath);
  switch (error.keyword) {
    case 'additionalProperties':
      return error.params.additionalProperties.map((name) => ({ path: [...path, name], message: unknownField(node, name) }));
    case 'required':
      return error.params.requiredProperties.map((name) => ({
        path: [...path, name],
        message: `missing; give ${expects(propertiesOf(node)[name])}`,
      }));
    case '~refine':
      return [{ path, message: isScalar(value) ? `${show(value)} is not allowed; ${error.message}` : error.message }];
    case 'uniqueItems':
      return [{ path, message: 'an entry is there twice; give each once' }];
    default:
      return [{ path, message: `${show(value)} is not allowed; give ${expects(node)}` }];
  }
}

function unknownField(node: Node, name: string): string {
  const known = Object.keys(propertiesOf(node));
  const near = nearest(name, known);
  return near === null ? `unknown field; known here: ${known.join(', ')}` : `unknown field; did you mean ${near}?`;
}

function propertiesOf(node: Node): Record<string, Node> {
  return (node['properties'] ?? {}) as Record<string, Node>;
}

function expects(node: Node | undefined): string {
  return typeof node?.['expects'] === 'string' ? node['expects'] : 'another value';
}

function isScalar(value: unknown): boolean {
  return typeof value !== 'object' || value === null;
}

/** The value as the user may have written it, short. */
function show(value: unknown): string {
  if (value === null || value === undefined) return 'an empty value';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : `a list of ${value.length}`;
  if (typeof value === 'object') return 'an object';
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length <= 80 ? text : `${text.slice(0, 77)}...`;
}

/** Follows a JSON pointer (RFC 6901) into the document. */
function follow(root: unknown, pointer: string): { path: (string | number)[]; value: unknown } {
  const path: (string | number)[] = [];
  let value = root;
  for (const step of pointer.split('/').slice(1)) {
    const name = step.replaceAll('~1', '/').replaceAll('~0', '~');
    path.push(Array.isArray(value) ? Number(name) : name);
    value = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
  }
  return { path, value };
}

function nodeAt(schema: TSchema, schemaPath: string): Node {
  let node = schema as unknown as Node;
  for (const step of schemaPath.split('/').slice(1)) {
    const next = node[step];
    if (typeof next !== 'object' || next === null) break;
    node = next as Node;
  }
  return node;
}

/** The first problem of each place: a second one there follows from the first, most of the time. */
function unique(problems: readonly Problem[]): Problem[] {
  const seen = new Set<string>();
  return problems.filter(({ path }) => {
    const key = formatPath(path);
    return !seen.has(key) && seen.add(key) !== undefined;
  });
}
