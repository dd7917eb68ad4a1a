/**
 * Writes what is made from the schemas, the references in docs/ and the CustomResourceDefinition, and the dashboard:
 * `node scripts/generate-docs.ts`. A test compares it with what is committed, so run this after a change of a schema.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { AGENT } from '../src/config/agent-schema.ts';
import { CONTROLLER_METRICS } from '../src/controller/metrics.ts';
import { mirrorPolicyCrd } from '../src/kube/crd.ts';
import { LEFT_TO_AGENT } from '../src/kube/left-to-agent.ts';
import { METRICS, type MetricRow } from '../src/metrics.ts';
import { toJsonSchema, type TSchema } from '../src/policy/shape.ts';
import { MIRROR_POLICY } from '../src/policy/schema.ts';
import { shadowtapDashboard } from './dashboard/rows.ts';

interface SchemaNode {
  readonly description?: string;
  readonly expects?: string;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly required?: readonly string[];
  readonly items?: SchemaNode;
  readonly anyOf?: readonly SchemaNode[];
}

const GENERATED = '<!-- Made from the schema by scripts/generate-docs.ts; do not edit. -->';

const POLICY_INTRODUCTION = `# MirrorPolicy

${GENERATED}

What to mirror, how much of it, and where to. Names and meanings are those of the Gateway API (HTTPRouteMatch,
GRPCRouteMatch, RequestMirror, filters) and of Kubernetes (LabelSelector, NetworkPolicyPeer) where they have them; people
from other tools find a table in [coming-from.md](coming-from.md). Fields that are not listed are refused. Check files with
\`shadowtap validate -f\`, try them on a capture with \`shadowtap replay capture.pcap --policy FILE --dry-run\`; see
examples/ for whole ones. A JSON Schema for editors is in [policy.schema.json](policy.schema.json).

## How a request is judged

1. A request that bears the agent's marker header is a copy: it is counted \`loop\` and never mirrored.
2. Policies whose \`selector\` and \`ports\` fit the endpoint are asked, each for itself:
   no entry of \`from\` or of \`matches\` fits → \`unmatched\`; an entry of \`excludes\` fits → \`excluded\`;
   the method is not among \`methods\` → \`method\`; the sample or each target's percent leaves it out → \`sampled-out\`.
   Policies without \`targets\` are not asked: they observe.
3. Every policy that is left sends a copy to each of its targets that drew it. The request counts for the first of them.
   If none is left, its outcome is the closest: \`sampled-out\`, then \`method\`, \`excluded\`, \`unmatched\`.

Policies are compiled once, when they change. A request is compared only with the policies of its endpoint, and of many
only with those whose paths may fit it: thousands that differ in \`Exact\` or \`PathPrefix\` paths cost what a handful
does, and so do those that differ in gRPC services. Policies whose \`matches\` name no path, the root or a pattern are all
looked at.

## Details of matching

- Entries of \`matches\` are joined by *or*, what is in one entry by *and*. No \`matches\` means every request.
- Paths are compared as they were sent: case-sensitive, without decoding or tidying, without the query. Of a request in
  absolute form (\`GET http://host/path\`) the path counts. \`PathPrefix\` compares whole path elements; a slash at its
  end means nothing.
- An entry is an HTTPRouteMatch (\`path\`, \`method\`, \`headers\`, \`queryParams\`) or, with \`grpc\`, a GRPCRouteMatch
  (\`grpc\`, \`headers\`); entries of both kinds stand in one list. What GRPCRouteMatch calls \`method\` is \`grpc\` here,
  because \`method\` is the method of HTTP: \`method: { service: S, method: M }\` there is \`grpc: { service: S, method: M }\`.
- \`grpc\` fits calls of gRPC: HTTP/2, POST, a \`content-type\` of \`application/grpc\`, alone or with \`+proto\` or any other
  format or a parameter behind it, and a path of exactly \`/service/method\`, compared case-sensitively. The service is
  named with its package. Every call fits \`grpc: { type: RegularExpression, service: ".*" }\`. gRPC-Web
  (\`application/grpc-web\`) and the protocol of Connect (\`application/proto\`, \`application/json\`,
  \`application/connect+proto\`) are not gRPC, even where one server speaks all of them: match them by \`path\`, which is the same. A client of Connect that was
  told to speak gRPC sends calls of gRPC.
- \`methods\` speaks of HTTP for calls, too: \`methods: Safe\` leaves all of gRPC out.
- Header names are compared in any case; a header that was sent several times counts as one, its values joined by
  \`, \` (RFC 9110 section 5.3). A condition on a header that was not sent does not hold, whatever its value.
- Query parameters are compared after decoding (\`%20\` and \`+\` are spaces); the first of a name counts.
- If \`headers\` or \`queryParams\` has several entries with one name, the first counts, as in the Gateway API.
- Patterns (\`RegularExpression\`) are in [RE2 syntax](https://github.com/google/re2/wiki/Syntax), as in Envoy and Istio,
  and must fit the **whole** value: \`/api/.*\`, not \`/api/\`. Look-around and back-references do not exist in it. Each
  pattern is written out as a finite automaton when the policy is read, so that a request costs one look-up a character
  whatever it sends; a pattern that would be too large for that is refused (long repetitions behind \`.*\`, such as
  \`.*a.{20}\`). A pattern is ASCII and has at most 1024 characters, a policy at most 64 patterns.
- Other texts of policies are compared as UTF-8.

## Sources

\`from\` looks at the address that the connection comes from. Behind a gateway, a node's load balancing or a mesh that is
the address of the last hop: with a sidecar, plaintext is seen on \`lo\` and comes from the sidecar. \`X-Forwarded-For\`
is what a client says; a condition on it belongs into \`matches\`.

\`podSelector\` and \`namespaceSelector\` are held against the pods that are known. The standalone agent knows the endpoints
of its configuration that have \`addresses\`; one that is called \`shop/web-1\` is in the namespace \`shop\`, others are in
\`default\`, and a namespace has the label \`kubernetes.io/metadata.name\`. An unknown source fits no selector; \`ipBlock\`
takes any address, and \`0.0.0.0/0\` does not take IPv6.

## Sampling

- No \`sample\` and 100 mean all, 0 means none, both exactly. Shares between are drawn for each request; \`percent\` of a
  target is drawn for each target once the request is in the sample.
- With \`stickyBy\` the draw is a keyed hash of the request's key: the same key is in or out on every node and after every
  restart, for the policy and for each of its targets. Raising a share keeps those who are in. The key of the hash comes
  from \`hashKeyFile\` of the [Agent](agent.md) and from the policy's name, or its \`seed\`.
- A request without the key (no such header, or an empty one) is drawn by itself, as without \`stickyBy\`.

## Changing copies

Only the copy changes. The order is: fields of the connection are left out and \`trace\` is applied; \`redact\`;
\`idempotencyKeys\`; the filters of the target in their order (set, add, remove in each); the markers. \`x-request-id\` and
\`X-Forwarded-For\` stay as they are.

- \`URLRewrite\` has the meaning of the Gateway API, slashes included: with the prefix \`/foo\` and the replacement
  \`/xyz\`, \`/foo/bar\` becomes \`/xyz/bar\` and \`/foo\` becomes \`/xyz\`; an empty replacement and \`/\` take the prefix away.
  The prefix is that of the longest entry of \`matches\` that the request fits; entries without a path have the root. The
  query stays. The path of the target's \`url\` is put before the result.
- \`QueryModifier\` is ours. A parameter that is set takes the place of the first of its name; what is not named stays
  byte for byte.
- \`idempotencyKeys: Rewrite\` puts a UUID in place of the key, a keyed hash of key and policy. A client's second try with
  the same key is a second try for the mirror, too.

## Redaction

What \`redact\` names is taken out before anything leaves the worker: copies, recordings, dry runs. Logs and metrics
never hold content. \`Hash\` puts \`redacted-\` and 128 bits of an HMAC-SHA-256 in place of a value, the same for the same
value wherever it was: header, cookie, parameter or field. Without \`hashKeyFile\` its key is random and lives as long as
the agent; with it, hashes are the same on all agents.

- Headers are named in any case, cookies and parameters exactly. Parameters are also taken out of \`Referer\`.
- JSON keeps everything else byte for byte. \`Remove\` takes a field away, and puts \`null\` in place of an element of a list.
  Of a name that is there twice, both are taken out.
- With \`jsonFields\`, content is read if its type says JSON, or if it begins with \`{\` or \`[\` whatever its type says. It
  **is not sent**, and counted \`failed: redaction\`, if it is not exactly JSON in UTF-8, is larger than 1 MiB, has more
  than 1000 secret fields, or has a \`Content-Encoding\`: compressed content cannot be looked into.
- Other content (forms, images, multipart) is sent as it is. Leave requests out by \`excludes\` where it may hold secrets;
  so with paths, which are not redacted.

## How copies are delivered

- Each copy is sent once: no retries, no redirects. It has \`limits.timeout\` from its sending to the end of its answer.
- What a target cannot take is shed at once, the newest first, and counted \`shed\` with the reason: \`queue\`
  (\`maxQueued\`), \`bytes\` (\`maxQueueBytes\`), \`rate\` (\`requestsPerSecond\`), \`breaker\` (it failed 20 times in a
  row, and is tried again after a pause), \`memory\` (the agent's \`memoryBytes\`, which hold for all policies together).
- When three quarters of that memory are in use, requests with more than 16 KiB of content, or of unknown length, are no
  longer taken; from seven eighths on, connections that have just come are left out as a whole, and those that are being
  mirrored go on.
- Limits hold for each worker by itself, but for \`requestsPerSecond\` and \`burst\`, of which each worker has its part.
- With \`pipelining\`, requests that are captured together go out together on one connection, in one write. A server that
  closes connections after an answer, or answers slowly, makes others on the connection fail: use it with mirrors that
  keep connections, as most do. Methods that are not idempotent are pipelined, too, for copies are never sent again.
- \`ordering: Connection\` waits for the end of each answer before the next request of that client connection goes out; one
  that fails does not hold up the next. Requests that wait count in \`maxQueued\`.
- \`sample.adaptive\` changes the share, not the choice: with \`stickyBy\`, those who are still in were in before.
  The metric \`shadowtap_sample_rate\` tells the share.
- A target that is a Service (\`backendRef\`) is not sent to its cluster address: that spreads connections, and the few that
  the agent keeps open would bring most copies to one or two pods (of three pods at 10 copies a second, one got none at all).
  Each copy goes to one of the ready endpoints, to the one with the fewest copies under way, by turns among equals.
- An endpoint that fails three times in a row is left alone for half a second, up to 5 seconds while it goes on failing, as
  long as another one answers. When pods come or go, copies under way finish, and new pods are used at once.
- Where no endpoint is ready, or the Service may not be used, copies end as \`failed: connect\` at once, and nothing waits.
- \`connections\` and all limits hold for the Service as a whole; with fewer \`connections\` than endpoints, connections are
  closed and opened again for almost every copy.
- A Service is called \`http://name.namespace.svc:port\` in metrics, plans and with \`hostname: Target\`, without the port if
  that is the scheme's own (80, or 443 with \`tls\`). With \`tls\` its endpoints are asked for \`name.namespace.svc\`, or
  \`tls.serverName\`, and have to bear that name.
- \`https\` targets are asked for by the host of their \`url\` (or \`tls.serverName\`), whatever \`Host\` the copies bear.
`;

/** What differs where the document is a custom resource. */
const IN_A_CLUSTER = `
## In a cluster

The API server checks a policy before any agent sees it, by the schema and the rules (CEL, for Kubernetes 1.27 and later)
of [crd.yaml](../daemonset/base/crd.yaml), which are made from this description. It drops unknown fields, with a warning;
kubectl refuses them. What it cannot check is refused by the agents, in the condition Accepted:

| field | what must hold | why not before |
|---|---|---|
${LEFT_TO_AGENT.map(({ fields, rule, reason }) => `| ${fields.map((field) => `\`${field}\``).join(', ')} | ${rule} | ${reason} |`).join('\n')}

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

/** YAML as the parsers of Kubernetes read it (1.1): words such as `off` are quoted. */
function crdYaml(): string {
  const yaml = stringify(mirrorPolicyCrd(), { version: '1.1', lineWidth: 120, aliasDuplicateObjects: false });
  return `# Made from the schema by scripts/generate-docs.ts; do not edit.\n${yaml}`;
}

