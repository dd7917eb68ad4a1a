import { messageOf } from '../errors.ts';
import type { ApiClient } from '../kube/api-client.ts';
import { ApiError } from '../kube/api-error.ts';
import type { ServiceLookup } from '../kube/backend.ts';
import type { Verdict } from '../kube/condition.ts';
import { importGrpcRoute, importHttpRoute } from '../kube/import/gateway-route.ts';
import { importedObject } from '../kube/import/imported-object.ts';
import { NOTICES, type ImportContext, type ImportedPolicy, type RouteKind } from '../kube/import/imported-policy.ts';
import { importVirtualService } from '../kube/import/virtual-service.ts';
import { recordOf } from '../kube/json.ts';
import type { Judgement } from '../kube/judge.ts';
import { nameOf } from '../kube/object-facts.ts';
import { keyOf } from '../kube/objects.ts';
import { Reflector, type Resource, type Timing } from '../kube/reflector.ts';
import { steady } from '../kube/resources.ts';
import type { Logger } from '../log.ts';
import type { Followed } from './cluster-watch.ts';
import type { PolicyObject } from './policy-object.ts';
import { WRITE_TIMEOUT_MS, type WriteBudget } from './write-budget.ts';

export type { RouteKind } from '../kube/import/imported-policy.ts';

/** The parts of a route that are read. */
interface RouteObject {
  readonly metadata: object;
  readonly spec: unknown;
}

interface FollowedRoutes {
  readonly kind: RouteKind;
  readonly reflector: Reflector<RouteObject>;
}

interface Step {
  /** `namespace/name` of the policy. */
  readonly key: string;
  readonly run: () => Promise<void>;
}

const ROUTES: Readonly<Record<RouteKind, { readonly resource: Resource<RouteObject>; readonly read: (object: unknown, context: ImportContext) => ImportedPolicy[] }>> = {
  HTTPRoute: {
    resource: { name: 'httproutes', path: '/apis/gateway.networking.k8s.io/v1/httproutes', pick: steady(routeObject), optional: true },
    read: importHttpRoute,
  },
  GRPCRoute: {
    resource: { name: 'grpcroutes', path: '/apis/gateway.networking.k8s.io/v1/grpcroutes', pick: steady(routeObject), optional: true },
    read: importGrpcRoute,
  },
  VirtualService: {
    resource: { name: 'virtualservices', path: '/apis/networking.istio.io/v1beta1/virtualservices', pick: steady(routeObject), optional: true },
    read: importVirtualService,
  },
};

const POLICIES = '/apis/shadowtap.dev/v1alpha1';
const FIELD_MANAGER = 'shadowtap-import';
const CLUSTER_DOMAIN = 'cluster.local';

/**
 * Keeps a MirrorPolicy for each rule of a route that mirrors, so that people see with `kubectl get mp` what is mirrored,
 * and why something is not. Routes are only read. Policies of people are never touched.
 */
export class Importer {
  readonly #api: ApiClient;
  readonly #log: Logger;
  readonly #routes: readonly FollowedRoutes[];
  /** By `namespace/name`: what should be there. */
  #wanted: ReadonlyMap<string, ImportedPolicy> = new Map();
  /** By `namespace/name`: what was written last, and the generation that came of it. */
  readonly #applied = new Map<string, { readonly text: string; readonly generation: number }>();
  /** Names, as `namespace/name`, that somebody else has taken, and of which the log has told. */
  readonly #taken = new Set<string>();

  /** @param kinds none: nothing is imported, and nothing asked for */
  constructor(api: ApiClient, kinds: readonly RouteKind[], onChange: () => void, log: Logger, timing?: Timing) {
    this.#api = api;
    this.#log = log;
    this.#routes = kinds.map((kind) => ({ kind, reflector: new Reflector(api, ROUTES[kind].resource, {}, onChange, timing) }));
  }

  get reflectors(): readonly Followed[] {
    return this.#routes.map(({ reflector }) => reflector);
  }

  /** Rules that there are policies for. */
  get count(): number {
    return this.#wanted.size;
  }

  /** Whether it is known what a policy stands for: of one that is imported, its routes must have been heard. */
  knows({ importedFrom }: PolicyObject): boolean {
    return importedFrom === '' || this.#routes.every(({ kind, reflector }) => !isOf(kind, importedFrom) || reflector.synced);
  }

