import { readlinkSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { chooseTap, probeNode, type Ability, type NodeAbilities } from '../../../src/tap/ebpf/probe.ts';
import { bpfObject, requireKernel } from '../../support/kernel.ts';

const PROBE = fileURLToPath(new URL('../../../src/tap/ebpf/probe.ts', import.meta.url));

const can: Ability = { ok: true, why: 'works', remedy: '' };
const cannot = (why: string): Ability => ({ ok: false, why, remedy: 'do this' });
const node: NodeAbilities = {
  kernel: '6.6.0', root: true, capabilities: [], cgroup2: '/sys/fs/cgroup',
  libbpf: can, object: can, load: can, tcx: can, cgroup: can, clsact: can, pcap: can,
};

describe('chooseTap', () => {
  it.each<[Partial<NodeAbilities>, string | null, string]>([
    [{}, 'ebpf:tcx', 'best'],
    [{ tcx: cannot('kernel too old') }, 'ebpf:cgroup', 'ebpf:tcx does not work (kernel too old)'],
    [{ tcx: cannot('old'), cgroup: cannot('not mounted') }, 'ebpf:clsact', 'ebpf:cgroup does not work (not mounted)'],
    [{ tcx: cannot('no'), cgroup: cannot('no'), clsact: cannot('no module') }, 'pcap', 'ebpf:clsact does not work (no module)'],
    [{ tcx: cannot('no rights'), cgroup: cannot('no'), clsact: cannot('no'), pcap: cannot('no') }, null, 'no rights'],
  ])('prefers tcx, then cgroup, then clsact, then pcap: %o', (abilities, tap, reason) => {
    const choice = chooseTap({ ...node, ...abilities });
    expect(choice.tap).toBe(tap);
    expect(choice.reason).toContain(reason);
    expect(choice.considered.map((c) => c.tap)).toEqual(['ebpf:tcx', 'ebpf:cgroup', 'ebpf:clsact', 'pcap']);
  });
});

describe.skipIf(!requireKernel())('probeNode', () => {
  it('finds out what this machine can do and stays in its namespace', () => {
    const home = readlinkSync('/proc/thread-self/ns/net');
    const abilities = probeNode(bpfObject());
    expect(readlinkSync('/proc/thread-self/ns/net')).toBe(home);
    expect(abilities.root).toBe(true);
    expect(abilities.capabilities).toContain('BPF');
    expect(abilities.load).toEqual(can);
    expect([abilities.tcx, abilities.cgroup, abilities.clsact].some(({ ok }) => ok)).toBe(true);
  });

  it('says what is missing for a user without rights', () => {
    bpfObject();
    const script = `import { probeNode } from ${JSON.stringify(PROBE)}; console.log(JSON.stringify(probeNode()));`;
    const text = execFileSync(process.execPath, ['--input-type=module', '-e', script], { uid: 65534, gid: 65534, encoding: 'utf8', cwd: '/' });
    const abilities = JSON.parse(text) as NodeAbilities;
    expect(abilities.root).toBe(false);
    expect(abilities.capabilities).toEqual([]);
    for (const ability of [abilities.load, abilities.tcx, abilities.cgroup, abilities.clsact, abilities.pcap]) {
      expect(ability.ok).toBe(false);
      expect(ability.remedy).toContain('root');
    }
    expect(abilities.load.why).toContain('EPERM');
  });

  it('says how to build the BPF object where there is none', () => {
    const abilities = probeNode('/nowhere/tap.bpf.o');
    expect(abilities.object).toMatchObject({ ok: false, remedy: expect.stringContaining('make -C bpf') as string });
    expect(abilities.tcx.ok).toBe(false);
  });
});
