import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { Attachments, type WantedEndpoint } from '../../src/agent/attachments.ts';
import { locator } from '../../src/agent/locator.ts';
import { PodLocator, type PodLocatorOptions, type PodPlace } from '../../src/kube/pod-location.ts';
import { createLogger } from '../../src/log.ts';
import { EbpfTap, type AttachMode } from '../../src/tap/ebpf/ebpf-tap.ts';
import { PcapTap } from '../../src/tap/pcap/pcap-tap.ts';
import { TO_SERVER } from '../../src/tap/segment.ts';
import type { Tap } from '../../src/tap/tap.ts';
import { TapRecorder } from '../contract/recorder.ts';
import { curl } from '../support/clients.ts';
import { bpfObject } from '../support/kernel.ts';
import { createNetwork, HOST, hostContainer, type Network, type Place, type Pod } from '../support/network.ts';
import { NodeCgroups, type CgroupDriver } from '../support/node-cgroups.ts';
import { startRecorder, type Recorder } from '../support/servers/recorder.ts';
import type { Running } from '../support/process.ts';

const TAP_SIZES = { rings: 1, ringBytes: 1 << 20 };
export const PORT = 8080;

export type TapName = AttachMode | 'pcap';

export interface NodeSceneOptions {
  readonly tap?: TapName;
  /** Besides the cgroups' root. */
  readonly locator?: PodLocatorOptions;
}

/** A node with pods as the kubelet makes them, and the part of an agent that finds and taps them. */
export async function createNodeScene({ tap = 'tcx', locator: options = {} }: NodeSceneOptions = {}): Promise<NodeScene> {
  await using stack = new AsyncDisposableStack();
  const cgroups = stack.use(new NodeCgroups());
  const network = stack.use(await createNetwork());
  const made: Tap = tap === 'pcap' ? new PcapTap(TAP_SIZES) : new EbpfTap({ mode: tap, objectPath: bpfObject(), ...TAP_SIZES });
  const recorder = await TapRecorder.start(made);
  stack.defer(() => recorder.stop());
  const pods = new PodLocator({ cgroup: cgroups.root, ...options });
  const attachments = new Attachments(made, locator(pods), createLogger('silent'));
  stack.defer(() => attachments.stop());
  return new NodeScene(network, cgroups, recorder, attachments, stack.move());
}

export class NodeScene implements AsyncDisposable {
  readonly network: Network;
  readonly cgroups: NodeCgroups;
  readonly recorder: TapRecorder;
  readonly attachments: Attachments;
  readonly #stack: AsyncDisposableStack;
  #wanted: readonly WantedEndpoint[] = [];

  constructor(network: Network, cgroups: NodeCgroups, recorder: TapRecorder, attachments: Attachments, stack: AsyncDisposableStack) {
    this.network = network;
    this.cgroups = cgroups;
    this.recorder = recorder;
    this.attachments = attachments;
    this.#stack = stack;
  }

  /** A pod with its sandbox, and no container yet. */
  async createPod(name: string, driver: CgroupDriver = 'systemd'): Promise<KubePod> {
    const uid = randomUUID();
    const netns = await this.network.createPod({ name });
    const pod = new KubePod(netns, uid, this.cgroups.createPod(uid, driver), this.cgroups);
    await pod.startSandbox();
    return pod;
  }

  /** A pod in the node's network. */
  createHostPod(): { readonly uid: string; readonly place: Place } {
    const uid = randomUUID();
    return { uid, place: hostContainer(this.cgroups.createContainer(this.cgroups.createPod(uid), 'app')) };
  }

  /** @returns what became of the endpoints: empty for tapped ones, the problem of others */
  async tap(...wanted: readonly { readonly place: PodPlace; readonly ports?: readonly number[]; readonly id?: number }[]): Promise<string[]> {
    this.#wanted = wanted.map(({ place, ports = [PORT], id = 1 }) => ({ id, name: `shop/pod-${id}`, labels: {}, ports, where: { pod: place } }));
    return this.check();
  }

  /** Looks at all endpoints now, as the agent does each second. */
  async check(): Promise<string[]> {
    await this.attachments.want(this.#wanted);
    return this.attachments.status().map(({ attached, problem }) => (attached ? problem : problem || 'not tried'));
  }

  /** Request targets that the tap has seen so far, in order. */
  seen(endpoint = 1): string[] {
    this.recorder.drain();
    return this.recorder.records.flatMap((record) => {
      const target = /^(?:GET|POST) (\S+) HTTP/.exec(record.payload.toString('latin1'))?.[1];
      return target !== undefined && record.endpoint === endpoint && record.direction === TO_SERVER ? [target] : [];
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

export class KubePod {
  readonly uid: string;
  readonly netns: Pod;
  readonly place: PodPlace;
  readonly #directory: string;
  readonly #cgroups: NodeCgroups;
  #sandbox: Running | null = null;
  #containers = 0;

  constructor(netns: Pod, uid: string, directory: string, cgroups: NodeCgroups) {
    this.netns = netns;
    this.uid = uid;
    this.place = { cgroupUid: uid };
    this.#directory = directory;
    this.#cgroups = cgroups;
  }

  /** The process that holds a sandbox as the runtime's pause container does. Resolves when it is in its place. */
  async startSandbox(): Promise<void> {
    this.#sandbox = this.#container('sandbox').start('sleep', ['infinity']);
    await untilRuns(this.#sandbox, 'sleep');
  }

  async killSandbox(): Promise<void> {
    this.#sandbox?.signal('SIGKILL');
    await this.#sandbox?.finished;
  }

  /** A container with a server, in a cgroup of its own as every run of a container has. */
  startApp(port = PORT): Promise<Recorder> {
    return startRecorder(this.#container(`app-${++this.#containers}`), { port });
  }

  /** A process of the runtime's in the pod's cgroup, outside its namespaces. */
  async startHelper(): Promise<void> {
    await untilRuns(hostContainer(this.#cgroups.createContainer(this.#directory, 'helper')).start('sleep', ['infinity']), 'sleep');
  }

  async request(target: string, { port = PORT, address = this.netns.address } = {}): Promise<void> {
    const host = address.includes(':') ? `[${address}]` : address;
    await curl(HOST, `http://${host}:${port}${target}`);
  }

  /** As when the runtime makes a sandbox anew: the pod stays, with another network. Ends what runs in the old one. */
  recreateNetwork(): Promise<void> {
    return this.netns.renew();
  }

  /** As the kubelet does. */
  remove(): void {
    this.#cgroups.remove(this.#directory);
    this.netns.remove();
  }

  #container(name: string): Place {
    return this.netns.container(this.#cgroups.createContainer(this.#directory, name));
  }
}

/** Until then it is the shell that moves itself where the command is to run. */
async function untilRuns({ pid }: Running, command: string): Promise<void> {
  await expect.poll(() => readFileSync(`/proc/${pid}/comm`, 'latin1').trim(), { interval: 5 }).toBe(command);
}
