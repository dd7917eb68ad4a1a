import type { Command } from './command.ts';
import type { FindingsOptions } from './findings.ts';
import type { GateOptions } from './gate.ts';
import { FINDINGS_HELP, GATE_HELP, REPORT_HELP, TOP_HELP } from './help.ts';
import type { Io } from './io.ts';
import type { ReportOptions } from './report.ts';
import type { TopOptions } from './top.ts';

/** The commands that ask agents what they have learnt: one by its admin port, or all of a cluster. */
export function addAskCommands(program: Command, io: Io, finish: (code: number) => void): void {
  asking(program, 'report')
    .description('say how mirrors compare with production: what differs, how much slower, and whether it looks safe')
    .option('-p, --policy <name>', 'only this policy: namespace/name, or a name in default')
    .option('-n, --namespace <name>', 'only policies of this namespace')
    .option('-o, --output <format>', 'table, json, html or junit', 'table')
    .addHelpText('after', REPORT_HELP)
    .action(async (options: ReportOptions) => {
      const { report } = await import('./report.ts');
      finish(await report(options, io));
    });

  asking(program, 'gate')
    .description('watch a policy for a while, and say by the exit code whether the mirror held: for pipelines')
    .requiredOption('-p, --policy <name>', 'the policy: namespace/name, or a name in default')
    .option('--for <duration>', 'how long to watch; it ends early where the mirror differs', '10m')
    .option('--max-diff <percent>', 'share of different exchanges that passes, such as 0.1%; not given: maxDifferentPercent of the policy')
    .option('--max-slowdown <percent>', 'how much slower passes, such as 10%; not given: maxSlowdownPercent of the policy')
    .option('--min-compared <count>', 'exchanges without which nothing is said; not given: minCompared of the policy')
    .option('-o, --output <format>', 'table, json, html or junit', 'table')
    .addHelpText('after', GATE_HELP)
    .action(async (options: GateOptions) => {
      const { gate } = await import('./gate.ts');
      finish(await gate(options, io));
    });

  asking(program, 'top')
    .description('say which endpoints of observed pods are busiest, slowest, fail most or are saturated')
    .option('-n, --namespace <name>', 'only pods of this namespace')
    .option('--by <what>', 'only one table: busiest, slowest, errors, saturated, largest or clients')
    .option('--limit <count>', 'rows of each table', '10')
    .option('-o, --output <format>', 'table or json', 'table')
    .addHelpText('after', TOP_HELP)
    .action(async (options: TopOptions) => {
      const { top } = await import('./top.ts');
      finish(await top(options, io));
    });

  asking(program, 'findings')
    .description('say what attacks and faults were found in the traffic of observed pods')
    .option('-n, --namespace <name>', 'only pods of this namespace')
    .option('--min-severity <severity>', 'info, low, medium or high', 'info')
    .option('-o, --output <format>', 'table or json', 'table')
    .addHelpText('after', FINDINGS_HELP)
    .action(async (options: FindingsOptions) => {
      const { findings } = await import('./findings.ts');
      finish(await findings(options, io));
    });
}

function asking(program: Command, name: string): Command {
  return program
    .command(name)
    .option('--admin <host:port>', 'ask this agent by its admin port, instead of all agents of a cluster')
    .option('--token-file <path>', 'with the token of the agents, to see values of the traffic')
    .option('--kubeconfig <path>', 'another kubeconfig than $KUBECONFIG or ~/.kube/config')
    .option('--context <name>', 'another context than the current one')
    .option('--agent-namespace <name>', 'where the agents are', 'shadowtap-system');
}
