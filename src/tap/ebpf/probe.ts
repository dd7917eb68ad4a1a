import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { release } from 'node:os';
import { dirname, join } from 'node:path';
import { messageOf } from '../../errors.ts';
import { cgroup2Mount } from '../cgroup2.ts';
import { attachCgroup } from './attach-cgroup.ts';
import { attachClsact } from './attach-clsact.ts';
import { attachTcx } from './attach-tcx.ts';
import { effectiveCapabilities, whyNotLoaded } from './capabilities.ts';
import { BPF_OBJECT, type AttachMode } from './ebpf-tap.ts';
import { EPERM, interfaceIndex, KernelError, libbpf, pageSize, withLibbpfLog } from './libbpf.ts';
import { SharedMaps } from './maps.ts';
import { inFreshNetns } from './netns.ts';
import { loadObject, type LoadedObject, type ProgramName } from './object.ts';

/** One thing that a node can or cannot do. */
export interface Ability {
  readonly ok: boolean;
  /** What was found, in a few words. */
  readonly why: string;
  /** What to do about it; empty if `ok`. */
  readonly remedy: string;
}

/** What this node offers to taps. Found out by doing, in a namespace that is made for it; nothing stays behind. */
export interface NodeAbilities {
  /** `uname -r` */
  readonly kernel: string;
  readonly root: boolean;
  /** Effective capabilities of those that taps use. */
  readonly capabilities: readonly string[];
  /** Mount point of the cgroup v2 hierarchy, or null. */
  readonly cgroup2: string | null;
  readonly libbpf: Ability;
  /** The compiled BPF object is there. */
  readonly object: Ability;
  /** Maps, ring buffers and programs load: BPF is permitted and the kernel is new enough (5.8). */
  readonly load: Ability;
  readonly tcx: Ability;
  readonly cgroup: Ability;
  readonly clsact: Ability;
  readonly pcap: Ability;
}

const NEEDED = 'run as root, or with CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN and CAP_SYS_ADMIN (to enter namespaces)';
const OK: Ability = { ok: true, why: 'works', remedy: '' };

/** Main thread only: it moves through a namespace, synchronously and back. Takes some ten milliseconds. */
export function probeNode(objectPath = BPF_OBJECT): NodeAbilities {
  const cgroup2 = cgroup2Mount();
  const library = probeLibbpf();
  const object = existsSync(objectPath)
    ? { ...OK, why: objectPath }
    : { ok: false, why: `${objectPath} is missing`, remedy: 'build it with `make -C bpf` (needs clang and libbpf-dev)' };
  const capabilities = effectiveCapabilities();
  const common = {
    kernel: release(),
    root: process.geteuid?.() === 0,
    capabilities,
    cgroup2,
    libbpf: library,
    object,
    pcap: probePcap(capabilities),
  };
  const first = [library, object].find((ability) => !ability.ok);
  if (first !== undefined) {
    const blocked = { ok: false, why: `not tried: ${first.why}`, remedy: first.remedy };
    return { ...common, load: blocked, tcx: blocked, cgroup: blocked, clsact: blocked };
  }
  return { ...common, ...probeBpf(objectPath, cgroup2) };
}

export type TapName = `ebpf:${AttachMode}` | 'pcap';

export interface TapChoice {
  /** The tap to use, or null if none can work here. */
  readonly tap: TapName | null;
  readonly reason: string;
  /** Every tap in order of preference, with what became of it. */
  readonly considered: readonly { readonly tap: TapName; readonly ok: boolean; readonly why: string }[];
}

/** The best tap that this node can run: whole flows first (eBPF), those that clean up after themselves before clsact. */
export function chooseTap(abilities: NodeAbilities): TapChoice {
  const considered = [
    { tap: 'ebpf:tcx' as const, ...abilities.tcx },
    { tap: 'ebpf:cgroup' as const, ...abilities.cgroup },
    { tap: 'ebpf:clsact' as const, ...abilities.clsact },
    { tap: 'pcap' as const, ...abilities.pcap },
  ].map(({ tap, ok, why }) => ({ tap, ok, why }));
  const best = considered.find(({ ok }) => ok);
  if (best === undefined) return { tap: null, reason: `no tap works here: ${(abilities.load.ok ? considered[0]?.why : abilities.load.why) ?? ''}`, considered };
  const refused = considered.slice(0, considered.indexOf(best));
  const because = refused.map(({ tap, why }) => `${tap} does not work (${why})`).join('; ');
  return { tap: best.tap, reason: because === '' ? 'the best one works' : because, considered };
}

