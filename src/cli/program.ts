import { messageOf, ShadowtapError } from '../errors.ts';
import { VERSION } from '../version.ts';
import { addAskCommands } from './ask-commands.ts';
import { Command, CommanderError } from './command.ts';
import { CONTROLLER_HELP, DOCTOR_HELP, PLAN_HELP, PROGRAM_HELP, REPLAY_HELP, RUN_HELP, STATUS_HELP, VALIDATE_HELP } from './help.ts';
import { EXIT_OK, EXIT_USAGE, exitCodeOf, EXIT_FAILED, type Io } from './io.ts';
import type { ControllerFlags } from './controller.ts';
import type { PlanOptions } from './plan.ts';
import { printable } from './printable.ts';
import type { ReplayOptions } from './replay.ts';
import type { RunOptions } from './settings.ts';
import type { ClusterOptions, StatusOptions } from './status.ts';

const COMMANDS = ['run', 'plan', 'replay', 'status', 'report', 'gate', 'top', 'findings', 'doctor', 'validate', 'controller'] as const;

/**
 * Runs one command line.
 * @param args without the program's own name
 * @returns the exit code; nothing is thrown, what went wrong has been said on `io.err`
 */
export async function main(args: readonly string[], io: Io): Promise<number> {
  let code = EXIT_OK;
  const program = describe(io, args, (result) => {
    code = result;
  });
  try {
    if (args.length === 0) throw new ShadowtapError('USAGE', `name a command: ${COMMANDS.slice(0, -1).join(', ')} or ${COMMANDS.at(-1)}; see shadowtap --help`);
    await program.parseAsync([...args], { from: 'user' });
    return code;
  } catch (thrown) {
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? EXIT_OK : EXIT_USAGE;
    for (const line of complaint(thrown)) io.err.write(`shadowtap: ${printable(line)}\n`);
    return thrown instanceof ShadowtapError ? exitCodeOf(thrown.code) : EXIT_FAILED;
  }
}

function complaint(thrown: unknown): string[] {
  if (thrown instanceof ShadowtapError) return thrown.message.split('\n');
  return [`a fault of ours, please report it: ${messageOf(thrown).split('\n', 1)[0]}`];
}