  /** Brings the policies to what the routes say, as far as the budget goes. Those of kinds that are not imported (any more) stay. */
  async reconcile(policies: ReadonlyMap<string, PolicyObject>, lookup: ServiceLookup, budget: WriteBudget): Promise<void> {
    const known = this.#routes.filter(({ reflector }) => reflector.synced);
    this.#wanted = this.#read(known, lookup);
    for (const step of this.#steps(policies, known)) {
      if (!(await budget.take()) || !(await this.#attempt(step))) return;
    }
  }

  /** What is to be said of a policy that stands for a rule; of others, what was said. */
  judge({ facts, importedFrom }: PolicyObject, judgement: Judgement): Judgement {
    const imported = this.#wanted.get(keyOf(facts));
    if (imported === undefined || importedFrom === '') return judgement;
    const { spec, problems } = imported;
    const blocking = problems.find(({ reason }) => !NOTICES.has(reason));
    const message = problems.map((problem) => problem.message).join('; ') || 'the rule is mirrored as it says';
    const verdict: Verdict = blocking === undefined
      ? { type: 'Imported', status: 'True', reason: problems[0]?.reason ?? 'Imported', message }
      : { type: 'Imported', status: 'False', reason: blocking.reason, message };
    if (spec !== null) return { ...judgement, verdicts: [...judgement.verdicts, verdict] };
    return { applied: null, verdicts: [{ ...verdict, type: 'Accepted', status: 'False' }, verdict] };
  }

  #read(routes: readonly FollowedRoutes[], lookup: ServiceLookup): Map<string, ImportedPolicy> {
    const context: ImportContext = {
      service: (namespace, name) => lookup.service(keyOf({ namespace, name })),
      grants: [...lookup.grants],
      clusterDomain: CLUSTER_DOMAIN,
    };
    const policies = routes.flatMap(({ kind, reflector }) => [...reflector.objects.values()].flatMap((route) => ROUTES[kind].read(route, context)));
    return new Map(policies.map((policy) => [keyOf(policy), policy]));
  }

  #leave(key: string): void {
    if (this.#taken.has(key)) return;
    this.#taken.add(key);
    this.#log.warn({ policy: key }, 'a rule is not imported: somebody else has a MirrorPolicy of this name');
  }

  /** What is not as it should be, and how to bring it there. */
  *#steps(policies: ReadonlyMap<string, PolicyObject>, known: readonly FollowedRoutes[]): Iterable<Step> {
    for (const [key, policy] of this.#wanted) {
      const standing = policies.get(key);
      if (standing?.importedFrom === '') this.#leave(key);
      else if (!this.#isApplied(key, policy, standing)) yield { key, run: () => this.#apply(key, policy, standing) };
    }
    for (const [key, standing] of policies) {
      const isOurs = known.some(({ kind }) => isOf(kind, standing.importedFrom));
      if (isOurs && !this.#wanted.has(key)) yield { key, run: () => this.#delete(key, standing) };
    }
  }

  /** Not where somebody else has changed it: its generation then is not the one that we left. */
  #isApplied(key: string, policy: ImportedPolicy, standing: PolicyObject | undefined): boolean {
    const last = this.#applied.get(key);
    return standing !== undefined && last?.generation === standing.facts.generation && last.text === JSON.stringify(importedObject(policy));
  }

  async #apply(key: string, policy: ImportedPolicy, standing: PolicyObject | undefined): Promise<void> {
    const object = importedObject(policy);
    const { namespace, name, origin } = policy;
    const written = await this.#api.call({
      method: 'PATCH',
      path: `${POLICIES}/namespaces/${namespace}/mirrorpolicies/${name}`,
      // Of one that is not there yet, somebody may make one at the same moment: theirs is not to be overwritten.
      query: { fieldManager: FIELD_MANAGER, force: String(standing !== undefined) },
      contentType: 'application/apply-patch+yaml',
      body: standing === undefined ? object : { ...object, metadata: { ...object.metadata, uid: standing.facts.uid } },
      timeoutMs: WRITE_TIMEOUT_MS,
    });
    const { generation } = recordOf(recordOf(written)['metadata']);
    this.#applied.set(key, { text: JSON.stringify(object), generation: typeof generation === 'number' ? generation : 0 });
    this.#taken.delete(key);
    if (generation !== standing?.facts.generation) this.#log.info({ policy: key, from: `${origin.kind} ${keyOf(origin)}` }, 'a rule of a route is imported');
  }

  /** With its uid: what somebody has made anew meanwhile stays. */
  async #delete(key: string, { facts: { namespace, name, uid } }: PolicyObject): Promise<void> {
    this.#applied.delete(key);
    const path = `${POLICIES}/namespaces/${namespace}/mirrorpolicies/${name}`;
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid } };
    await this.#api.call({ method: 'DELETE', path, body, timeoutMs: WRITE_TIMEOUT_MS }).catch((error: unknown) => {
      if (!(error instanceof ApiError && error.isNotFound)) throw error;
    });
    this.#log.info({ policy: key }, 'its route no longer mirrors: the policy is deleted');
  }

  /** @returns whether to go on: without a server there is no point */
  async #attempt({ key, run }: Step): Promise<boolean> {
    try {
      await run();
      return true;
    } catch (error) {
      this.#log.warn({ policy: key, problem: messageOf(error) }, 'a rule of a route could not be imported; the next look tries again');
      return error instanceof ApiError && error.status !== 0;
    }
  }
}

/** Whether a policy with this label of its route was made from a route of this kind; see `routeLabel`. */
function isOf(kind: RouteKind, importedFrom: string): boolean {
  return importedFrom.startsWith(`${kind.toLowerCase()}.`);
}

function routeObject(object: unknown): RouteObject | null {
  const metadata = nameOf(object);
  return metadata.name === '' ? null : { metadata, spec: recordOf(object)['spec'] };
}
