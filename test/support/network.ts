import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EndpointLocation } from '../../src/tap/tap.ts';
import { impairCable, type Impairer, type Impairment } from './impair/impair.ts';
import { attempt, createCgroup, OWNER, removeCgroup, removeLeftovers, removeNamespace } from './leftovers.ts';
import { run } from './netns.ts';
import { Running, succeeded, type StartOptions } from './process.ts';

/**
 * A node's network for end-to-end tests: pods on a bridge, as a CNI makes them, and ourselves on it too.
 *
 *     await using network = await createNetwork();
 *     const app = await network.createPod({ name: 'app' });
 *     await app.exec('curl', '-s', `http://${network.address}:8080/`);
 *
 * Everything goes when the network is disposed of, when the process exits, or, after a `kill -9`, when the next network
 * is created. Addresses: 10.231.N.0/24 and fd00:231:0:N::/64, the host .1, pods from .2.
 */

/** Where commands run: in a pod, or on the host. */
export interface Place {
  /** Starts a command and does not wait. */
  start(command: string, args?: readonly string[], options?: StartOptions): Running;
  /** Runs a command to its end. @returns its standard output @throws with its complaint unless it ended with 0 */
  exec(command: string, ...args: string[]): Promise<string>;
}

/** Our own namespace. */
export const HOST: Place = placeOf((argv, options) => new Running(argv, options));

/** Our own namespace for commands that run in this cgroup v2 directory, as containers with the node's network do. */
export function hostContainer(cgroup: string): Place {
  return placeOf((argv, options) => new Running(joining(cgroup, argv), options));
}

function placeOf(start: (argv: [string, ...string[]], options?: StartOptions) => Running): Place {
  return {
    start: (command, args = [], options) => start([command, ...args], options),
    exec: (command, ...args) => succeeded(command, start([command, ...args]).finished),
  };
}

/** A command line that first moves itself into a cgroup. */
function joining(cgroup: string, argv: readonly string[]): [string, ...string[]] {
  return ['sh', '-c', 'echo $$ > "$0/cgroup.procs" && exec "$@"', cgroup, ...argv];
}

export interface PodOptions {
  /** Short; unique within the network. */
  readonly name: string;
  /** Gives the pod a cgroup v2 directory in which everything it starts runs. */
  readonly cgroup?: boolean;
  /** 1500 by default. */
  readonly mtu?: number;
  /** false: the pod's interface segments and checks its packets itself, so none is larger than the MTU. */
  readonly offloads?: boolean;
  /** Loses, reorders and duplicates TCP packets on the way to and from the pod; turns offloads off. */
  readonly impair?: Impairment;
}

const OFFLOADS_OFF = ['tso', 'off', 'gso', 'off', 'gro', 'off', 'tx', 'off'];

/** Makes a bridge with the first free number. @throws without root or the `ip` tool */
export async function createNetwork(): Promise<Network> {
  removeLeftovers();
  for (let number = 1; number < 255; number++) {
    const bridge = `stbr${number}`;
    if (existsSync(`/sys/class/net/${bridge}`)) continue;
    try {
      // A fixed hardware address: else it changes with each pod that joins, and the pods' neighbour tables are wrong.
      run('ip', 'link', 'add', bridge, 'address', `02:e7:00:00:01:${byte(number)}`, 'type', 'bridge', 'mcast_snooping', '0');
    } catch (error) {
      if (existsSync(`/sys/class/net/${bridge}`)) continue; // Another run was quicker.
      throw error;
    }
    return new Network(number, bridge);
  }
  throw new Error('254 test networks exist already');
}

export class Network implements AsyncDisposable {
  readonly number: number;
  readonly bridge: string;
  /** The host's addresses as the pods see them. */
  readonly address: string;
  readonly address6: string;
  readonly #pods = new Set<Pod>();
  #last = 1;

  constructor(number: number, bridge: string) {
    this.number = number;
    this.bridge = bridge;
    this.address = `10.231.${number}.1`;
    this.address6 = `fd00:231:0:${number.toString(16)}::1`;
    networks.add(this);
    run('ip', 'link', 'set', bridge, 'alias', OWNER);
    run('ip', 'link', 'set', bridge, 'up');
    run('ip', 'addr', 'add', `${this.address}/24`, 'dev', bridge);
    run('ip', 'addr', 'add', `${this.address6}/64`, 'dev', bridge, 'nodad');
  }

