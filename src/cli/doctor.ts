import { messageOf, ShadowtapError } from '../errors.ts';
import type { Ability, NodeAbilities, TapChoice } from '../tap/ebpf/probe.ts';
import { EXIT_OK, type Io } from './io.ts';
import { renderTable } from './table.ts';

const EXIT_FALLBACK = 1;
const EXIT_NO_TAP = 3;

/** Says what this node can do and which tap it gets. */
export async function doctor(format: string, io: Io): Promise<number> {
  if (format !== 'table' && format !== 'json') {
    throw new ShadowtapError('USAGE', `--output: ${JSON.stringify(format)} is not allowed; give table or json`);
  }
  const { chooseTap, probeNode } = await loadProbe();
  const abilities = probeNode();
  const choice = chooseTap(abilities);
  const report = { node: process.version, ...abilities, ...choice };
  io.out.write(format === 'json' ? `${JSON.stringify(report, null, 2)}\n` : renderReport(abilities, choice));
  if (choice.tap === null) return EXIT_NO_TAP;
  return choice.tap === 'pcap' ? EXIT_FALLBACK : EXIT_OK;
}

/** The probe needs a native module, which may be missing or built for another Node. */
async function loadProbe(): Promise<typeof import('../tap/ebpf/probe.ts')> {
  try {
    return await import('../tap/ebpf/probe.ts');
  } catch (thrown) {
    const reason = messageOf(thrown).split('\n', 1)[0];
    throw new ShadowtapError('TAP_UNAVAILABLE', `native modules cannot be loaded (${reason}); run: npm run setup`, { cause: thrown });
  }
}

function renderReport(abilities: NodeAbilities, { tap, reason }: TapChoice): string {
  const { kernel, root, capabilities, cgroup2 } = abilities;
  const checks: [string, Ability][] = [
    ['libbpf', abilities.libbpf],
    ['BPF object', abilities.object],
    ['BPF permitted', abilities.load],
    ['tap ebpf:tcx', abilities.tcx],
    ['tap ebpf:cgroup', abilities.cgroup],
    ['tap ebpf:clsact', abilities.clsact],
    ['tap pcap', abilities.pcap],
  ];
  const table = renderTable(
    ['what', 'usable', 'found'],
    [
      ['kernel', '', kernel],
      ['user', '', root ? 'root' : 'not root'],
      ['capabilities', '', capabilities.join(' ') || 'none that a tap uses'],
      ['cgroup v2', cgroup2 === null ? 'no' : 'yes', cgroup2 ?? 'not mounted'],
      ...checks.map(([what, { ok, why }]) => [what, ok ? 'yes' : 'no', why]),
    ],
  );
  const remedies = remediesOf(checks);
  const advice = remedies.length === 0 ? '' : `\nTo get more:\n${remedies.join('\n')}\n`;
  const verdict = tap === null ? `No tap can be used: ${reason}.` : `\`--tap auto\` uses ${tap}: ${reason}.`;
  return `${table}\n\n${verdict}\n${advice}`;
}

/** One line for each remedy, with all that it is for. */
function remediesOf(checks: readonly [string, Ability][]): string[] {
  const subjects = new Map<string, string[]>();
  for (const [what, { ok, remedy }] of checks) {
    if (!ok && remedy !== '') subjects.set(remedy, [...(subjects.get(remedy) ?? []), what]);
  }
  return [...subjects].map(([remedy, what]) => `  ${what.join(', ')}: ${remedy}`);
}
