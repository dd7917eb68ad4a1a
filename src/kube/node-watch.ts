import { isDeepStrictEqual } from 'node:util';
import type { ClusterStats } from '../stats.ts';
import type { ApiClient } from './api-client.ts';
import { planNode, type Needs, type NodePlan } from './node-plan.ts';
import type { GrantFacts, NamespaceFacts, PeerFacts, PodFacts, ServiceFacts, SliceFacts } from './objects.ts';
import type { Permissions } from './permissions.ts';
import type { PolicyFacts } from './policy-facts.ts';
import { Reflector, type Timing } from './reflector.ts';
import { ENDPOINT_SLICES, MIRROR_POLICIES, NAMESPACES, PEERS, PODS, REFERENCE_GRANTS, SERVICES } from './resources.ts';
import { serviceIndex } from './service-index.ts';
import { slicesOf } from './slice-selection.ts';

export interface NodeWatchOptions {
  readonly nodeName: string;
  readonly permissions: Permissions;
  /** Hears of each plan that differs from the one before; the first comes when all that it needs is known. */
  readonly onPlan: (plan: NodePlan) => void;
  /** Hears when a type of objects cannot be followed, and why, and when it can be again (empty). */
  readonly onTrouble: (resource: string, problem: string) => void;
  readonly timing?: Timing;
}

/** Changes come in bursts, as when a Deployment is rolled out: one plan serves them all. */
const SETTLE_MS = 50;
/** So long a plan is held back for what it newly needs; then it is made of what is known. */
const PATIENCE_MS = 3_000;

type Followed = Pick<Reflector<unknown>, 'start' | 'stop' | 'status' | 'settled'>;

/**
 * What an agent follows of the cluster: the pods of its own node, policies, Services and ReferenceGrants; the endpoints
 * of those Services only that its policies name; and the pods and namespaces that a `from` may mean only where one does.
 * Five watches, seven with `from`, however large the cluster is and however many policies there are. Nothing is polled.
 */
export class NodeWatch {
  readonly #api: ApiClient;
  readonly #options: NodeWatchOptions;
  readonly #pods: Reflector<PodFacts>;
  readonly #policies: Reflector<PolicyFacts>;
  readonly #services: Reflector<ServiceFacts>;
  readonly #grants: Reflector<GrantFacts>;
  readonly #slices: Reflector<SliceFacts>;
  readonly #peers: Reflector<PeerFacts>;
  readonly #namespaces: Reflector<NamespaceFacts>;
  #timer: NodeJS.Timeout | null = null;
  /** Runs while a plan is held back. */
  #patience: NodeJS.Timeout | null = null;
  /** It has run out: what is missing is not waited for any more, until all is there. */
  #impatient = false;
  #plan: NodePlan | null = null;
  /** Types that cannot be followed, as has been told. */
  readonly #troubled = new Set<string>();
  #stopped = false;

  constructor(api: ApiClient, options: NodeWatchOptions) {
    this.#api = api;
    this.#options = options;
    const { nodeName, timing } = options;
    const changed = (): void => this.#schedule();
    this.#pods = new Reflector(api, PODS, { fieldSelector: `spec.nodeName=${nodeName}` }, changed, timing);
    this.#policies = new Reflector(api, MIRROR_POLICIES, {}, changed, timing);
    this.#services = new Reflector(api, SERVICES, {}, changed, timing);
    this.#grants = new Reflector(api, REFERENCE_GRANTS, {}, changed, timing);
    this.#slices = new Reflector(api, ENDPOINT_SLICES, null, changed, timing);
    this.#peers = new Reflector(api, PEERS, null, changed, timing);
    this.#namespaces = new Reflector(api, NAMESPACES, null, changed, timing);
  }

  start(): void {
    for (const reflector of this.#all()) reflector.start();
  }

  stats(): ClusterStats {
    return {
      node: this.#options.nodeName,
      synced: this.#plan !== null,
      clockSkewMs: this.#api.clockSkewMs,
      watches: this.#all().map((reflector) => reflector.status()),
      policies: this.#plan?.reports ?? [],
    };
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer ?? undefined);
    clearTimeout(this.#patience ?? undefined);
    await Promise.all(this.#all().map((reflector) => reflector.stop()));
  }

  #all(): readonly Followed[] {
    return [this.#pods, this.#policies, this.#services, this.#grants, this.#slices, this.#peers, this.#namespaces];
  }

  #schedule(): void {
    if (this.#stopped) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#tellTrouble();
      this.#make();
    }, SETTLE_MS);
  }

  #tellTrouble(): void {
    for (const { resource, state, problem } of this.#all().map((reflector) => reflector.status())) {
      const isTroubled = state === 'failing';
      if (state === 'waiting' || isTroubled === this.#troubled.has(resource)) continue;
      if (isTroubled) this.#troubled.add(resource);
      else this.#troubled.delete(resource);
      this.#options.onTrouble(resource, isTroubled ? problem : '');
    }
  }

  #make(): void {
    // Without one of these nothing is known; without grants nothing is granted.
    if (![this.#pods, this.#policies, this.#services].every((reflector) => reflector.synced)) return;
    const plan = planNode({
      pods: this.#pods.objects.values(),
      policies: this.#policies.objects.values(),
      lookup: serviceIndex(this.#services.objects, this.#slices.objects, this.#grants.objects),
      peers: this.#peers.objects.values(),
      namespaces: this.#namespaces.objects,
      permissions: this.#options.permissions,
    });
    this.#follow(plan.needs);
    if (this.#waits() || isDeepStrictEqual(plan, this.#plan)) return;
    this.#plan = plan;
    this.#options.onPlan(plan);
  }

  /** Whether the plan is to be held back: a policy that is new has no addresses before its Service's endpoints are known. */
  #waits(): boolean {
    if (this.#all().every((reflector) => reflector.settled)) {
      clearTimeout(this.#patience ?? undefined);
      this.#patience = null;
      this.#impatient = false;
      return false;
    }
    if (this.#impatient) return false;
    this.#patience ??= setTimeout(() => {
      this.#patience = null;
      this.#impatient = true;
      this.#make();
    }, PATIENCE_MS);
    return true;
  }

  #follow({ services, peers, namespaces }: Needs): void {
    this.#slices.select(slicesOf(services));
    this.#peers.select(peers === 'none' ? null : peers === 'all' ? {} : peers);
    this.#namespaces.select(namespaces ? {} : null);
  }
}
