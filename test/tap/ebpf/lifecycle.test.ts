import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ShadowtapError } from '../../../src/errors.ts';
import { EbpfTap, type AttachMode } from '../../../src/tap/ebpf/ebpf-tap.ts';
import { BPF_TC_INGRESS, interfaceIndex, libbpf, tcHook, tcOpts } from '../../../src/tap/ebpf/libbpf.ts';
import { inNetns } from '../../../src/tap/ebpf/netns.ts';
import { loadObject } from '../../../src/tap/ebpf/object.ts';
import type { Endpoint } from '../../../src/tap/tap.ts';
import { bpfObject, requireKernel } from '../../support/kernel.ts';
import { Cgroup, Pod } from '../../support/netns.ts';
import { cgroupProgramsOn, tcxProgramsOn } from './kernel-calls.ts';
import { Recorder, endpointAt } from './recorder.ts';
import { end, get, serve } from './traffic.ts';

const AGENT = fileURLToPath(new URL('./agent.mjs', import.meta.url));
const MIB = 1024 * 1024;

function aPod(): Pod {
  const pod = new Pod();
  onTestFinished(pod.delete);
  return pod;
}

function aCgroup(): Cgroup {
  const cgroup = new Cgroup();
  onTestFinished(cgroup.delete);
  return cgroup;
}

async function started(mode: AttachMode): Promise<EbpfTap> {
  const tap = new EbpfTap({ mode, rings: 1, ringBytes: MIB, objectPath: bpfObject() });
  onTestFinished(() => tap.stop());
  await tap.start();
  return tap;
}

/** Runs an agent of its own process until it has attached, and kills it. */
async function killedAgent(mode: AttachMode, endpoint: Endpoint, meanwhile: () => void): Promise<void> {
  const options = JSON.stringify({ mode, rings: 1, ringBytes: MIB, objectPath: bpfObject() });
  const child = spawn(process.execPath, [AGENT, options, JSON.stringify(endpoint)], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => end(child));
  await once(child.stdout, 'data');
  meanwhile();
  await end(child);
}

/** A filter on the ingress side of a pod's eth0 with a priority that is not ours. */
function somebodyElsesFilter(pod: Pod): void {
  const options = { programs: ['tap_tc_ingress' as const], config: null, ports: null, shared: null, rings: 1 };
  const object = loadObject(bpfObject(), options);
  inNetns(pod.netns, () =>
    libbpf().bpf_tc_attach(tcHook(interfaceIndex('eth0'), BPF_TC_INGRESS), tcOpts(object.programFd('tap_tc_ingress'), 1, 1)),
  );
  object.close();
}

const filtersOn = (pod: Pod): number =>
  ['ingress', 'egress'].reduce((sum, side) => sum + (pod.run('tc', 'filter', 'show', 'dev', 'eth0', side).match(/handle \S+ tap_tc_/g)?.length ?? 0), 0);

/** Descriptors of BPF objects that this process holds. */
function bpfDescriptors(): number {
  const targets = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return '';
    }
  });
  return targets.filter((target) => target.includes('bpf')).length;
}

async function codeOf(step: Promise<unknown>): Promise<[string, string]> {
  try {
    await step;
  } catch (error) {
    if (error instanceof ShadowtapError) return [error.code, error.message];
    throw error;
  }
  throw new Error('it did not fail');
}

describe.skipIf(!requireKernel())('an agent that is killed', () => {
  it('leaves no tcx program behind', async () => {
    const pod = aPod();
    await killedAgent('tcx', endpointAt({ netns: pod.netns }), () => {
      expect(tcxProgramsOn(pod.netns, 'eth0')).toBe(2);
      expect(tcxProgramsOn(pod.netns, 'lo')).toBe(1);
    });
    await sleep(100);
    expect(tcxProgramsOn(pod.netns, 'eth0') + tcxProgramsOn(pod.netns, 'lo')).toBe(0);
  });

  it('leaves no cgroup program behind', async () => {
    const cgroup = aCgroup();
    await killedAgent('cgroup', endpointAt({ cgroup: cgroup.path }), () => expect(cgroupProgramsOn(cgroup.path)).toBe(2));
    await sleep(100);
    expect(cgroupProgramsOn(cgroup.path)).toBe(0);
  });

  it('leaves clsact filters, which the next one removes; those of others stay', async () => {
    const pod = aPod();
    await killedAgent('clsact', endpointAt({ netns: pod.netns }, [8080], 3), () => expect(filtersOn(pod)).toBe(2));
    somebodyElsesFilter(pod);
    expect(filtersOn(pod)).toBe(3);
    const tap = await started('clsact');
    await tap.attach(endpointAt({ netns: pod.netns }, [8080], 4));
    expect(filtersOn(pod)).toBe(3);
    await tap.attach(endpointAt({ netns: pod.netns }, [9090], 5));
    expect(filtersOn(pod)).toBe(5);
    await tap.stop();
    expect(filtersOn(pod)).toBe(1);
    expect(pod.run('tc', 'filter', 'show', 'dev', 'eth0', 'ingress')).toMatch(/pref 1 /);
  });
});

