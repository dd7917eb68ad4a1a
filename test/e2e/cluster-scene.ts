import { KubePod } from '../agent/pods-scene.ts';
import { startAgent, type AgentUnderTest, type Launch } from '../support/agent.ts';
import type { Cluster } from '../support/cluster/cluster.ts';
import type { JsonObject } from '../support/cluster/objects.ts';
import type { Faults } from '../support/cluster/faults.ts';
import { startCluster, startTestCluster } from '../support/cluster/start.ts';
import { AGENTS, manifests, namespace } from '../support/manifests.ts';
import { createNetwork, type Network } from '../support/network.ts';
import { NodeCgroups } from '../support/node-cgroups.ts';
import type { Recorder } from '../support/servers/recorder.ts';

export const NAMESPACE = 'shop';
export const PORT = 8080;

export interface ClusterSceneOptions {
  readonly nodes?: readonly string[];
  readonly tap?: string;
  /** Settings of the agents. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** The API is the one whose faults can be provoked, whatever the environment says. */
  readonly faulty?: boolean;
  /** Fields of `spec.kubernetes`. */
  readonly kubernetes?: Readonly<Record<string, unknown>>;
}

/**
 * A cluster with nodes, pods and agents: a Kubernetes API, the manifests of daemonset/, and for each pod a namespace, the
 * cgroups that a kubelet would make, and real servers. The scene stands in for the kubelets and for the controller that
 * keeps EndpointSlices.
 */
export async function createClusterScene(options: ClusterSceneOptions = {}): Promise<ClusterScene> {
  await using stack = new AsyncDisposableStack();
  const cluster = stack.use(await (options.faulty === true ? startTestCluster() : startCluster()));
  const network = stack.use(await createNetwork());
  await cluster.apply(...manifests('base/namespace'), ...manifests('base/crd'), ...manifests('base/agent-rbac'), namespace(NAMESPACE));
  const kubeconfig = await cluster.kubeconfigOf(AGENTS, 'shadowtap-agent');
  const scene = new ClusterScene(cluster, network, kubeconfig, options, stack.move());
  for (const name of options.nodes ?? ['node-a']) await scene.addNode(name);
  return scene;
}

export interface ScenePodOptions {
  readonly name: string;
  readonly node?: string;
  readonly namespace?: string;
  readonly labels?: Record<string, string>;
  readonly annotations?: Record<string, string>;
  /** More of `spec`. */
  readonly spec?: JsonObject;
}

export class ClusterScene implements AsyncDisposable {
  readonly cluster: Cluster;
  readonly network: Network;
  readonly #kubeconfig: string;
  readonly #options: ClusterSceneOptions;
  readonly #stack: AsyncDisposableStack;
  readonly #nodes = new Map<string, NodeCgroups>();
  readonly #agents = new Map<string, AgentUnderTest>();
  readonly #pods = new Set<ScenePod>();
  /** Selectors of Services, by `namespace/name`. */
  readonly #services = new Map<string, Record<string, string>>();

  constructor(cluster: Cluster, network: Network, kubeconfig: string, options: ClusterSceneOptions, stack: AsyncDisposableStack) {
    this.cluster = cluster;
    this.network = network;
    this.#kubeconfig = kubeconfig;
    this.#options = options;
    this.#stack = stack;
  }

  async addNode(name: string): Promise<void> {
    await this.cluster.apply({ apiVersion: 'v1', kind: 'Node', metadata: { name } });
    this.#nodes.set(name, this.#stack.use(new NodeCgroups()));
  }

