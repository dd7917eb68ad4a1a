import { mustBeGiven, type CelRule, type TSchema } from '../policy/shape.ts';

/**
 * A structural schema, as Kubernetes wants it for custom resources (Kubernetes documentation, "Specifying a structural
 * schema"): a part of OpenAPI v3 in which every node has one type.
 */
export type StructuralSchema = { readonly [keyword: string]: unknown };

/** A description in the vocabulary of policy/shape.ts, as the plain JSON Schema that it is, with our own keywords. */
type Node = { readonly [keyword: string]: unknown };

/** Bounds on values; each says something of one type only, and nothing of values of another. */
const BOUNDS = [
  'format', 'pattern', 'minLength', 'maxLength', 'minimum', 'maximum', 'minItems', 'maxItems', 'minProperties', 'maxProperties',
] as const;

/**
 * The structural schema of a description. Unknown fields are not mentioned in it: the API server drops them, or refuses
 * them where the client asks for strict validation, as kubectl does.
 */
export function structuralSchema(schema: TSchema): StructuralSchema {
  return convert(schema as unknown as Node);
}

function convert(node: Node): StructuralSchema {
  const branches = node['anyOf'] as readonly Node[] | undefined;
  return {
    ...pick(node, ['description', 'default']),
    ...(branches === undefined ? typed(node) : union(branches)),
    ...rules(node),
  };
}

function typed(node: Node): StructuralSchema {
  return { type: node['type'], ...words(node), ...pick(node, BOUNDS), ...fields(node), ...values(node), ...entries(node) };
}

/**
 * A structural schema has no union of types but `x-kubernetes-int-or-string`. Any other is left open, and bounded by
 * keywords that hold for the values of one type: what is of no type of the union is left to the agent.
 */
function union(branches: readonly Node[]): StructuralSchema {
  const bounds = Object.assign({}, ...branches.map((branch) => ({ ...wordPattern(branch), ...pick(branch, BOUNDS), ...items(branch) }))) as Node;
  const types = branches.map(({ type }) => type);
  if (!types.every((type) => type === 'integer' || type === 'string')) return { 'x-kubernetes-preserve-unknown-fields': true, ...bounds };
  return { 'x-kubernetes-int-or-string': true, anyOf: [{ type: 'integer' }, { type: 'string' }], ...bounds };
}

function words(node: Node): Node {
  if ('const' in node) return { enum: [node['const']] };
  return pick(node, ['enum']);
}

/** Words as a pattern: `enum` would refuse values of the other types of a union. */
function wordPattern(node: Node): Node {
  return 'enum' in node ? { pattern: `^(?:${(node['enum'] as readonly string[]).join('|')})$` } : {};
}

function fields(node: Node): Node {
  if (!('properties' in node)) return {};
  const properties = Object.entries(node['properties'] as Readonly<Record<string, Node>>);
  const required = mustBeGiven(node);
  return {
    properties: Object.fromEntries(properties.map(([name, child]) => [name, convert(child)])),
    ...(required.length === 0 ? {} : { required }),
  };
}

/** Of a map from names to values. */
function values(node: Node): Node {
  const patterns = Object.values((node['patternProperties'] ?? {}) as Readonly<Record<string, Node>>);
  return patterns[0] === undefined ? {} : { additionalProperties: convert(patterns[0]) };
}

function items(node: Node): Node {
  return 'items' in node ? { items: convert(node['items'] as Node) } : {};
}

/** How server-side apply merges a list: as a set, by keys, or as one value. */
function entries(node: Node): Node {
  if (node['type'] !== 'array') return {};
  const keys = node['uniqueBy'] as readonly string[] | undefined;
  const merged = keys === undefined ? (node['uniqueItems'] === true ? 'set' : 'atomic') : 'map';
  return {
    'x-kubernetes-list-type': merged,
    ...(keys === undefined ? {} : { 'x-kubernetes-list-map-keys': keys }),
    ...items(node),
  };
}

function rules(node: Node): Node {
  const cel = [...((node['cel'] ?? []) as readonly CelRule[]), ...missed(node)];
  return cel.length === 0 ? {} : { 'x-kubernetes-validations': cel };
}

/** Rules that are always true, but of a value that is no text, for which they are an error and so refuse it. */
const IS_TEXT: Readonly<Record<string, string>> = { cidr: "self.contains('/')", 'date-time': "self >= timestamp('0001-01-01T00:00:00Z')" };

/**
 * Rules for what the API server misses in its own keywords: it lets a list pass for a text that has a format, and rounds
 * a bound down where the value is written without a fraction, so that 0 passes a minimum of 0.1.
 */
function missed({ minimum, format, expects }: Node): CelRule[] {
  const rule = typeof minimum === 'number' && !Number.isInteger(minimum) ? `self >= ${minimum}` : IS_TEXT[String(format)];
  return rule === undefined ? [] : [{ rule, message: `give ${String(expects)}` }];
}

function pick(node: Node, keywords: readonly string[]): Node {
  return Object.fromEntries(keywords.flatMap((keyword) => (keyword in node ? [[keyword, node[keyword]]] : [])));
}
