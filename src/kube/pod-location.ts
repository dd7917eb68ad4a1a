import { readFileSync, readlinkSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { ShadowtapError } from '../errors.ts';
import { cgroup2Mount } from '../tap/cgroup2.ts';
import { inNetns } from '../tap/ebpf/netns.ts';
import type { EndpointLocation } from '../tap/tap.ts';
import type { PodFacts } from './objects.ts';
import { holdsProcesses, podOfPid, scanNode, type NodeView } from './pod-scan.ts';

/** What it takes to find a pod on its node. Plain data that hardly changes while the pod lives. */
export interface PodPlace {
  /** As in `PodFacts`. */
  readonly cgroupUid: string;
  /** Another pod claims it, too: it leads nowhere. */
  readonly isContested?: true;
  /** Given where the pod shares the node's network: its addresses, which are the node's. */
  readonly nodeAddresses?: readonly string[];
  /** Interfaces in its network namespace; absent: `eth0` and `lo`. */
  readonly interfaces?: readonly string[];
}

const INTERFACES = 'shadowtap.dev/interfaces';
const MAX_INTERFACES = 16;

/**
 * Behind a mesh's proxy only `lo` is looked at: there each request passes once and in plain text, whether it came
 * encrypted or not. The pod's annotation `shadowtap.dev/interfaces: eth0,lo` says otherwise.
 */
export function podPlace({ cgroupUid, hostNetwork, addresses, annotations, meshed }: PodFacts): PodPlace {
  if (hostNetwork) return { cgroupUid, nodeAddresses: addresses };
  const named = annotations[INTERFACES]?.split(',').map((name) => name.trim()).filter((name) => name !== '') ?? [];
  const interfaces = named.length > 0 ? named.slice(0, MAX_INTERFACES) : meshed ? ['lo'] : undefined;
  return { cgroupUid, ...(interfaces && { interfaces }) };
}

export interface PodLocatorOptions {
  /** Where the node's /proc is; `/proc`, which is the node's with `hostPID`. */
  readonly proc?: string;
  /** Where the node's cgroup v2 hierarchy is mounted, or null for none; by default the first one that is mounted. */
  readonly cgroup?: string | null;
  /**
   * How pods that share the node's network are told from others there: by their cgroup, which is exact, or, for taps
   * that know no cgroups, by the node's addresses and the pod's ports.
   */
  readonly hostNetworkBy?: 'cgroup' | 'addresses';
}

/** The node is looked at as a whole, and no more often than this. */
const SCAN_PAUSE_MS = 1000;
/** Share of the time that may go into looking, up to a pause of `MAX_SCAN_PAUSE_MS`: there may be pods that never start. */
const SCAN_SHARE = 0.01;
const MAX_SCAN_PAUSE_MS = 5000;
/** Processes of one pod that are considered. */
const MAX_CANDIDATES = 256;

/**
 * Finds pods on this node by the names of their cgroups; no runtime and no CNI is asked.
 *
 * The network namespace is that of one of the pod's processes, which `hostPID` lets us see. Nothing is kept open on it:
 * an open descriptor would keep a deleted pod's network alive.
 */
export class PodLocator {
  readonly #proc: string;
  readonly #cgroup: string | null;
  readonly #hostNetworkBy: 'cgroup' | 'addresses';
  #view: NodeView = { processes: new Map(), directories: new Map() };
  #nextScanMs = -Infinity;

  constructor({ proc = '/proc', cgroup = cgroup2Mount(), hostNetworkBy = 'cgroup' }: PodLocatorOptions = {}) {
    this.#proc = proc;
    this.#cgroup = cgroup;
    this.#hostNetworkBy = hostNetworkBy;
  }

  /**
   * Where the pod's packets pass just now. The path of the namespace holds as long as the process behind it lives.
   * @throws ShadowtapError ENDPOINT: it is not there, or not yet, or cannot be told from others; asking again may help
   */
  locate(place: PodPlace): EndpointLocation {
    if (place.isContested) {
      throw new ShadowtapError('ENDPOINT', `another pod of this node says that it is the static pod ${place.cgroupUid}, too; delete the one that is not`);
    }
    if (place.nodeAddresses !== undefined && this.#hostNetworkBy === 'addresses') return this.#locateOnNode(place.nodeAddresses);
    const found = this.#find(place) ?? (this.#scan() ? this.#find(place) : null);
    if (found !== null) return found;
    throw new ShadowtapError('ENDPOINT', this.#whyNot(place));
  }

  /** null: what was seen of it is out of date, or nothing was. */
  #find({ cgroupUid, nodeAddresses, interfaces }: PodPlace): EndpointLocation | null {
    const known = this.#view.directories.get(cgroupUid);
    const cgroup = known !== undefined && holdsProcesses(known) ? { cgroup: known } : null;
    if (nodeAddresses !== undefined) return cgroup;
    const pids = this.#view.processes.get(cgroupUid) ?? [];
    const pid = this.#oldestWithOwnNetwork(cgroupUid, pids);
    if (pid !== null) return { netns: this.#netns(pid), ...cgroup, ...(interfaces && { interfaces }) };
    // Its cgroup has processes that /proc does not show, or whose namespace may not be looked at.
    return pids.every((seen) => this.#namespace(seen) === null && podOfPid(this.#proc, seen) === cgroupUid) ? cgroup : null;
  }

  /**
   * The oldest is the sandbox's own, where there is one, and outlives the containers. Some runtimes keep helpers of theirs
   * in a pod's cgroup (CRI-O: conmon), which are older still: they are in the node's network.
   */
  #oldestWithOwnNetwork(cgroupUid: string, pids: readonly number[]): number | null {
    const notThePods = [namespaceOf('/proc/self'), this.#namespace(1)];
    let oldest: number | null = null;
    let oldestStart = Infinity;
    for (const pid of pids.slice(0, MAX_CANDIDATES)) {
      const start = this.#start(pid);
      if (start >= oldestStart || podOfPid(this.#proc, pid) !== cgroupUid) continue;
      const namespace = this.#namespace(pid);
      if (namespace === null || notThePods.includes(namespace)) continue;
      oldest = pid;
      oldestStart = start;
    }
    return oldest;
  }

  /** @returns false if the last look was too short a time ago */
  #scan(): boolean {
    const beginMs = performance.now();
    if (beginMs < this.#nextScanMs) return false;
    this.#view = scanNode(this.#proc, this.#cgroup);
    const endMs = performance.now();
    const pauseMs = Math.min((endMs - beginMs) / SCAN_SHARE, MAX_SCAN_PAUSE_MS);
    this.#nextScanMs = beginMs + Math.max(pauseMs, SCAN_PAUSE_MS);
    return true;
  }

  #whyNot({ cgroupUid, nodeAddresses }: PodPlace): string {
    if (nodeAddresses !== undefined) {
      const why = this.#cgroup === null ? 'this node has no cgroup v2 hierarchy (or it is not mounted here)' : `no process runs in a cgroup of pod ${cgroupUid}`;
      return `the pod shares the node's network, where only its cgroup v2 directory tells its traffic from others', and ${why}`;
    }
    const pids = this.#view.processes.get(cgroupUid) ?? [];
    if (pids.length === 0) return `no process of pod ${cgroupUid} runs on this node yet, or it cannot be seen: that takes hostPID, or the node's cgroup v2 hierarchy`;
    if (pids.every((pid) => this.#namespace(pid) === null)) {
      return `the processes of pod ${cgroupUid} may not be looked at, which takes CAP_SYS_PTRACE and that AppArmor permits it; or they have just ended`;
    }
    return `pod ${cgroupUid} has no network of its own yet, or no process that holds it any more`;
  }

  /** By the node's interfaces that hold the pod's addresses, and `lo`, over which the node itself reaches them. */
  #locateOnNode(addresses: readonly string[]): EndpointLocation {
    const node = this.#namespace(1);
    const isOurs = node === null || node === namespaceOf('/proc/self');
    const where = isOurs ? {} : { netns: this.#netns(1) };
    const held = Object.entries(inNetns(where.netns, networkInterfaces));
    const names = held.filter(([, entries]) => entries?.some(({ address }) => addresses.includes(address))).map(([name]) => name);
    if (names.length > 0) return { ...where, interfaces: [...new Set([...names, 'lo'])], addresses };
    throw new ShadowtapError(
      'ENDPOINT',
      `the pod shares the node's network, and no interface that the agent can see holds ${addresses.join(' or ') || 'its addresses, which are not known yet'}: ` +
        'run the agent with hostNetwork, or with a tap that knows cgroups',
    );
  }

  #netns(pid: number): string {
    return `${this.#proc}/${pid}/ns/net`;
  }

  #namespace(pid: number): string | null {
    return namespaceOf(`${this.#proc}/${pid}`);
  }

  /** When a process was started (proc_pid_stat(5), field 22), in clock ticks since boot; Infinity if it is not there. */
  #start(pid: number): number {
    try {
      const stat = readFileSync(`${this.#proc}/${pid}/stat`, 'latin1');
      return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? Infinity);
    } catch {
      return Infinity;
    }
  }
}

/** As the kernel names it, `net:[4026531840]`; null if it may not be looked at or has ended. */
function namespaceOf(process: string): string | null {
  try {
    return readlinkSync(`${process}/ns/net`);
  } catch {
    return null;
  }
}
