import type { ServiceLookup } from '../kube/backend.ts';
import { agentPods, type AgentPod } from '../kube/agents.ts';
import type { ApiClient } from '../kube/api-client.ts';
import type { GrantFacts, ServiceFacts, SliceFacts } from '../kube/objects.ts';
import { Reflector, type Timing } from '../kube/reflector.ts';
import { ENDPOINT_SLICES, REFERENCE_GRANTS, SERVICES } from '../kube/resources.ts';
import { serviceIndex } from '../kube/service-index.ts';
import { slicesOf } from '../kube/slice-selection.ts';
import { POLICIES_WITH_STATUS, type PolicyObject } from './policy-object.ts';

export type Followed = Pick<Reflector<unknown>, 'start' | 'stop' | 'status'>;

/**
 * What the controller follows of the cluster: policies, Services, ReferenceGrants, the pods of the agents, and the
 * endpoints of those Services only that policies name.
 */
export class ClusterWatch {
  readonly #policies: Reflector<PolicyObject>;
  readonly #agents: Reflector<AgentPod>;
  readonly #services: Reflector<ServiceFacts>;
  readonly #grants: Reflector<GrantFacts>;
  readonly #slices: Reflector<SliceFacts>;

  /** @param onChange what is known may be different now */
  constructor(api: ApiClient, onChange: () => void, timing?: Timing) {
    this.#policies = new Reflector(api, POLICIES_WITH_STATUS, {}, onChange, timing);
    const { resource, selection } = agentPods(api.namespace);
    this.#agents = new Reflector(api, resource, selection, onChange, timing);
    this.#services = new Reflector(api, SERVICES, {}, onChange, timing);
    this.#grants = new Reflector(api, REFERENCE_GRANTS, {}, onChange, timing);
    this.#slices = new Reflector(api, ENDPOINT_SLICES, null, onChange, timing);
  }

  get reflectors(): readonly Followed[] {
    return [this.#policies, this.#agents, this.#services, this.#grants, this.#slices];
  }

  /** Without one of these nothing can be said; without grants nothing is granted. */
  get synced(): boolean {
    return [this.#policies, this.#agents, this.#services].every(({ synced }) => synced);
  }

  get policies(): ReadonlyMap<string, PolicyObject> {
    return this.#policies.objects;
  }

  get agents(): readonly AgentPod[] {
    return [...this.#agents.objects.values()];
  }

  /** Whether the endpoints of all Services that are followed are known. */
  get endpointsKnown(): boolean {
    return this.#slices.settled;
  }

  lookup(): ServiceLookup {
    return serviceIndex(this.#services.objects, this.#slices.objects, this.#grants.objects);
  }

  /** Endpoints of the Services that policies name now. */
  followTargets(): void {
    const names = new Set<string>();
    for (const { facts: { checked } } of this.#policies.objects.values()) {
      for (const { backendRef } of checked.value?.spec.targets ?? []) if (backendRef !== undefined) names.add(backendRef.name);
    }
    this.#slices.select(slicesOf([...names].sort()));
  }
}
