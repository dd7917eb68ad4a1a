/**
 * The rules of the Kubernetes documentation for structural schemas ("Extend the Kubernetes API with
 * CustomResourceDefinitions", sections "Specifying a structural schema", "Defaulting" and "Validation rules"), written
 * from the text.
 */
export type SchemaNode = { readonly [keyword: string]: unknown };

const TYPES = ['object', 'array', 'string', 'integer', 'number', 'boolean'];

const VALUE_KEYWORDS = [
  'format', 'pattern', 'enum', 'minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf', 'minLength', 'maxLength',
  'minItems', 'maxItems', 'minProperties', 'maxProperties', 'required', 'allOf', 'anyOf', 'oneOf', 'not',
];
/** What only the structure may have, and no branch of allOf, anyOf, oneOf and not. */
const STRUCTURE_KEYWORDS = [
  'type', 'title', 'description', 'default', 'nullable', 'additionalProperties', 'externalDocs', 'example', 'x-kubernetes-validations',
  'x-kubernetes-preserve-unknown-fields', 'x-kubernetes-int-or-string', 'x-kubernetes-embedded-resource', 'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys', 'x-kubernetes-map-type',
];
const SHARED_KEYWORDS = ['properties', 'items'];

const INT_OR_STRING = JSON.stringify([{ type: 'integer' }, { type: 'string' }]);

/** @returns what is wrong with the schema of a version of a CustomResourceDefinition, as `path: rule` */
export function structuralProblems(root: SchemaNode): string[] {
  const problems: string[] = [];
  if (root['type'] !== 'object') problems.push(': the root has the type object');
  if ('additionalProperties' in root) problems.push(': the root has no additionalProperties');
  const { metadata } = properties(root);
  const restricted = Object.keys(metadata === undefined ? {} : properties(metadata));
  const said = Object.keys(metadata ?? {}).filter((keyword) => keyword !== 'type' && keyword !== 'properties');
  if (said.length > 0 || restricted.some((name) => name !== 'name' && name !== 'generateName')) {
    problems.push('.metadata: only name and generateName are restricted');
  }
  walk('', root, problems);
  return problems;
}

function walk(path: string, node: SchemaNode, problems: string[]): void {
  const say = (rule: string): void => void problems.push(`${path}: ${rule}`);
  const known = [...VALUE_KEYWORDS, ...STRUCTURE_KEYWORDS, ...SHARED_KEYWORDS];
  for (const keyword of Object.keys(node)) if (!known.includes(keyword)) say(`${keyword} is not allowed`);

  const open = node['x-kubernetes-int-or-string'] === true || node['x-kubernetes-preserve-unknown-fields'] === true;
  if (node['type'] === undefined ? !open : !TYPES.includes(String(node['type']))) say('has one type');
  if (node['x-kubernetes-int-or-string'] === true && node['x-kubernetes-preserve-unknown-fields'] === true) say('is int-or-string or open, not both');
  if (node['type'] === 'array' && node['items'] === undefined) say('an array has items');
  if ('properties' in node && 'additionalProperties' in node) say('has properties or additionalProperties, not both');
  if (node['additionalProperties'] === false) say('additionalProperties is not false');
  if (node['type'] === 'array') mergeProblems(node, say);
  for (const word of (node['enum'] as readonly unknown[] | undefined) ?? []) if (typeof word !== node['type']) say('words of enum are of the type');
  for (const rule of (node['x-kubernetes-validations'] as readonly SchemaNode[] | undefined) ?? []) ruleProblems(rule, say);
  for (const name of (node['required'] as readonly string[] | undefined) ?? []) if (!(name in properties(node))) say(`requires ${name}, a field`);

  const branches = branchesOf(node).filter(([keyword]) => !(keyword === 'anyOf' && isIntOrString(node)));
  for (const [keyword, branch] of branches) branchProblems(`${path}.${keyword}`, branch, node, problems);
  for (const [name, child] of Object.entries(properties(node))) walk(`${path}.${name}`, child, problems);
  if (node['items'] !== undefined) walk(`${path}[]`, node['items'] as SchemaNode, problems);
  if (typeof node['additionalProperties'] === 'object') walk(`${path}{}`, node['additionalProperties'] as SchemaNode, problems);
}

function isIntOrString(node: SchemaNode): boolean {
  return node['x-kubernetes-int-or-string'] === true && JSON.stringify(node['anyOf']) === INT_OR_STRING;
}

function mergeProblems(node: SchemaNode, say: (rule: string) => void): void {
  const merged = node['x-kubernetes-list-type'] ?? 'atomic';
  const keys = node['x-kubernetes-list-map-keys'] as readonly string[] | undefined;
  const items = node['items'] as SchemaNode | undefined;
  if (!['atomic', 'set', 'map'].includes(String(merged))) say('a list is merged as atomic, set or map');
  if ((merged === 'map') !== (keys !== undefined)) say('a list has keys if it is merged as a map');
  if (merged === 'set' && ['object', 'array'].includes(String(items?.['type']))) say('entries of a set are scalars');
  const required = (items?.['required'] ?? []) as readonly string[];
  for (const key of keys ?? []) {
    const field = items === undefined ? undefined : properties(items)[key];
    if (field === undefined || ['object', 'array'].includes(String(field['type']))) say(`key ${key} is a scalar field`);
    if (!required.includes(key) && field?.['default'] === undefined) say(`key ${key} is required or has a default`);
  }
}

function ruleProblems({ rule, message, messageExpression }: SchemaNode, say: (rule: string) => void): void {
  if (typeof rule !== 'string' || rule.trim() === '') say('a rule is not empty');
  if (typeof message !== 'string' || message.trim() === '' || message.includes('\n')) say('a message is one line');
  if (messageExpression !== undefined && typeof messageExpression !== 'string') say('a messageExpression is a text');
}

/** What is said under allOf, anyOf, oneOf and not is about values alone, and about fields that the structure has. */
function branchProblems(path: string, branch: SchemaNode, outside: SchemaNode | undefined, problems: string[]): void {
  for (const keyword of Object.keys(branch)) {
    if (![...VALUE_KEYWORDS, ...SHARED_KEYWORDS].includes(keyword)) problems.push(`${path}: ${keyword} is not allowed under a junctor`);
  }
  for (const [name, child] of Object.entries(properties(branch))) {
    const field = outside === undefined ? undefined : properties(outside)[name];
    if (field === undefined) problems.push(`${path}.${name}: is a field outside of the junctor, too`);
    branchProblems(`${path}.${name}`, child, field, problems);
  }
  const entries = branch['items'] as SchemaNode | undefined;
  if (entries !== undefined) {
    if (outside?.['items'] === undefined) problems.push(`${path}[]: has items outside of the junctor, too`);
    branchProblems(`${path}[]`, entries, outside?.['items'] as SchemaNode | undefined, problems);
  }
  for (const [keyword, inner] of branchesOf(branch)) branchProblems(`${path}.${keyword}`, inner, outside, problems);
}

function branchesOf(node: SchemaNode): [string, SchemaNode][] {
  const lists = ['allOf', 'anyOf', 'oneOf'].flatMap((keyword) =>
    ((node[keyword] as readonly SchemaNode[] | undefined) ?? []).map((branch): [string, SchemaNode] => [keyword, branch]),
  );
  return node['not'] === undefined ? lists : [...lists, ['not', node['not'] as SchemaNode]];
}

export function properties(node: SchemaNode): Readonly<Record<string, SchemaNode>> {
  return (node['properties'] ?? {}) as Readonly<Record<string, SchemaNode>>;
}
