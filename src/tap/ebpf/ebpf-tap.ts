import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ShadowtapError, messageOf } from '../../errors.ts';
import type { Endpoint, EndpointLocation, SourceDescriptor, Tap, TapStats } from '../tap.ts';
import { attachCgroup } from './attach-cgroup.ts';
import { attachClsact, removeOurFilters } from './attach-clsact.ts';
import { attachTcx } from './attach-tcx.ts';
import type { Attachment, TcHook } from './attach.ts';
import { whyNotAttached, whyNotLoaded } from './capabilities.ts';
import { hooksOf } from './hooks.ts';
import { Instance, type ProgramCost } from './instance.ts';
import { ENODEV, KernelError, libbpf, withLibbpfLog } from './libbpf.ts';
import { SharedMaps } from './maps.ts';
import { currentNetns, inNetns } from './netns.ts';
import type { ProgramName } from './object.ts';
import { Waker } from './waker.ts';
import type { Counter } from './abi.ts';

/** How the programs are attached; see bpf/README.md. */
export type AttachMode = 'tcx' | 'cgroup' | 'clsact';

export interface EbpfTapOptions {
  readonly mode: AttachMode;
  /** One for each worker. */
  readonly rings: number;
  /** Size of each ring, a power of two and a multiple of the page size; 16 MiB by default. */
  readonly ringBytes?: number;
  /** The compiled bpf/tap.bpf.c; the one in this tree by default. */
  readonly objectPath?: string;
}

export const DEFAULT_RING_BYTES = 16 * 1024 * 1024;
export const BPF_OBJECT = fileURLToPath(new URL('../../../bpf/build/tap.bpf.o', import.meta.url));

const PROGRAMS: Record<AttachMode, readonly ProgramName[]> = {
  tcx: ['tap_tc_ingress', 'tap_tc_egress', 'tap_tc_either'],
  clsact: ['tap_tc_ingress', 'tap_tc_egress', 'tap_tc_either'],
  cgroup: ['tap_cgroup_ingress', 'tap_cgroup_egress'],
};

interface Tapped {
  location: EndpointLocation;
  readonly mode: AttachMode;
  readonly instance: Instance;
  readonly attachment: Attachment;
  /** Where it hangs, as `namespace:ifindex`; none for a cgroup. */
  readonly sites: readonly string[];
}

/** Everything that exists only between start and stop. */
interface Running {
  readonly maps: SharedMaps;
  readonly waker: Waker;
}

/**
 * Taps endpoints with BPF programs, one instance of bpf/tap.bpf.c for each, all writing into the same rings.
 *
 * Main thread only: attaching moves the thread through network namespaces (synchronously, and back).
 */
export class EbpfTap implements Tap {
  readonly name: string;
  readonly #mode: AttachMode;
  readonly #rings: number;
  readonly #ringBytes: number;
  readonly #objectPath: string;
  readonly #tapped = new Map<number, Tapped>();
  /** Cost of programs that are gone, so that the sums never fall. */
  readonly #pastCost: ProgramCost = { ns: 0, runs: 0 };
  #running: Running | null = null;
  #sources: readonly SourceDescriptor[] = [];

  constructor(options: EbpfTapOptions) {
    this.#mode = options.mode;
    this.#rings = options.rings;
    this.#ringBytes = options.ringBytes ?? DEFAULT_RING_BYTES;
    this.#objectPath = options.objectPath ?? BPF_OBJECT;
    this.name = `ebpf:${options.mode}`;
  }

  get sources(): readonly SourceDescriptor[] {
    return this.#sources;
  }

  async start(): Promise<void> {
    if (this.#running !== null) return;
    requireLibbpf();
    if (!existsSync(this.#objectPath)) {
      throw new ShadowtapError('TAP_UNAVAILABLE', `the BPF object ${this.#objectPath} is missing: build it with \`make -C bpf\` (needs clang and libbpf-dev)`);
    }
    let maps: SharedMaps | null = null;
    try {
      maps = new SharedMaps(this.#objectPath, this.#rings, this.#ringBytes, PROGRAMS[this.#mode]);
      const muteFd = maps.marksFd;
      this.#sources = maps.ringFds.map((fd) => ({
        kind: 'bpf', fd, bytes: this.#ringBytes, muteFd, wake: new SharedArrayBuffer(4),
      }));
      this.#running = { maps, waker: new Waker(this.#sources) };
    } catch (cause) {
      maps?.close();
      throw loadError(cause);
    }
  }