describe.skipIf(!requireKernel()).each<AttachMode>(['tcx', 'clsact'])('an endpoint whose namespace is deleted under %s', (mode) => {
  it('can be detached, disturbs no other, and a new pod of its name can be attached', async () => {
    const gone = new Pod();
    onTestFinished(gone.delete);
    const other = aPod();
    await serve('http', other, 8080);
    const recorder = await Recorder.start({ mode, rings: 1, ringBytes: MIB });
    onTestFinished(() => recorder.stop());
    await recorder.tap.attach(endpointAt({ netns: gone.netns }, [8080], 1));
    await recorder.tap.attach(endpointAt({ netns: other.netns }, [8080], 2));
    gone.delete();
    await sleep(50);
    await get(other.address, 8080);
    await recorder.settle(() => recorder.records.length >= 6);
    expect(recorder.records.length).toBe(6);
    await recorder.tap.detach(1);
    expect((await codeOf(recorder.tap.attach(endpointAt({ netns: gone.netns }, [8080], 1))))[0]).toBe('ENDPOINT');
    const next = aPod();
    await recorder.tap.attach(endpointAt({ netns: next.netns }, [8080], 1));
  });
});

describe.skipIf(!requireKernel())('attaching', () => {
  it('leaves the thread in its own namespace, whether it succeeds or fails', async () => {
    const home = readlinkSync('/proc/thread-self/ns/net');
    const tap = await started('tcx');
    const pod = aPod();
    await tap.attach(endpointAt({ netns: pod.netns }));
    expect(readlinkSync('/proc/thread-self/ns/net')).toBe(home);
    await expect(tap.attach(endpointAt({ netns: pod.netns, interfaces: ['eth7'] }))).rejects.toThrow();
    expect(readlinkSync('/proc/thread-self/ns/net')).toBe(home);
  });

  it('says which namespace, interface or cgroup is missing', async () => {
    const pod = aPod();
    const tcx = await started('tcx');
    expect(await codeOf(tcx.attach(endpointAt({ netns: '/run/netns/nowhere' })))).toEqual(['ENDPOINT', expect.stringContaining('/run/netns/nowhere')]);
    expect(await codeOf(tcx.attach(endpointAt({ netns: '/etc/hostname' })))).toEqual(['ENDPOINT', expect.stringContaining('/etc/hostname')]);
    expect(await codeOf(tcx.attach(endpointAt({ netns: pod.netns, interfaces: ['eth7'] })))).toEqual(['ENDPOINT', expect.stringContaining('eth7')]);
    expect(await codeOf(tcx.attach(endpointAt({})))).toEqual(['ENDPOINT', expect.stringContaining('namespace or interfaces')]);
    const nine = Array.from({ length: 9 }, (_, i) => `10.0.0.${i}`);
    expect(await codeOf(tcx.attach(endpointAt({ netns: pod.netns, addresses: nine })))).toEqual(['ENDPOINT', expect.stringContaining('at most 8')]);
    expect(await codeOf(tcx.attach(endpointAt({ netns: pod.netns, addresses: ['a'] })))).toEqual(['ENDPOINT', expect.stringContaining('not an IP address')]);
    const cgroup = await started('cgroup');
    expect(await codeOf(cgroup.attach(endpointAt({ cgroup: '/sys/fs/cgroup/nowhere' })))).toEqual(['ENDPOINT', expect.stringContaining('nowhere')]);
    expect(await codeOf(cgroup.attach(endpointAt({ netns: pod.netns })))).toEqual(['ENDPOINT', expect.stringContaining('cgroup')]);
    expect((await codeOf(cgroup.attach(endpointAt({ cgroup: '/tmp' }))))[0]).toBe('TAP_ATTACH');
  });

  it('shares a pod between endpoints, and moves one that has a new location', async () => {
    const [first, second] = [aPod(), aPod()];
    const tap = await started('tcx');
    await tap.attach(endpointAt({ netns: first.netns }, [8080], 1));
    await tap.attach(endpointAt({ netns: first.netns }, [9090], 2));
    expect(tcxProgramsOn(first.netns, 'eth0')).toBe(4);
    await tap.attach(endpointAt({ netns: second.netns }, [8080], 1));
    expect(tcxProgramsOn(first.netns, 'eth0')).toBe(2);
    expect(tcxProgramsOn(second.netns, 'eth0')).toBe(2);
  });
});

describe.skipIf(!requireKernel())('starting and stopping', () => {
  it('gives everything back, any number of times', async () => {
    const pod = aPod();
    const tap = new EbpfTap({ mode: 'tcx', rings: 2, ringBytes: MIB, objectPath: bpfObject() });
    const before = bpfDescriptors();
    for (let round = 0; round < 3; round++) {
      await tap.start();
      await tap.start();
      expect(tap.sources).toHaveLength(2);
      await tap.attach(endpointAt({ netns: pod.netns }));
      await tap.stop();
      await tap.stop();
      expect(tap.sources).toHaveLength(0);
      expect(bpfDescriptors()).toBe(before);
      expect(tcxProgramsOn(pod.netns, 'eth0')).toBe(0);
    }
  });

  it('says what to do if the BPF object is missing or is none', async () => {
    const missing = new EbpfTap({ mode: 'tcx', rings: 1, objectPath: '/nowhere/tap.bpf.o' });
    expect(await codeOf(missing.start())).toEqual(['TAP_UNAVAILABLE', expect.stringContaining('make -C bpf')]);
    const none = new EbpfTap({ mode: 'tcx', rings: 1, objectPath: '/etc/hostname' });
    expect(await codeOf(none.start())).toEqual(['TAP_LOAD', expect.stringContaining('libbpf')]);
  });

  it('refuses a ring of an impossible size with the kernel’s reason', async () => {
    const tap = new EbpfTap({ mode: 'tcx', rings: 1, ringBytes: 5000, objectPath: bpfObject() });
    expect(await codeOf(tap.start())).toEqual(['TAP_LOAD', expect.stringContaining('EINVAL')]);
  });
});