type BpfAbilities = Pick<NodeAbilities, 'load' | 'tcx' | 'cgroup' | 'clsact'>;

function probeBpf(objectPath: string, cgroup2: string | null): BpfAbilities {
  let maps: SharedMaps;
  try {
    maps = new SharedMaps(objectPath, 1, 16 * pageSize(), []);
  } catch (error) {
    const load = notLoaded(error);
    const blocked = { ...load, why: 'not tried: BPF cannot be used' };
    return { load, tcx: blocked, cgroup: blocked, clsact: blocked };
  }
  /** Loads one kind of program, with no ports and so blind, and tries to attach it. */
  const attempt = (programs: ProgramName[], remedy: string, attach: (object: LoadedObject) => void): Ability => {
    let object: LoadedObject;
    try {
      object = loadObject(objectPath, { programs, config: null, ports: null, shared: maps, rings: 1 });
    } catch (error) {
      return notLoaded(error);
    }
    try {
      attach(object);
      return OK;
    } catch (error) {
      const forbidden = error instanceof KernelError && error.errno === EPERM;
      return { ok: false, why: firstLine(error), remedy: forbidden ? NEEDED : remedy };
    } finally {
      object.close();
    }
  };
  const onLoopback = (attach: (hook: { ifindex: number; ingress: boolean; program: ProgramName }) => void): void =>
    withLibbpfLog(() => inFreshNetns(() => attach({ ifindex: interfaceIndex('lo'), ingress: true, program: 'tap_tc_either' })));
  try {
    return {
      load: attempt(['tap_tc_either'], '', () => {}),
      tcx: attempt(['tap_tc_either'], 'use a kernel 6.6 or newer, or the cgroup or clsact tap', (object) =>
        onLoopback((hook) => attachTcx([hook], object.programFd).detach(undefined)),
      ),
      clsact: attempt(['tap_tc_either'], 'load the kernel modules sch_ingress and cls_bpf', (object) =>
        onLoopback((hook) => attachClsact([hook], 1, object.programFd).detach(undefined)),
      ),
      cgroup:
        cgroup2 === null
          ? { ok: false, why: 'no cgroup v2 hierarchy is mounted', remedy: 'boot with systemd.unified_cgroup_hierarchy=1, or mount cgroup2' }
          : attempt(['tap_cgroup_ingress', 'tap_cgroup_egress'], NEEDED, (object) =>
              attachCgroup(ownCgroup(cgroup2), object.programFd).detach(undefined),
            ),
    };
  } finally {
    maps.close();
  }
}

function notLoaded(error: unknown): Ability {
  const why = error instanceof KernelError ? whyNotLoaded(error) : '';
  if (why === '') return { ok: false, why: firstLine(error), remedy: `${NEEDED}; the kernel must be 5.8 or newer` };
  return { ok: false, why: `${firstLine(error)}; ${why}`, remedy: NEEDED };
}

function probeLibbpf(): Ability {
  try {
    return { ...OK, why: `libbpf ${libbpf().libbpf_version_string()}` };
  } catch (error) {
    return { ok: false, why: firstLine(error), remedy: 'install libbpf 1.0 or newer (Debian: apt-get install libbpf1)' };
  }
}

/** Only whether it is built and permitted: loading it is left to the process that captures. */
function probePcap(capabilities: readonly string[]): Ability {
  if (!capabilities.includes('NET_RAW')) return { ok: false, why: 'CAP_NET_RAW is missing', remedy: 'run as root or with CAP_NET_RAW' };
  try {
    const root = dirname(createRequire(import.meta.url).resolve('pcap/package.json'));
    const built = ['build/Release/pcap_binding.node', 'build/Debug/pcap_binding.node'].some((file) => existsSync(join(root, file)));
    if (built) return { ...OK, why: 'the native module is built' };
    return { ok: false, why: 'the native module of pcap is not built', remedy: 'run `npm run setup` (needs libpcap-dev and a C++ compiler)' };
  } catch {
    return { ok: false, why: 'the package pcap is not installed', remedy: 'run `npm run setup`' };
  }
}

/** The directory that this process is in; a program without ports does no harm there. */
function ownCgroup(mount: string): string {
  const path = /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1] ?? '/';
  const directory = join(mount, path);
  return existsSync(directory) ? directory : mount;
}

function firstLine(error: unknown): string {
  return messageOf(error).split('\n', 1)[0] ?? '';
}