  async attach(endpoint: Endpoint): Promise<void> {
    const known = this.#tapped.get(endpoint.id);
    if (known !== undefined && sameLocation(known.location, endpoint.location)) {
      known.instance.setPorts(endpoint.ports);
      return;
    }
    await this.detach(endpoint.id);
    const { maps } = this.#started();
    try {
      const mode = this.#modeFor(endpoint.location);
      const hooks = mode === 'cgroup' ? [] : hooksOf(endpoint.location);
      const programs = mode === 'cgroup' ? PROGRAMS.cgroup : [...new Set(hooks.map((hook) => hook.program))];
      const settings = { objectPath: this.#objectPath, rings: this.#rings, ringBytes: this.#ringBytes, shared: maps };
      const instance = new Instance(settings, endpoint, programs);
      try {
        this.#tapped.set(endpoint.id, this.#hang(endpoint, mode, instance, hooks));
      } catch (error) {
        instance.close();
        throw error;
      }
    } catch (cause) {
      throw attachError(this.name, endpoint, cause);
    }
  }

  moved(endpointId: number, location: EndpointLocation): void {
    const tapped = this.#tapped.get(endpointId);
    if (tapped !== undefined) tapped.location = location;
  }

  async detach(endpointId: number): Promise<void> {
    const tapped = this.#tapped.get(endpointId);
    if (tapped === undefined) return;
    this.#tapped.delete(endpointId);
    // Filters whose namespace lives on, though no path leads there any more, stay where they are: they must be blind.
    if (tapped.mode === 'clsact') tapped.instance.setPorts([]);
    tapped.attachment.detach(tapped.location.netns);
    const { ns, runs } = tapped.instance.cost();
    this.#pastCost.ns += ns;
    this.#pastCost.runs += runs;
    tapped.instance.close();
  }

  stats(): TapStats {
    const counters = this.counters();
    const cost = { ...this.#pastCost };
    if (programsAreTimed()) {
      for (const { instance } of this.#tapped.values()) {
        const { ns, runs } = instance.cost();
        cost.ns += ns;
        cost.runs += runs;
      }
    }
    return {
      seen: counters.seen,
      copied: counters.copied,
      bytes: counters.bytes,
      shed: counters.shed,
      shedFlows: counters.shed_flows,
      notHttp: counters.not_http + counters.awaiting,
      notHttpFlows: counters.muted_flows,
      lost: counters.fragments + counters.unreadable,
      programNs: cost.ns,
      programRuns: cost.runs,
    };
  }

  /** All that the programs count; see `struct tap_counters` in bpf/tap.h. The tap must be started. */
  counters(): Record<Counter, number> {
    return this.#started().maps.counters();
  }

  async stop(): Promise<void> {
    for (const id of [...this.#tapped.keys()]) await this.detach(id);
    this.#running?.waker.close();
    this.#running?.maps.close();
    this.#running = null;
    this.#sources = [];
  }

  #started(): Running {
    if (this.#running === null) throw new ShadowtapError('INTERNAL', `the tap ${this.name} is used before start or after stop`);
    return this.#running;
  }

  /** What is known by its cgroup alone can only be tapped there: a pod that shares the node's network, for one. */
  #modeFor({ netns, interfaces, cgroup }: EndpointLocation): AttachMode {
    return cgroup !== undefined && netns === undefined && interfaces === undefined ? 'cgroup' : this.#mode;
  }

  /** Synchronous from end to end: inside, the thread may be in another namespace. */
  #hang({ id, location }: Endpoint, mode: AttachMode, instance: Instance, hooks: readonly TcHook[]): Tapped {
    const { programFd } = instance;
    return withLibbpfLog(() => {
      if (mode === 'cgroup') return { location, mode, instance, sites: [], attachment: attachCgroup(requireCgroup(location), programFd) };
      return inNetns(location.netns, () => {
        const sites = hooks.map(({ ifindex }) => `${currentNetns()}:${ifindex}`);
        if (mode === 'clsact') this.#clearRemnants(sites, hooks);
        const attachment = mode === 'tcx' ? attachTcx(hooks, programFd) : attachClsact(hooks, id, programFd);
        return { location, mode, instance, sites, attachment };
      });
    });
  }

  /** A dead agent's filters are removed from interfaces on which there are none of ours. */
  #clearRemnants(sites: readonly string[], hooks: readonly TcHook[]): void {
    const ours = new Set(Array.from(this.#tapped.values(), (tapped) => tapped.sites).flat());
    hooks.forEach(({ ifindex }, i) => {
      if (!ours.has(sites[i]!)) removeOurFilters(ifindex);
    });
  }
}

function requireLibbpf(): void {
  try {
    libbpf();
  } catch (cause) {
    throw new ShadowtapError('TAP_UNAVAILABLE', `libbpf.so.1 cannot be loaded: install libbpf 1.0 or newer (Debian: apt-get install libbpf1): ${messageOf(cause)}`, { cause });
  }
}

function requireCgroup({ cgroup }: EndpointLocation): string {
  if (cgroup !== undefined) return cgroup;
  throw new ShadowtapError('ENDPOINT', 'this tap needs a cgroup v2 directory: give the endpoint `cgroup`, or use another tap');
}

function loadError(cause: unknown): ShadowtapError {
  const why = cause instanceof KernelError ? whyNotLoaded(cause) : '';
  if (why !== '') return new ShadowtapError('TAP_UNAVAILABLE', `BPF is not permitted; run as root or with CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN; ${why}`, { cause });
  return new ShadowtapError('TAP_LOAD', `the kernel refused the BPF object; \`shadowtap doctor\` shows what it can do: ${messageOf(cause)}`, { cause });
}

function attachError(tap: string, { name }: Endpoint, cause: unknown): ShadowtapError {
  if (cause instanceof ShadowtapError) return new ShadowtapError(cause.code, `${name}: ${cause.message}`, { cause });
  const gone = cause instanceof KernelError && cause.errno === ENODEV;
  if (gone) return new ShadowtapError('ENDPOINT', `${name}: its interface vanished while it was attached: ${messageOf(cause)}`, { cause });
  const why = cause instanceof KernelError ? whyNotAttached(cause) : '';
  const remedy = why === '' ? '`shadowtap doctor` shows what this node can do' : `${why} (run as root or with it)`;
  return new ShadowtapError('TAP_ATTACH', `${name}: ${tap} could not be attached; ${remedy}: ${messageOf(cause)}`, { cause });
}

function sameLocation(a: EndpointLocation, b: EndpointLocation): boolean {
  const fields = ({ netns, interfaces, cgroup, addresses }: EndpointLocation): string => JSON.stringify([netns, interfaces, cgroup, addresses]);
  return fields(a) === fields(b);
}

function programsAreTimed(): boolean {
  try {
    return readFileSync('/proc/sys/kernel/bpf_stats_enabled', 'utf8').trim() === '1';
  } catch {
    return false;
  }
}