  async createPod(options: PodOptions): Promise<Pod> {
    const pod = new Pod(this, ++this.#last, options, (gone) => this.#pods.delete(gone));
    this.#pods.add(pod);
    try {
      await pod.make(options);
      return pod;
    } catch (error) {
      pod.remove();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.remove();
  }

  /** Removes the pods and the bridge at once. Idempotent. */
  remove(): void {
    for (const pod of [...this.#pods]) pod.remove();
    if (networks.delete(this)) attempt('ip', 'link', 'del', this.bridge);
  }
}

/** A network namespace with `eth0` on the bridge and `lo`. */
export class Pod implements Place, AsyncDisposable {
  readonly name: string;
  /** As `ip netns` knows it. */
  readonly namespace: string;
  readonly netns: string;
  readonly address: string;
  readonly address6: string;
  /** cgroup v2 directory, or undefined when none was asked for. */
  readonly cgroup: string | undefined;
  readonly #network: Network;
  readonly #port: string;
  readonly #forget: (pod: Pod) => void;
  /** The interface that is on the bridge: the far end of the pod's cable, or of the one behind the impairing one. */
  readonly #bridgePort: string;
  #impairer: Impairer | undefined;

  constructor(network: Network, number: number, options: PodOptions, forget: (pod: Pod) => void) {
    this.name = options.name;
    this.namespace = `${OWNER}-${network.number}-${options.name}`;
    this.netns = `/run/netns/${this.namespace}`;
    this.address = `10.231.${network.number}.${number}`;
    this.address6 = `fd00:231:0:${network.number.toString(16)}::${number.toString(16)}`;
    this.#network = network;
    this.#port = `st${network.number}p${number}`;
    this.#forget = forget;
    this.#bridgePort = options.impair ? `${this.#port}i` : this.#port;
    this.cgroup = options.cgroup ? createCgroup(this.namespace) : undefined;
  }

  /** Makes the namespace and joins it to the bridge, through the impairing cable where one was asked for. */
  async make({ mtu = 1500, offloads = true, impair }: PodOptions): Promise<void> {
    run('ip', 'netns', 'add', this.namespace);
    const inPod = (...args: string[]) => run('ip', '-n', this.namespace, ...args);
    const peer = ['peer', 'name', 'eth0', 'mtu', String(mtu), 'netns', this.namespace];
    run('ip', 'link', 'add', this.#port, 'mtu', String(mtu), 'type', 'veth', ...peer);
    inPod('addr', 'add', `${this.address}/24`, 'dev', 'eth0');
    inPod('addr', 'add', `${this.address6}/64`, 'dev', 'eth0', 'nodad');
    inPod('link', 'set', 'lo', 'up');
    inPod('link', 'set', 'eth0', 'up');
    if (!offloads || impair) run('ip', 'netns', 'exec', this.namespace, 'ethtool', '-K', 'eth0', ...OFFLOADS_OFF);
    if (impair) this.#impairer = await impairCable(`${this.namespace}-cable`, this.#port, this.#bridgePort, impair);
    run('ip', 'link', 'set', this.#bridgePort, 'master', this.#network.bridge, 'up');
  }

  /** Where a tap finds this pod. */
  get location(): EndpointLocation {
    const { netns, address, address6, cgroup } = this;
    return { netns, addresses: [address, address6], ...(cgroup === undefined ? {} : { cgroup }) };
  }

  start(command: string, args: readonly string[] = [], options?: StartOptions): Running {
    return this.#start(this.cgroup, [command, ...args], options);
  }

  /** One of several containers: its commands run in this cgroup v2 directory. */
  container(cgroup: string): Place {
    return placeOf((argv, options) => this.#start(cgroup, argv, options));
  }

  exec(command: string, ...args: string[]): Promise<string> {
    return succeeded(`${command} in pod ${this.name}`, this.start(command, args).finished);
  }

  #start(cgroup: string | undefined, argv: readonly string[], options?: StartOptions): Running {
    const inNamespace = ['ip', 'netns', 'exec', this.namespace, ...argv] as const;
    // First the cgroup: `ip netns exec` mounts a /sys of its own, in which it is not to be found.
    return new Running(cgroup === undefined ? [...inNamespace] : joining(cgroup, inNamespace), options);
  }

  /** From now on the pod answers nobody on these addresses, not even with a refusal; undone when disposed of. */
  async blackhole(peers: readonly string[] = [this.#network.address, this.#network.address6]): Promise<AsyncDisposable> {
    const route = (change: 'add' | 'del') => {
      for (const peer of peers) run('ip', '-n', this.namespace, 'route', change, 'blackhole', peer);
    };
    route('add');
    return { [Symbol.asyncDispose]: async () => route('del') };
  }

  /** What the impairing cable did so far; undefined where there is none. */
  get impairer(): Impairer | undefined {
    return this.#impairer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.remove();
  }

  /** Another namespace takes the place of this one, with the same addresses; what runs in it ends. */
  async renew(options: Omit<PodOptions, 'name'> = {}): Promise<void> {
    this.#removeNetwork();
    // The kernel takes its time to free the old one's number, which the new one then gets.
    await sleep(200);
    await this.make({ name: this.name, ...options });
  }

  /** The pod vanishes with everything in it, as when a node kills it. Idempotent. */
  remove(): void {
    this.#forget(this);
    this.#removeNetwork();
    if (this.cgroup !== undefined) removeCgroup(this.cgroup);
  }

  #removeNetwork(): void {
    // The kernel takes an interface away some time after the namespace of its other end: we do it at once.
    attempt('ip', 'link', 'del', this.#bridgePort);
    this.#impairer?.remove();
    removeNamespace(this.namespace);
  }
}

const networks = new Set<Network>();
process.on('exit', () => {
  for (const network of [...networks]) network.remove();
});

function byte(value: number): string {
  return value.toString(16).padStart(2, '0');
}
