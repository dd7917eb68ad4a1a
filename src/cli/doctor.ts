import { messageOf, ShadowtapError } from '../errors.ts';
import type { Ability, NodeAbilities, TapChoice } from '../tap/ebpf/probe.ts';
import type { NodeReport } from '../agent/node-report.ts';
import { checkFormat } from './format.ts';
import { EXIT_OK, type Io } from './io.ts';
import { renderTable } from './table.ts';

const EXIT_FALLBACK = 1;
const EXIT_NO_TAP = 3;

/** Says what this node can do and which tap it gets. */
export async function doctor(format: string, io: Io): Promise<number> {
  checkFormat(format);
  const { nodeReport } = await loadProbe();
  const report = nodeReport();
  io.out.write(format === 'json' ? `${JSON.stringify(report, null, 2)}\n` : renderReport(report));
  return doctorExit([report.tap]);
}

/** The probe needs a native module, which may be missing or built for another Node. */
async function loadProbe(): Promise<typeof import('../agent/node-report.ts')> {
  try {
    return await import('../agent/node-report.ts');
  } catch (thrown) {
    const reason = messageOf(thrown).split('\n', 1)[0];
    throw new ShadowtapError('TAP_UNAVAILABLE', `native modules cannot be loaded (${reason}); run: npm run setup`, { cause: thrown });
  }
}

/** By the worst node: 0 where all taps are BPF, 1 where one is libpcap, 3 where a node has none. */
export function doctorExit(taps: readonly TapChoice['tap'][]): number {
  if (taps.includes(null)) return EXIT_NO_TAP;
  return taps.includes('pcap') ? EXIT_FALLBACK : EXIT_OK;
}

/** What a node must have, with what it is called. */
export function checksOf(abilities: NodeAbilities): [string, Ability][] {
  return [
    ['libbpf', abilities.libbpf],
    ['BPF object', abilities.object],
    ['BPF permitted', abilities.load],
    ['tap ebpf:tcx', abilities.tcx],
    ['tap ebpf:cgroup', abilities.cgroup],
    ['tap ebpf:clsact', abilities.clsact],
    ['tap pcap', abilities.pcap],
  ];
}

function renderReport(report: NodeReport): string {
  const { kernel, root, capabilities, cgroup2, tap, reason } = report;
  const checks = checksOf(report);
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
export function remediesOf(checks: readonly [string, Ability][]): string[] {
  const subjects = new Map<string, string[]>();
  for (const [what, { ok, remedy }] of checks) {
    if (!ok && remedy !== '') subjects.set(remedy, [...(subjects.get(remedy) ?? []), what]);
  }
  return [...subjects].map(([remedy, what]) => `  ${what.join(', ')}: ${remedy}`);
}
