import { messageOf } from '../errors.ts';
import type { NodeReport } from '../agent/node-report.ts';
import { ApiClient } from '../kube/api-client.ts';
import { inTurns } from '../kube/ask-agents.ts';
import { pageOf } from '../kube/fleet-stats.ts';
import { isRecord, recordOf, textOf } from '../kube/json.ts';
import { checksOf, doctorExit, remediesOf } from './doctor.ts';
import { checkFormat } from './format.ts';
import { EXIT_FAILED, type Io } from './io.ts';
import { printable, printableJson } from './printable.ts';
import { agentsOf, type ClusterOptions } from './status.ts';
import { renderTable } from './table.ts';

type ClusterNode = { readonly name: string } & ({ readonly report: NodeReport & { readonly inUse: string }; readonly problem: '' } | { readonly report: null; readonly problem: string });

/** Sums up what the nodes of a cluster can do: nodes that are alike are one row. */
export async function doctorCluster(options: ClusterOptions & { readonly output: string }, io: Io): Promise<number> {
  checkFormat(options.output);
  const api = ApiClient.fromKubeconfig(options.kubeconfig, options.context);
  try {
    const nodes = await inTurns(await agentsOf(api, options), async (agent): Promise<ClusterNode> => {
      try {
        const report = await pageOf(api, agent, '/doctor');
        if (isReport(report)) return { name: agent.node, report, problem: '' };
        return { name: agent.node, report: null, problem: 'what it says cannot be read; is it of another version?' };
      } catch (error) {
        return { name: agent.node, report: null, problem: messageOf(error) };
      }
    });
    nodes.sort((a, b) => (a.name < b.name ? -1 : 1));
    io.out.write(options.output === 'json' ? `${printableJson({ nodes })}\n` : render(nodes));
    if (nodes.some(({ report }) => report === null)) return EXIT_FAILED;
    return doctorExit(nodes.map(({ report }) => report?.tap ?? null));
  } finally {
    await api.close();
  }
}

/** All that is printed or decides about the exit code. */
function isReport(value: unknown): value is NodeReport & { readonly inUse: string } {
  if (!isRecord(value) || typeof value['kernel'] !== 'string' || typeof value['reason'] !== 'string') return false;
  if (value['tap'] !== null && typeof value['tap'] !== 'string') return false;
  return ['libbpf', 'object', 'load', 'tcx', 'cgroup', 'clsact', 'pcap'].every((name) => {
    const { ok, why, remedy } = recordOf(value[name]);
    return typeof ok === 'boolean' && typeof why === 'string' && typeof remedy === 'string';
  });
}

function render(nodes: readonly ClusterNode[]): string {
  const kinds = new Map<string, { readonly row: readonly string[]; readonly names: string[]; readonly remedies: readonly string[] }>();
  for (const { name, report, problem } of nodes) {
    const row = report === null
      ? ['', '', '', `no answer: ${problem}`]
      : [report.kernel, textOf(report.inUse), report.tap ?? 'none', report.reason];
    const key = JSON.stringify(row);
    const kind = kinds.get(key) ?? { row, names: [], remedies: report === null ? [] : remediesOf(checksOf(report)) };
    kind.names.push(name);
    kinds.set(key, kind);
  }
  const rows = [...kinds.values()].map(({ row, names }) => [String(names.length), shortList(names), ...row]);
  const table = renderTable(['nodes', 'such as', 'kernel', 'tap in use', 'best tap', 'why'], rows);
  const remedies = new Set([...kinds.values()].flatMap((kind) => kind.remedies.map(printable)));
  return remedies.size === 0 ? `${table}\n` : `${table}\n\nTo get more:\n${[...remedies].map((line) => `  ${line.trim()}`).join('\n')}\n`;
}

function shortList(names: readonly string[]): string {
  return names.length <= 3 ? names.join(', ') : `${names.slice(0, 3).join(', ')}, ...`;
}