function describe(io: Io, args: readonly string[], finish: (code: number) => void): Command {
  const program = new Command('shadowtap')
    .description('Mirrors HTTP requests of running pods to another version, outside the request path.')
    .version(VERSION)
    .addHelpText('after', PROGRAM_HELP);
  // Subcommands inherit these, so they come first.
  program.exitOverride().configureOutput({
    writeOut: (text) => void io.out.write(text),
    writeErr: (text) => void io.err.write(text),
    outputError: (text, write) => write(`shadowtap: ${onOneLine(text)}; see ${helpFor(args[0])}\n`),
  });

  // Each command is loaded when it is asked for: what one needs takes time to load, and may be missing.
  program
    .command('run')
    .description('run the agent: tap the endpoints of a file, or the pods of a node, and mirror by policies')
    .requiredOption('-f, --file <path>', 'YAML file with an Agent, and its MirrorPolicies unless it is told by a cluster')
    .option('--tap <name>', 'auto, ebpf:tcx, ebpf:cgroup, ebpf:clsact or pcap')
    .option('--workers <count>', 'worker threads, 1 to 64')
    .option('--memory <bytes>', 'what captured traffic may take up in all workers together')
    .option('--cpu-budget <cores>', 'cores that the agent may use before it mirrors less, such as 0.5')
    .option('--admin <host:port>', 'where /metrics, /healthz and /readyz are served, or off')
    .option('--log-level <level>', 'debug, info, warn, error or silent')
    .option('--dry-run', 'tap and match, send nothing, and report at the end what would have been sent')
    .addHelpText('after', RUN_HELP)
    .action(async (options: RunOptions) => {
      const { run } = await import('./run.ts');
      finish(await run(options, io));
    });

  program
    .command('plan')
    .description('tap and match for a while, send nothing, and report what would have been sent')
    .requiredOption('-f, --file <path>', 'YAML file with an Agent and its MirrorPolicies')
    .option('--for <duration>', 'how long to look', '10s')
    .option('--tap <name>', 'auto, ebpf:tcx, ebpf:cgroup, ebpf:clsact or pcap')
    .option('-o, --output <format>', 'table or json', 'table')
    .addHelpText('after', PLAN_HELP)
    .action(async (options: PlanOptions) => {
      const { plan } = await import('./plan.ts');
      finish(await plan(options, io));
    });

  program
    .command('replay')
    .description('read a capture or a recording and mirror its requests, or print them')
    .argument('<file>', 'pcap, pcapng, ndjson, HAR or GoReplay file')
    .option('--to <url>', 'mirror that gets every request')
    .option('--policy <path>', 'YAML file whose MirrorPolicies decide')
    .option('--speed <factor>', 'times the recorded speed, such as 2x, or max', '1x')
    .option('--port <number>', 'server port, may be repeated; not given: HTTP is found on any port', collect)
    .option('--dry-run', 'send nothing; print each request as a line of JSON')
    .addHelpText('after', REPLAY_HELP)
    .action(async (capture: string, options: ReplayOptions) => {
      const { replay } = await import('./replay.ts');
      finish(await replay(capture, options, io));
    });

  program
    .command('doctor')
    .description('say what this node can do, which tap it gets and why, and how to get a better one')
    .option('-o, --output <format>', 'table or json', 'table')
    .option('--cluster', 'ask all agents of a cluster instead, through its API server')
    .option('--kubeconfig <path>', 'with --cluster: another kubeconfig than $KUBECONFIG or ~/.kube/config')
    .option('--context <name>', 'with --cluster: another context than the current one')
    .option('--agent-namespace <name>', 'with --cluster: where the agents are', 'shadowtap-system')
    .addHelpText('after', DOCTOR_HELP)
    .action(async (options: ClusterOptions & { readonly output: string; readonly cluster?: true }) => {
      if (options.cluster === true) {
        const { doctorCluster } = await import('./doctor-cluster.ts');
        return finish(await doctorCluster(options, io));
      }
      const { doctor } = await import('./doctor.ts');
      finish(await doctor(options.output, io));
    });

  program
    .command('status')
    .description('say how the policies and agents of a cluster fare; asks all agents through the API server')
    .option('-n, --namespace <name>', 'only policies of this namespace')
    .option('--by <what>', 'policy, or node for each policy on each node', 'policy')
    .option('--for <duration>', 'how long to look at rates', '2s')
    .option('-o, --output <format>', 'table or json', 'table')
    .option('--kubeconfig <path>', 'another kubeconfig than $KUBECONFIG or ~/.kube/config')
    .option('--context <name>', 'another context than the current one')
    .option('--agent-namespace <name>', 'where the agents are', 'shadowtap-system')
    .addHelpText('after', STATUS_HELP)
    .action(async (options: StatusOptions) => {
      const { status } = await import('./status.ts');
      finish(await status(options, io));
    });

  addAskCommands(program, io, finish);

  program
    .command('controller')
    .description('tell the cluster what becomes of its MirrorPolicies: status, Events, imported routes')
    .requiredOption('-f, --file <path>', 'YAML file with an Agent that has `kubernetes`')
    .option('--admin <host:port>', 'where /metrics, /healthz and /readyz are served, or off')
    .option('--log-level <level>', 'debug, info, warn, error or silent')
    .option('--import', 'keep MirrorPolicies for the mirrors of HTTPRoutes, GRPCRoutes and VirtualServices, as `import` of the file does')
    .addHelpText('after', CONTROLLER_HELP)
    .action(async (options: ControllerFlags) => {
      const { controller } = await import('./controller.ts');
      finish(await controller(options, io));
    });

  program
    .command('validate')
    .description('check configuration files; nothing is tapped or sent')
    .requiredOption('-f, --file <path...>', 'YAML files with Agent and MirrorPolicy documents')
    .addHelpText('after', VALIDATE_HELP)
    .action(async (options: { readonly file: readonly string[] }) => {
      const { validate } = await import('./validate.ts');
      finish(validate(options.file, io));
    });

  return program;
}

function collect(value: string, previous: readonly string[] = []): string[] {
  return [...previous, value];
}

function helpFor(command: string | undefined): string {
  const known = COMMANDS.find((name) => name === command);
  return known === undefined ? 'shadowtap --help' : `shadowtap ${known} --help`;
}

/** Commander writes `error: ...` and hints on lines of their own. */
function onOneLine(text: string): string {
  return text.trim().replace(/^error: /, '').replace(/\s*\n\s*/g, ' ');
}
