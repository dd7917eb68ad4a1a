import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'vitest';
import { Controller, type ControllerOptions } from '../../src/controller.ts';
import { ApiClient } from '../../src/kube/api-client.ts';
import type { PolicyCondition, PolicyStatus } from '../../src/kube/policy-status.ts';
import type { AgentStats } from '../../src/stats.ts';
import { agentStats } from '../support/agent-stats.ts';
import type { Cluster } from '../support/cluster/cluster.ts';
import type { Faults } from '../support/cluster/faults.ts';
import type { KubeObject } from '../support/cluster/objects.ts';
import { startTestCluster } from '../support/cluster/start.ts';
import { AGENTS, manifests, namespace } from '../support/manifests.ts';

export const NAMESPACE = 'shop';
const POLICY = { apiVersion: 'shadowtap.dev/v1alpha1', kind: 'MirrorPolicy' };

/** Shorter than in production, so that tests need not wait. */
const QUICK: Pick<ControllerOptions, 'lookMs' | 'lease' | 'timing'> = {
  lookMs: 200,
  lease: { durationMs: 3_000, renewMs: 500 },
  timing: { backOffMs: [50, 200], missingMs: 500, watchSeconds: [300, 600] },
};

/** What a policy without anything special asks for. */
const SPEC = { selector: { matchLabels: { app: 'checkout' } }, targets: [{ backendRef: { name: 'next', port: 80 } }] };

/**
 * A cluster as daemonset/ leaves it, without nodes: controllers that run with the rights of its manifests, and servers that
 * answer in place of agents.
 */
export async function createControllerScene(): Promise<ControllerScene> {
  await using stack = new AsyncDisposableStack();
  const cluster = stack.use(await startTestCluster());
  await cluster.apply(...manifests('base/namespace'), ...manifests('base/crd'), ...manifests('base/controller-rbac'), namespace(NAMESPACE));
  const kubeconfig = await cluster.kubeconfigOf(AGENTS, 'shadowtap-controller');
  return new ControllerScene(cluster, kubeconfig, stack.move());
}

export class ControllerScene implements AsyncDisposable {
  readonly cluster: Cluster;
  readonly faults: Faults;
  readonly kubeconfig: string;
  readonly #stack: AsyncDisposableStack;
  readonly #controllers = new Set<Controller>();
  #agents = 0;

  constructor(cluster: Cluster, kubeconfig: string, stack: AsyncDisposableStack) {
    if (cluster.faults === null) throw new Error('these tests are for the test server');
    this.cluster = cluster;
    this.faults = cluster.faults;
    this.kubeconfig = kubeconfig;
    this.#stack = stack;
  }