  /** Starts the agent of each node. */
  async startAgents(): Promise<void> {
    for (const name of this.#nodes.keys()) await this.startAgent(name);
  }

  /**
   * @param ready false: does not wait until it has heard the cluster
   * @param launch starts it elsewhere than here, such as in a container
   */
  async startAgent(name: string, more: Readonly<Record<string, unknown>> = {}, ready = true, launch?: Launch): Promise<AgentUnderTest> {
    const { tap = 'ebpf:tcx', settings } = this.#options;
    const spec = { tap, ...settings, kubernetes: { ...this.kubernetes(name), ...more } };
    const agent = this.#stack.use(await startAgent({ spec, ready, ...(launch && { launch }) }));
    this.#agents.set(name, agent);
    return agent;
  }

  /** `spec.kubernetes` of a node's agent. */
  kubernetes(node: string): { readonly kubeconfig: string } & Readonly<Record<string, unknown>> {
    return { nodeName: node, kubeconfig: this.#kubeconfig, cgroups: this.#node(node).root, ...this.#options.kubernetes };
  }

  /** @throws where the scene is not `faulty` and the cluster is a real one */
  get faults(): Faults {
    if (this.cluster.faults === null) throw new Error('a real cluster has no faults to provoke');
    return this.cluster.faults;
  }

  agent(name = 'node-a'): AgentUnderTest {
    const agent = this.#agents.get(name);
    if (agent === undefined) throw new Error(`the agent of ${name} was not started`);
    return agent;
  }

  /** A pod that runs: its object, and what a node has of it. */
  async createPod(options: ScenePodOptions): Promise<ScenePod> {
    const { name, node = 'node-a', namespace: ns = NAMESPACE, labels = {}, annotations = {}, spec } = options;
    const containers = [{ name: 'app', image: 'app', ports: [{ name: 'http', containerPort: PORT }] }];
    const [object] = await this.cluster.apply({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { namespace: ns, name, labels, annotations },
      spec: { nodeName: node, containers, ...spec },
    });
    const uid = object!.metadata.uid!;
    const cgroups = this.#node(node);
    const netns = await this.network.createPod({ name });
    const kube = new KubePod(netns, uid, cgroups.createPod(uid), cgroups);
    await kube.startSandbox();
    const app = await kube.startApp(PORT);
    const pod = new ScenePod(this, { namespace: ns, name }, labels, kube, app);
    this.#pods.add(pod);
    await pod.writeStatus();
    await this.#syncSlices();
    return pod;
  }

  /** @param selector of pods; none for a Service whose endpoints somebody else keeps */
  async createService(name: string, selector: Record<string, string> | null, options: { namespace?: string; spec?: JsonObject } = {}): Promise<void> {
    const { namespace: ns = NAMESPACE, spec } = options;
    const ports = [{ name: 'http', port: 80, targetPort: PORT, protocol: 'TCP' }];
    await this.cluster.apply({ apiVersion: 'v1', kind: 'Service', metadata: { namespace: ns, name }, spec: { ports, ...(selector && { selector }), ...spec } });
    if (selector !== null) this.#services.set(`${ns}/${name}`, selector);
    await this.#syncSlices();
  }

  async applyPolicy(name: string, spec: JsonObject, ns = NAMESPACE): Promise<void> {
    await this.cluster.apply({ apiVersion: 'shadowtap.dev/v1alpha1', kind: 'MirrorPolicy', metadata: { namespace: ns, name }, spec });
  }

  /** What a pod's labels have become. */
  async relabelled(): Promise<void> {
    await this.#syncSlices();
  }

  async deletePod(pod: ScenePod): Promise<void> {
    this.#pods.delete(pod);
    await this.#syncSlices();
    await this.cluster.delete({ apiVersion: 'v1', kind: 'Pod', metadata: pod.at }, { gracePeriod: 0 });
    await pod.app.stop();
    pod.kube.remove();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const pod of this.#pods) await pod.app.stop();
    await this.#stack.disposeAsync();
  }

  #node(name: string): NodeCgroups {
    const node = this.#nodes.get(name);
    if (node === undefined) throw new Error(`there is no node ${name}`);
    return node;
  }

  /** As the EndpointSlice controller does. */
  async #syncSlices(): Promise<void> {
    for (const [key, selector] of this.#services) {
      const [ns, name] = key.split('/') as [string, string];
      const ready = [...this.#pods].filter(({ at, labels }) => at.namespace === ns && Object.entries(selector).every(([label, value]) => labels[label] === value));
      await this.cluster.apply({
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: { namespace: ns, name: `${name}-4`, labels: { 'kubernetes.io/service-name': name } },
        addressType: 'IPv4',
        endpoints: ready.map(({ kube }) => ({ addresses: [kube.netns.address], conditions: { ready: true } })),
        ports: [{ name: 'http', port: PORT, protocol: 'TCP' }],
      });
    }
  }
}

export class ScenePod {
  readonly at: { readonly namespace: string; readonly name: string };
  readonly kube: KubePod;
  readonly app: Recorder;
  readonly url: string;
  labels: Readonly<Record<string, string>>;
  readonly #scene: ClusterScene;

  constructor(scene: ClusterScene, at: { namespace: string; name: string }, labels: Record<string, string>, kube: KubePod, app: Recorder) {
    this.#scene = scene;
    this.at = at;
    this.labels = labels;
    this.kube = kube;
    this.app = app;
    this.url = `http://${kube.netns.address}:${PORT}`;
  }

  /** As the kubelet does once the sandbox is there. */
  async writeStatus(): Promise<void> {
    const { address, address6 } = this.kube.netns;
    const status = { phase: 'Running', podIP: address, podIPs: [{ ip: address }, { ip: address6 }] };
    await this.#scene.cluster.applyStatus({ apiVersion: 'v1', kind: 'Pod', metadata: this.at, status });
  }

  /** null takes a label away. */
  async label(labels: Record<string, string | null>): Promise<void> {
    await this.#scene.cluster.patch({ apiVersion: 'v1', kind: 'Pod', metadata: this.at }, { metadata: { labels } });
    const kept = Object.entries({ ...this.labels, ...labels }).filter((entry): entry is [string, string] => entry[1] !== null);
    this.labels = Object.fromEntries(kept);
    await this.#scene.relabelled();
  }
}