/** Contents of the generated files, by their path in the repository. */
const METRICS_INTRODUCTION = `# Metrics

<!-- Made from the tables of metrics by scripts/generate-docs.ts; do not edit. -->

What \`/metrics\` of the admin port says, in the text format of Prometheus. A dashboard and alerts are in
[daemonset/monitoring](../daemonset/README.md#monitoring); [runbook.md](runbook.md) tells what to do about each alert.

- The number of series is bounded: by your policies, targets, pods and nodes, and where clients could make more of them (endpoints, clients),
  by a number.
- Counters count since the agent began, or since a policy's rules of comparing changed. Sums over agents are made by Prometheus:
  add up counters and \`shadowtap_comparison_results\`, but not ratios and verdicts, which each agent finds for itself.
  \`shadowtap report\` judges all agents together.
- No metric has anything in it that a request or an answer said, but for methods, path templates, and addresses of busy clients.
`;

function metricsTable(title: string, rows: readonly Pick<MetricRow<never>, 'name' | 'type' | 'labels' | 'help'>[]): string {
  const lines = rows.map(({ name, type, labels, help }) => `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(' ')} | ${help.replaceAll('|', '\\|')} |`);
  return `\n## ${title}\n\n| metric | type | labels | meaning |\n|---|---|---|---|\n${lines.join('\n')}\n`;
}