  /** A controller that runs, and its own client of the API. */
  async startController(options: Partial<ControllerOptions> = {}): Promise<RunningController> {
    const api = ApiClient.fromKubeconfig(this.kubeconfig);
    const controller = new Controller(api, {
      admin: null,
      logLevel: 'silent',
      permissions: { externalTargets: false, nodeFiles: false },
      imports: [],
      identity: 'one',
      ...QUICK,
      ...options,
    });
    this.#controllers.add(controller);
    await controller.start();
    return { controller, api, stop: () => this.#stop(controller) };
  }

  async startAgent(node: string, stats: AgentStats = agentStats(node, [])): Promise<StandInAgent> {
    this.#agents += 1;
    const address = `127.0.0.${this.#agents + 1}`;
    const agent = await StandInAgent.listen(address, node, stats);
    this.#stack.use(agent);
    const pod = { namespace: AGENTS, name: `agent-${node}`, labels: { 'app.kubernetes.io/name': 'shadowtap', 'app.kubernetes.io/component': 'agent' } };
    const ports = [{ name: 'admin', containerPort: agent.port }];
    await this.cluster.apply({ apiVersion: 'v1', kind: 'Pod', metadata: pod, spec: { nodeName: node, containers: [{ name: 'agent', image: 'shadowtap', ports }] } });
    await this.cluster.applyStatus({ apiVersion: 'v1', kind: 'Pod', metadata: pod, status: { phase: 'Running', podIP: address, podIPs: [{ ip: address }] } });
    return agent;
  }

  async applyPolicy(name: string, spec: object = {}): Promise<KubeObject> {
    const [policy] = await this.cluster.apply({ ...POLICY, metadata: { namespace: NAMESPACE, name }, spec: { ...SPEC, ...spec } });
    return policy!;
  }

  async deletePolicy(name: string): Promise<void> {
    await this.cluster.delete({ ...POLICY, metadata: { namespace: NAMESPACE, name } });
  }

  async policyObject(name: string, ns = NAMESPACE): Promise<KubeObject | null> {
    return this.cluster.get({ ...POLICY, metadata: { namespace: ns, name } });
  }

  async status(name: string, ns = NAMESPACE): Promise<PolicyStatus> {
    return ((await this.policyObject(name, ns))?.['status'] ?? {}) as PolicyStatus;
  }

  /** `type=status reason` of each condition, in their order. */
  async conditions(name: string, ns = NAMESPACE): Promise<string[]> {
    return ((await this.status(name, ns)).conditions ?? []).map(({ type, status, reason }) => `${type}=${status} ${reason}`);
  }

  async condition(name: string, wanted: string): Promise<PolicyCondition> {
    const found = (await this.status(name)).conditions?.find(({ type }) => type === wanted);
    if (found === undefined) throw new Error(`policy ${name} has no condition ${wanted}`);
    return found;
  }

  /** Waits until these are the conditions. */
  async untilConditions(name: string, ...conditions: readonly string[]): Promise<void> {
    await eventually(async () => expect(await this.conditions(name)).toEqual(conditions));
  }

  async untilCondition(name: string, condition: string): Promise<void> {
    await eventually(async () => expect(await this.conditions(name)).toContain(condition));
  }

  async applyService(name: string, { ns = NAMESPACE, spec = {}, ready = ['10.9.0.1'] }: { ns?: string; spec?: object; ready?: readonly string[] } = {}): Promise<void> {
    const labels = { 'kubernetes.io/service-name': name };
    await this.cluster.apply(
      { apiVersion: 'v1', kind: 'Service', metadata: { namespace: ns, name }, spec: { selector: { app: name }, ports: [{ port: 80, targetPort: 8080 }], ...spec } },
      {
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: { namespace: ns, name: `${name}-1`, labels },
        addressType: 'IPv4',
        endpoints: ready.map((address) => ({ addresses: [address], conditions: { ready: true } })),
        ports: [{ name: '', port: 8080, protocol: 'TCP' }],
      },
    );
  }

  /** `reason: note` of the Events about a policy, in the order of their time. */
  async events(name: string): Promise<string[]> {
    const events = await this.cluster.list({ apiVersion: 'events.k8s.io/v1', kind: 'Event' }, { namespace: NAMESPACE });
    return (events as unknown as { reason: string; note: string; eventTime: string; regarding: { name: string } }[])
      .filter(({ regarding }) => regarding.name === name)
      .sort((a, b) => (a.eventTime < b.eventTime ? -1 : 1))
      .map(({ reason, note }) => `${reason}: ${note}`);
  }

  /** Requests of the controllers that write to policies' status. */
  statusWrites(): ReturnType<Faults['requests']> {
    return this.faults.requests({ verb: 'patch', resource: 'mirrorpolicies', subresource: 'status' });
  }

  /** What RBAC refused. */
  denials(): string[] {
    return this.faults.requests({ user: `system:serviceaccount:${AGENTS}:shadowtap-controller` }).filter(({ status }) => status === 403).map(({ verb, resource }) => `${verb} ${resource}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const controller of this.#controllers) await this.#stop(controller);
    await this.#stack[Symbol.asyncDispose]();
  }

  async #stop(controller: Controller): Promise<void> {
    if (this.#controllers.delete(controller)) await controller.stop();
  }
}

export interface RunningController {
  readonly controller: Controller;
  readonly api: ApiClient;
  stop(): Promise<void>;
}

/** Answers as the admin port of an agent does. */
export class StandInAgent implements AsyncDisposable {
  readonly node: string;
  /** What it says at /stats: an agent's statistics, or whatever a test wants it to say. */
  stats: unknown;
  /** What it says at /doctor. */
  doctor: unknown = {};
  /** What it says at /insight, /findings and /comparison. */
  insight: unknown = { observe: { endpoints: [], clients: [], folded: 0 } };
  findings: unknown = { findings: [], totals: {}, unlisted: 0 };
  comparison: unknown = {};
  /** How often it was asked for its findings, and for its statistics. */
  askedForFindings = 0;
  asked = 0;
  readonly #server: Server;

  static async listen(address: string, node: string, stats: AgentStats): Promise<StandInAgent> {
    const agent = new StandInAgent(node, stats);
    agent.#server.listen(0, address);
    await once(agent.#server, 'listening');
    return agent;
  }

  private constructor(node: string, stats: AgentStats) {
    this.node = node;
    this.stats = stats;
    this.#server = createServer(({ url }, response) => {
      if (url === '/stats') this.asked += 1;
      if (url === '/findings') this.askedForFindings += 1;
      response.setHeader('content-type', 'application/json');
      const pages = { '/stats': this.stats, '/insight': this.insight, '/findings': this.findings, '/comparison': this.comparison, '/doctor': this.doctor };
      response.end(JSON.stringify(Object.entries(pages).find(([path]) => path === url)?.[1] ?? {}));
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Nobody listens any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }
}

/** Tries until it does not throw. */
export async function eventually(check: () => Promise<void>, timeout = 10_000): Promise<void> {
  await expect.poll(async () => check().then(() => null, (error: unknown) => error), { timeout, interval: 50 }).toBeNull();
}
