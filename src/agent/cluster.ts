import type { Agent, AssignedEndpoint, Assignment, ClusterLink } from '../agent.ts';
import type { KubernetesSettings } from '../config/agent-schema.ts';
import { readPemFiles } from '../config/pem-files.ts';
import { messageOf, ShadowtapError } from '../errors.ts';
import type { ApiClient } from '../kube/api-client.ts';
import { apiClient, permissionsOf } from '../kube/connect.ts';
import { podPlace } from '../kube/pod-location.ts';
import type { NodePlan, PodEndpoint } from '../kube/node-plan.ts';
import { NodeWatch } from '../kube/node-watch.ts';
import { keyOf } from '../kube/objects.ts';
import type { MirrorPolicy } from '../policy/schema.ts';
import type { BackendAddress } from '../policy/snapshot.ts';
import { policyName } from '../policy/policy-name.ts';
import type { ClusterStats } from '../stats.ts';

type Follower = Pick<Agent, 'follow' | 'log'>;

/** The cluster as an agent sees it: tells the agent what to tap and to mirror on its node, for as long as it runs. */
export class Cluster implements ClusterLink {
  readonly places: ClusterLink['places'];
  readonly #api: ApiClient;
  readonly #watch: NodeWatch;
  #agent: Follower | null = null;
  /** By `namespace/name`: why a policy's PEM files cannot be read. */
  #unreadable: ReadonlyMap<string, string> = new Map();

  /** @throws ShadowtapError KUBE_CONFIG */
  constructor(settings: KubernetesSettings) {
    const nodeName = settings.nodeName ?? process.env['NODE_NAME'];
    if (nodeName === undefined) {
      throw new ShadowtapError('KUBE_CONFIG', 'the name of the node is not known: set NODE_NAME from spec.nodeName, or give kubernetes.nodeName');
    }
    this.places = { proc: settings.proc, ...(settings.cgroups !== undefined && { cgroup: settings.cgroups }) };
    this.#api = apiClient(settings);
    this.#watch = new NodeWatch(this.#api, {
      nodeName,
      permissions: permissionsOf(settings),
      onPlan: (plan) => void this.#follow(plan),
      onTrouble: (resource, problem) => this.#tellTrouble(resource, problem),
    });
  }

  /** From now on the agent does what the cluster says. Call it when the agent has been started. */
  start(agent: Follower): void {
    this.#agent = agent;
    this.#watch.start();
  }

  stats(): ClusterStats {
    const stats = this.#watch.stats();
    if (this.#unreadable.size === 0) return stats;
    const policies = stats.policies.map((policy) => {
      const message = this.#unreadable.get(policy.policy);
      if (message === undefined) return policy;
      const others = policy.conditions.filter(({ type }) => type !== 'ResolvedRefs');
      return { ...policy, conditions: [...others, { type: 'ResolvedRefs', status: 'False', reason: 'FileUnreadable', message }] };
    });
    return { ...stats, policies };
  }

  async stop(): Promise<void> {
    this.#agent = null;
    await this.#watch.stop();
    await this.#api.close();
  }

  #tellTrouble(resource: string, problem: string): void {
    if (problem === '') this.#agent?.log.info({ resource }, 'the cluster can be followed again');
    else this.#agent?.log.warn({ resource, problem }, 'the cluster cannot be followed; what is known stays in force');
  }

  async #follow(plan: NodePlan): Promise<void> {
    const agent = this.#agent;
    if (agent === null) return;
    try {
      await agent.follow(this.#assignment(plan));
      agent.log.debug({ pods: plan.endpoints.length, policies: plan.policies.length }, 'following the cluster');
    } catch (error) {
      agent.log.error({ err: error }, 'what the cluster asks for could not be done');
    }
  }

  #assignment({ endpoints, policies: judged, peers }: NodePlan): Assignment {
    const unreadable = new Map<string, string>();
    const pemFiles: Record<string, string> = {};
    const addresses = new Map<MirrorPolicy, readonly (readonly BackendAddress[])[]>();
    for (const { policy, addresses: byTarget } of judged) {
      try {
        Object.assign(pemFiles, readPemFiles([policy]));
        addresses.set(policy, byTarget);
      } catch (error) {
        unreadable.set(policyName(policy), messageOf(error));
      }
    }
    this.#unreadable = unreadable;
    return {
      endpoints: endpoints.map(assigned),
      policies: [...addresses.keys()],
      pemFiles,
      peers,
      addressesOf: (policy, target) => addresses.get(policy)?.[target] ?? [],
    };
  }
}

function assigned({ pod, labels, isContested }: PodEndpoint): AssignedEndpoint {
  const { uid, namespace, addresses, ports } = pod;
  return {
    name: keyOf(pod),
    uid,
    namespace,
    labels,
    addresses,
    ports: [...new Set(ports.map(({ port }) => port))],
    portNames: Object.fromEntries(ports.flatMap(({ name, port }) => (name === '' ? [] : [[name, port]]))),
    where: { pod: { ...podPlace(pod), ...(isContested && { isContested }) } },
  };
}