export function references(): Readonly<Record<string, string>> {
  return {
    'docs/policy.md': POLICY_INTRODUCTION + IN_A_CLUSTER + sections(MIRROR_POLICY),
    'docs/policy.schema.json': `${JSON.stringify(
      { $schema: 'https://json-schema.org/draft/2020-12/schema', title: 'MirrorPolicy', ...toJsonSchema(MIRROR_POLICY) },
      null,
      2,
    )}\n`,
    'docs/agent.md': AGENT_INTRODUCTION + sections(AGENT),
    'daemonset/base/crd.yaml': crdYaml(),
    'docs/metrics.md': METRICS_INTRODUCTION + metricsTable('The agent', METRICS) + metricsTable('The controller', CONTROLLER_METRICS),
    'daemonset/monitoring/dashboard.json': `${JSON.stringify(shadowtapDashboard(), null, 1)}\n`,
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
  return `\n| field | what for | give | default |\n|---|---|---|---|\n${rows.join('\n')}\n`;
}

function expectation({ expects, properties }: SchemaNode): string {
  return (properties === undefined ? (expects ?? '') : 'an object, see below').replaceAll('|', '\\|');
}

function presence(name: string, child: SchemaNode, parent: SchemaNode): string {
  if (child.default !== undefined) return `\`${JSON.stringify(child.default)}\``;
  return parent.required?.includes(name) === true ? '**required**' : '';
}

if (import.meta.main) {
  const root = fileURLToPath(new URL('../', import.meta.url));
  for (const [path, text] of Object.entries(references())) {
    mkdirSync(dirname(root + path), { recursive: true });
    writeFileSync(root + path, text);
  }
}
