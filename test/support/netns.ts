import { execFileSync, spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';

/**
 * Namespaces, interfaces and cgroups for kernel tests. Everything is named after this process and removed by `delete`,
 * or at the latest when the process exits.
 */

let created = 0;
const undo = new Set<() => void>();
process.on('exit', () => {
  for (const step of undo) step();
});

export interface PodOptions {
  /** MTU of both ends; 1500 by default. */
  readonly mtu?: number;
  /** false turns TSO, GSO and GRO off on both ends: no packet is larger than the MTU, not even inside the machine. */
  readonly offloads?: boolean;
}

/** A namespace that looks like a pod: `eth0` joined to an interface in our own namespace, and `lo`. */
export class Pod {
  /** Name of the namespace, as `ip netns` knows it. */
  readonly name: string;
  readonly netns: string;
  /** Our end of the cable. */
  readonly hostInterface: string;
  readonly hostAddress: string;
  readonly address: string;
  readonly hostAddress6: string;
  readonly address6: string;
  readonly #children = new Set<ChildProcess>();

  constructor(options: PodOptions = {}) {
    const n = created++;
    const pid = process.pid;
    this.name = `st-${pid}-${n}`;
    this.netns = `/run/netns/${this.name}`;
    this.hostInterface = `st${pid}h${n}`.slice(0, 15);
    const net4 = `10.${128 + ((pid >> 8) & 127)}.${pid & 255}`;
    const net6 = `fd53:5441:${(pid & 0xffff).toString(16)}:${n.toString(16)}`;
    this.hostAddress = `${net4}.${(n % 63) * 4 + 1}`;
    this.address = `${net4}.${(n % 63) * 4 + 2}`;
    this.hostAddress6 = `${net6}::1`;
    this.address6 = `${net6}::2`;

    undo.add(this.delete);
    ip('netns', 'add', this.name);
    const mtu = String(options.mtu ?? 1500);
    ip('link', 'add', this.hostInterface, 'mtu', mtu, 'type', 'veth', 'peer', 'name', 'eth0', 'mtu', mtu, 'netns', this.name);
    if (options.offloads === false) {
      const off = ['tso', 'off', 'gso', 'off', 'gro', 'off', 'tx', 'off'];
      run('ethtool', '-K', this.hostInterface, ...off);
      this.run('ethtool', '-K', 'eth0', ...off);
      // TCP builds large packets all the same and leaves it to the device layer to cut them.
      ip('link', 'set', this.hostInterface, 'gso_max_segs', '1');
      ip('-n', this.name, 'link', 'set', 'eth0', 'gso_max_segs', '1');
    }
    ip('addr', 'add', `${this.hostAddress}/30`, 'dev', this.hostInterface);
    ip('addr', 'add', `${this.hostAddress6}/64`, 'dev', this.hostInterface, 'nodad');
    ip('link', 'set', this.hostInterface, 'up');
    ip('-n', this.name, 'addr', 'add', `${this.address}/30`, 'dev', 'eth0');
    ip('-n', this.name, 'addr', 'add', `${this.address6}/64`, 'dev', 'eth0', 'nodad');
    ip('-n', this.name, 'link', 'set', 'lo', 'up');
    ip('-n', this.name, 'link', 'set', 'eth0', 'up');
    ip('-n', this.name, 'route', 'add', 'default', 'via', this.hostAddress);
  }

  /** Runs a command in the pod to its end. @returns its standard output */
  run(command: string, ...args: string[]): string {
    return run('nsenter', `--net=${this.netns}`, command, ...args);
  }

  /**
   * Starts a command in the pod; the child's pid is the command's own. Only the network is the pod's: unlike
   * `ip netns exec` this keeps our /sys, and with it the cgroups.
   */
  spawn(command: string, args: readonly string[], options: SpawnOptions = {}): ChildProcess {
    const child = spawn('nsenter', [`--net=${this.netns}`, command, ...args], { stdio: 'ignore', ...options });
    this.#children.add(child);
    return child;
  }

  /** Lets both ends build IPv6 packets of up to `bytes`, more than its length field can say. */
  allowBigTcp(bytes: number): void {
    const sizes = ['gso_max_size', String(bytes), 'gro_max_size', String(bytes)];
    ip('link', 'set', this.hostInterface, ...sizes);
    ip('-n', this.name, 'link', 'set', 'eth0', ...sizes);
  }

  /** Ends what `spawn` started, then removes the namespace and the cable. Idempotent. */
  readonly delete = (): void => {
    if (!undo.delete(this.delete)) return;
    for (const child of this.#children) child.kill('SIGKILL');
    quietly(() => ip('link', 'del', this.hostInterface));
    quietly(() => ip('netns', 'del', this.name));
  };
}

/** Where the cgroup v2 hierarchy is mounted, or null. */
export function cgroup2Mount(): string | null {
  for (const line of readFileSync('/proc/self/mountinfo', 'utf8').split('\n')) {
    const [before, after] = line.split(' - ');
    if (after?.startsWith('cgroup2 ')) return before?.split(' ')[4] ?? null;
  }
  return null;
}

/** A cgroup v2 directory of our own. @throws if no cgroup v2 hierarchy is mounted */
export class Cgroup {
  readonly path: string;

  constructor() {
    const mount = cgroup2Mount();
    if (mount === null) throw new Error('no cgroup v2 hierarchy is mounted');
    this.path = `${mount}/st-${process.pid}-${created++}`;
    mkdirSync(this.path);
    undo.add(this.delete);
  }

  /** Moves a process here; sockets it opens from now on belong to this cgroup. */
  add(pid: number): void {
    writeFileSync(`${this.path}/cgroup.procs`, String(pid));
  }

  /** Removes the directory; its processes must have ended. Idempotent. */
  readonly delete = (): void => {
    if (!undo.delete(this.delete)) return;
    if (existsSync(this.path)) quietly(() => rmdirSync(this.path));
  };
}

/** Runs a command to its end. @returns its standard output @throws with its standard error in the message */
export function run(command: string, ...args: string[]): string {
  return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 64 << 20 });
}

function ip(...args: string[]): void {
  run('ip', ...args);
}

/** Clean-up goes on when one thing is already gone. */
function quietly(step: () => void): void {
  try {
    step();
  } catch {
    // It vanished with its namespace or its last process.
  }
}
