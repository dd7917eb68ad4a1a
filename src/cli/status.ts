import { ShadowtapError } from '../errors.ts';
import { AGENT_NAMESPACE } from '../kube/agents.ts';
import { ApiClient } from '../kube/api-client.ts';
import { ApiError } from '../kube/api-error.ts';
import { listAgents, twoLooks } from '../kube/fleet-stats.ts';
import { listOf, recordOf, stringsOf, textOf, type JsonRecord } from '../kube/json.ts';
import { inNamespace } from '../kube/list-watch.ts';
import { nameOf } from '../kube/object-facts.ts';
import { keyOf } from '../kube/objects.ts';
import { MIRROR_POLICIES } from '../kube/resources.ts';
import { durationMs, isDuration } from '../policy/duration.ts';
import { clusterReport, type ClusterReport, type ObjectState } from './cluster-report.ts';
import { EXIT_FAILED, EXIT_OK, type Io } from './io.ts';
import { checkFormat } from './format.ts';
import { printable, printableJson } from './printable.ts';
import { renderTable } from './table.ts';

/** How the command line says which cluster is meant. */
export interface ClusterOptions {
  readonly kubeconfig?: string;
  readonly context?: string;
  /** Where the agents are. */
  readonly agentNamespace?: string;
}

export interface StatusOptions extends ClusterOptions {
  readonly namespace?: string;
  readonly by: string;
  readonly for: string;
  readonly output: string;
}

/** Asks all agents of a cluster, through the API server, and says how policies and nodes fare. */
export async function status(options: StatusOptions, io: Io): Promise<number> {
  checkFormat(options.output);
  if (options.by !== 'policy' && options.by !== 'node') throw new ShadowtapError('USAGE', `--by: ${JSON.stringify(options.by)} is not allowed; give policy or node`);
  const betweenMs = isDuration(options.for) ? durationMs(options.for) : 0;
  if (betweenMs < 100) throw new ShadowtapError('USAGE', `--for: ${JSON.stringify(options.for)} is not allowed; give a duration from 100ms, such as 2s`);
  const { namespace } = options;
  const wanted = (policy: string): boolean => namespace === undefined || policy.startsWith(`${namespace}/`);
  const api = ApiClient.fromKubeconfig(options.kubeconfig, options.context);
  try {
    const agents = await agentsOf(api, options);
    const looks = await twoLooks(api, agents, betweenMs);
    const [states, problems] = await objectStates(api, namespace);
    const told = clusterReport(looks, states, betweenMs / 1000, wanted);
    const report = { ...told, problems: [...problems, ...told.problems] };
    io.out.write(options.output === 'json' ? `${printableJson(report)}\n` : render(report, options.by));
    return looks[1].some(({ stats }) => stats === null) ? EXIT_FAILED : EXIT_OK;
  } finally {
    await api.close();
  }
}

/** @throws ShadowtapError KUBE_API where there is none */
export async function agentsOf(api: ApiClient, { agentNamespace = AGENT_NAMESPACE }: ClusterOptions): Promise<Awaited<ReturnType<typeof listAgents>>> {
  const agents = await listAgents(api, agentNamespace);
  if (agents.length > 0) return agents;
  throw new ShadowtapError('KUBE_API', `there is no agent in namespace ${agentNamespace}; apply daemonset/, or name another one with --agent-namespace`);
}

/** Conditions and how they should be. */
const GOOD: Readonly<Record<string, string>> = { Accepted: 'True', ResolvedRefs: 'True', Programmed: 'True', Degraded: 'False', Imported: 'True', Matches: 'True' };

/** What MirrorPolicies say, or why that is not known. */
async function objectStates(api: ApiClient, namespace: string | undefined): Promise<readonly [states: ObjectState[], problems: string[]]> {
  const { path } = namespace === undefined ? MIRROR_POLICIES : inNamespace(MIRROR_POLICIES, namespace);
  let list: unknown;
  try {
    list = await api.call({ path });
  } catch (error) {
    // Labels do without the type; and what agents say is worth something without the rest.
    if (error instanceof ApiError && error.isNotFound) return [[], []];
    if (error instanceof ApiError && error.isForbidden) return [[], [`what MirrorPolicies say is left out: ${error.message}`]];
    throw error;
  }
  return [listOf(recordOf(list)['items']).map(objectState), []];
}

function objectState(item: JsonRecord): ObjectState {
  const conditions = listOf(recordOf(item['status'])['conditions']).map(stringsOf);
  const wrong = conditions.find(({ type = '', status }) => GOOD[type] !== undefined && GOOD[type] !== status && !(type === 'Matches' && status === 'Unknown'));
  const policy = keyOf(nameOf(item));
  if (wrong !== undefined) return { policy, state: textOf(wrong['reason']), message: textOf(wrong['message']) };
  return conditions.length > 0 ? { policy, state: 'ok', message: '' } : { policy, state: 'NotJudged', message: 'the controller has not looked at it yet; does it run?' };
}

function render(report: ClusterReport, by: string): string {
  const parts = [by === 'policy' ? policyTable(report) : policyByNodeTable(report), nodeTable(report)];
  if (report.problems.length > 0) parts.push(`Problems:\n${report.problems.map((problem) => `  ${printable(problem)}`).join('\n')}`);
  return `${parts.join('\n\n')}\n`;
}

const COUNT_HEADS = ['seen/s', 'mirrored/s', 'mirrored', 'failed', 'shed', 'incomplete', 'other'];

function policyTable({ policies }: ClusterReport): string {
  if (policies.length === 0) return 'No policy selects a pod, and there is none.';
  const rows = policies.map((row) => [row.policy, row.state, String(row.nodes), `${row.tapped}/${row.pods}`, ...counts(row)]);
  return renderTable(['policy', 'state', 'nodes', 'pods tapped', ...COUNT_HEADS], rows);
}

function policyByNodeTable({ policies }: ClusterReport): string {
  const rows = policies.flatMap(({ policy, state, byNode }) =>
    byNode.map((row) => [policy, row.node, state, `${row.tapped}/${row.pods}`, ...counts(row)]),
  );
  return rows.length === 0 ? 'No policy selects a pod on any node.' : renderTable(['policy', 'node', 'state', 'pods tapped', ...COUNT_HEADS], rows);
}

function counts({ seenRate, mirroredRate, counts: sums }: Pick<ClusterReport['policies'][number], 'seenRate' | 'mirroredRate' | 'counts'>): string[] {
  const { mirrored, failed, shed, incomplete, other } = sums;
  return [seenRate.toFixed(1), mirroredRate.toFixed(1), ...[mirrored, failed, shed, incomplete, other].map(String)];
}

function nodeTable({ nodes }: ClusterReport): string {
  const rows = nodes.map((row) => [
    row.node,
    row.state.slice(0, 60),
    row.tap,
    `${row.tapped}/${row.pods}`,
    row.seenRate.toFixed(1),
    row.mirroredRate.toFixed(1),
    String(row.shedPackets),
    String(row.lostPackets),
    row.cpu.toFixed(2),
    String(Math.round(row.memoryBytes / 2 ** 20)),
  ]);
  return renderTable(['node', 'state', 'tap', 'pods tapped', 'seen/s', 'mirrored/s', 'packets shed', 'lost', 'cores', 'MiB'], rows);
}
