/**
 * Writes the references in docs/ from the schemas: `node scripts/generate-docs.ts`. A test compares them with what is
 * committed, so run this after a change of a schema.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { AGENT } from '../src/config/agent-schema.ts';
import { toJsonSchema, type TSchema } from '../src/policy/shape.ts';
import { MIRROR_POLICY } from '../src/policy/schema.ts';

interface SchemaNode {
  readonly description?: string;
  readonly expects?: string;
  readonly default?: unknown;
  readonly later?: readonly string[];
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly required?: readonly string[];
  readonly items?: SchemaNode;
  readonly anyOf?: readonly SchemaNode[];
}

const GENERATED = '<!-- Made from the schema by scripts/generate-docs.ts; do not edit. -->';

const POLICY_INTRODUCTION = `# MirrorPolicy

${GENERATED}

What to mirror, how much of it, and where to. Names and meanings are those of the Gateway API (HTTPRouteMatch,
RequestMirror, filters) and of Kubernetes (LabelSelector) where they have them. Fields that are not listed are refused.
Check files with \`shadowtap validate -f\`; see examples/ for whole ones. A JSON Schema for editors is in
[policy.schema.json](policy.schema.json).

## How a request is judged

1. A request that bears the marker header is a copy: it is counted \`loop\` and never mirrored.
2. Policies whose \`selector\` and \`ports\` fit the endpoint are asked, each for itself:
   no entry of \`matches\` fits → \`unmatched\`; an entry of \`excludes\` fits → \`excluded\`;
   the method is not among \`methods\` → \`method\`; the sample or each target's percent leaves it out → \`sampled-out\`.
3. Every policy that is left sends a copy to each of its targets that drew it. The request counts for the first of them.
   If none is left, its outcome is the closest: \`sampled-out\`, then \`method\`, \`excluded\`, \`unmatched\`.

## Details of matching

- Entries of \`matches\` are joined by *or*, what is in one entry by *and*. No \`matches\` means every request.
- Paths are compared as they were sent: case-sensitive, without decoding or tidying, without the query. Of a request in
  absolute form (\`GET http://host/path\`) the path counts. \`PathPrefix\` compares whole path elements; a slash at its
  end means nothing.
- Header names are compared in any case; a header that was sent several times counts as one, its values joined by
  \`, \` (RFC 9110 section 5.3). A condition on a header that was not sent does not hold, whatever its value.
- Query parameters are compared after decoding (\`%20\` and \`+\` are spaces); the first of a name counts.
- If \`headers\` or \`queryParams\` has several entries with one name, the first counts, as in the Gateway API.
- Patterns (\`RegularExpression\`) are in [RE2 syntax](https://github.com/google/re2/wiki/Syntax), as in Envoy and Istio,
  and must fit the **whole** value: \`/api/.*\`, not \`/api/\`. RE2 takes time in proportion to the text, so no request can
  stall the agent; look-around and back-references do not exist in it. A pattern is ASCII and has at most 1024
  characters and 256 compiled instructions; it never fits a value of more than 4096 characters.
- Other texts of policies are compared as UTF-8.

## Fields
`;

const AGENT_INTRODUCTION = `# Agent

${GENERATED}

The file of the standalone agent, \`shadowtap run -f\`: YAML with one document of kind Agent and any number of kind
[MirrorPolicy](policy.md), separated by \`---\`. Flags of \`run\` win over the file.

An endpoint is found by one or more of \`netns\`, \`pid\`, \`interfaces\`, \`cgroup\` and \`addresses\`. \`addresses\` alone are
tapped on the interface of this machine that holds them (and on \`lo\`, for callers on the machine itself), or on the one
that the route to them leaves by.

## Fields
`;

/** Contents of the generated files, by name. */
export function references(): Readonly<Record<string, string>> {
  return {
    'policy.md': POLICY_INTRODUCTION + sections(MIRROR_POLICY),
    'policy.schema.json': `${JSON.stringify(
      { $schema: 'https://json-schema.org/draft/2020-12/schema', title: 'MirrorPolicy', ...toJsonSchema(MIRROR_POLICY) },
      null,
      2,
    )}\n`,
    'agent.md': AGENT_INTRODUCTION + sections(AGENT),
  };
}

/** One section for each object, in the order of the fields that hold them; fields that hold the same share one. */
function sections(schema: TSchema): string {
  const found: { path: string; node: SchemaNode }[] = [];
  collect('', schema as SchemaNode, found);
  const pathsByBody = new Map<string, string[]>();
  for (const { path, node } of found) {
    const body = section(node);
    pathsByBody.set(body, [...(pathsByBody.get(body) ?? []), path]);
  }
  const heading = (paths: readonly string[]): string => (paths[0] === '' ? '' : `\n### ${paths.join(', ')}\n`);
  return Array.from(pathsByBody, ([body, paths]) => heading(paths) + body).join('');
}

function collect(path: string, node: SchemaNode, found: { path: string; node: SchemaNode }[]): void {
  if (node.properties !== undefined) {
    found.push({ path, node });
    for (const [name, child] of Object.entries(node.properties)) collect(path === '' ? name : `${path}.${name}`, child, found);
  }
  if (node.items !== undefined) collect(`${path}[]`, node.items, found);
  for (const branch of node.anyOf ?? []) collect(path, branch, found);
}

function section(node: SchemaNode): string {
  const rows = Object.entries(node.properties ?? {}).map(
    ([name, child]) => `| \`${name}\` | ${child.description ?? ''} | ${expectation(child)} | ${presence(name, child, node)} |`,
  );
  const later = node.later === undefined ? '' : `\nNot supported yet, and refused: ${node.later.map((name) => `\`${name}\``).join(', ')}.\n`;
  return `\n| field | what for | give | default |\n|---|---|---|---|\n${rows.join('\n')}\n${later}`;
}

function expectation({ expects, properties }: SchemaNode): string {
  return (properties === undefined ? (expects ?? '') : 'an object, see below').replaceAll('|', '\\|');
}

function presence(name: string, child: SchemaNode, parent: SchemaNode): string {
  if (child.default !== undefined) return `\`${JSON.stringify(child.default)}\``;
  return parent.required?.includes(name) === true ? '**required**' : '';
}

if (import.meta.main) {
  const folder = fileURLToPath(new URL('../docs/', import.meta.url));
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(references())) writeFileSync(folder + name, text);
}
