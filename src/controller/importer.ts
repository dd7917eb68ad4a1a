import { messageOf } from '../errors.ts';
import type { ApiClient } from '../kube/api-client.ts';
import { ApiError } from '../kube/api-error.ts';
import type { ServiceLookup } from '../kube/backend.ts';
import type { Verdict } from '../kube/condition.ts';
import { importHttpRoute } from '../kube/import/http-route.ts';
import { IMPORTED_FROM, importedObject, MANAGED_BY } from '../kube/import/imported-object.ts';
import { NOTICES, type ImportContext, type ImportedPolicy, type RouteKind } from '../kube/import/imported-policy.ts';
import { importVirtualService } from '../kube/import/virtual-service.ts';
import { recordOf } from '../kube/json.ts';
import type { Judgement } from '../kube/judge.ts';
import { nameOf } from '../kube/object-facts.ts';
import { keyOf } from '../kube/objects.ts';
import type { PolicyFacts } from '../kube/policy-facts.ts';
import { Reflector, type Resource, type Timing } from '../kube/reflector.ts';
import { steady } from '../kube/resources.ts';
import type { Logger } from '../log.ts';

export type { RouteKind } from '../kube/import/imported-policy.ts';

/** The parts of a route that are read. */
interface RouteObject {
  readonly metadata: object;
  readonly spec: unknown;
}

/** A policy that stands for a rule, as it is in the cluster. */
interface StandingImport {
  readonly generation: number;
}

const ROUTES: Readonly<Record<RouteKind, { readonly resource: Resource<RouteObject>; readonly read: (object: unknown, context: ImportContext) => ImportedPolicy[] }>> = {
  HTTPRoute: {
    resource: { name: 'httproutes', path: '/apis/gateway.networking.k8s.io/v1/httproutes', pick: steady(routeObject), optional: true },
    read: importHttpRoute,
  },
  VirtualService: {
    resource: { name: 'virtualservices', path: '/apis/networking.istio.io/v1beta1/virtualservices', pick: steady(routeObject), optional: true },
    read: importVirtualService,
  },
};

const POLICIES = '/apis/shadowtap.dev/v1alpha1';
const STANDING: Resource<StandingImport> = {
  name: 'mirrorpolicies (imported)',
  path: `${POLICIES}/mirrorpolicies`,
  pick: (object) => {
    const { generation } = recordOf(recordOf(object)['metadata']);
    return { generation: typeof generation === 'number' ? generation : 0 };
  },
};
const FIELD_MANAGER = 'shadowtap-import';
const CLUSTER_DOMAIN = 'cluster.local';

/**
 * Keeps a MirrorPolicy for each rule of a route that mirrors, so that people see with `kubectl get mp` what is mirrored,
 * and why something is not. Routes are only read. Policies of people are never touched.
 */
export class Importer {
  readonly #api: ApiClient;
  readonly #log: Logger;
  readonly #routes: readonly { readonly kind: RouteKind; readonly reflector: Reflector<RouteObject> }[];
  readonly #standing: Reflector<StandingImport>;
  /** By `namespace/name`: what should be there. */
  #wanted: ReadonlyMap<string, ImportedPolicy> = new Map();
  /** By `namespace/name`: what was written last, and the generation that came of it. */
  readonly #applied = new Map<string, { readonly text: string; readonly generation: number }>();

  constructor(api: ApiClient, kinds: readonly RouteKind[], onChange: () => void, log: Logger, timing?: Timing) {
    this.#api = api;
    this.#log = log;
    this.#routes = kinds.map((kind) => ({ kind, reflector: new Reflector(api, ROUTES[kind].resource, {}, onChange, timing) }));
    const ours = { labelSelector: `${MANAGED_BY}=shadowtap,${IMPORTED_FROM}` };
    this.#standing = new Reflector(api, STANDING, kinds.length === 0 ? null : ours, onChange, timing);
  }

  get reflectors(): readonly Pick<Reflector<unknown>, 'start' | 'stop' | 'status'>[] {
    return this.#routes.length === 0 ? [] : [...this.#routes.map(({ reflector }) => reflector), this.#standing];
  }

  get count(): number {
    return this.#wanted.size;
  }

  /**
   * Brings the policies to what the routes say.
   * @param taken whether somebody else has a policy of that name, `namespace/name`
   * @param mayWrite asked before each write
   */
  async reconcile(lookup: ServiceLookup, taken: (key: string) => boolean, mayWrite: () => boolean): Promise<void> {
    if (this.#routes.length === 0 || !this.#standing.synced || !this.#routes.every(({ reflector }) => reflector.synced)) return;
    this.#wanted = this.#read(lookup);
    for (const [key, policy] of this.#wanted) {
      if (!mayWrite()) return;
      const standing = this.#standing.objects.get(key);
      if (standing === undefined && taken(key)) this.#log.warn({ policy: key }, 'a rule is not imported: somebody else has a MirrorPolicy of this name');
      else await this.#attempt(key, () => this.#apply(key, policy, standing));
    }
    for (const key of this.#standing.objects.keys()) {
      if (this.#wanted.has(key) || !mayWrite()) continue;
      await this.#attempt(key, () => this.#delete(key));
    }
  }

  /** What is to be said of a policy that stands for a rule; of others, what was said. */
  judge(facts: PolicyFacts, judgement: Judgement): Judgement {
    const imported = this.#wanted.get(keyOf(facts));
    if (imported === undefined || !this.#standing.objects.has(keyOf(facts))) return judgement;
    const { spec, problems } = imported;
    const blocking = problems.filter(({ reason }) => !NOTICES.has(reason));
    const message = problems.map((problem) => problem.message).join('; ');
    const verdict: Verdict = blocking.length > 0
      ? { type: 'Imported', status: 'False', reason: blocking[0]!.reason, message }
      : { type: 'Imported', status: 'True', reason: problems[0]?.reason ?? 'Imported', message: message || 'the rule is mirrored as it says' };
    if (spec !== null) return { ...judgement, verdicts: [...judgement.verdicts, verdict] };
    return { applied: null, verdicts: [{ ...verdict, type: 'Accepted', status: 'False' }, verdict] };
  }

  #read(lookup: ServiceLookup): Map<string, ImportedPolicy> {
    const context: ImportContext = {
      service: (namespace, name) => lookup.service(keyOf({ namespace, name })),
      grants: [...lookup.grants],
      clusterDomain: CLUSTER_DOMAIN,
    };
    const policies = this.#routes.flatMap(({ kind, reflector }) =>
      [...reflector.objects.values()].flatMap((route) => ROUTES[kind].read(route, context)),
    );
    return new Map(policies.map((policy) => [keyOf(policy), policy]));
  }

  /** Also where somebody else has changed it: its generation then is not the one that we left. */
  async #apply(key: string, policy: ImportedPolicy, standing: StandingImport | undefined): Promise<void> {
    const object = importedObject(policy);
    const text = JSON.stringify(object);
    const last = this.#applied.get(key);
    if (standing !== undefined && last?.text === text && last.generation === standing.generation) return;
    const { namespace, name } = policy;
    const written = await this.#api.call({
      method: 'PATCH',
      path: `${POLICIES}/namespaces/${namespace}/mirrorpolicies/${name}`,
      query: { fieldManager: FIELD_MANAGER, force: 'true' },
      contentType: 'application/apply-patch+yaml',
      body: object,
    });
    const { generation } = recordOf(recordOf(written)['metadata']);
    this.#applied.set(key, { text, generation: typeof generation === 'number' ? generation : 0 });
    this.#log.info({ policy: key, from: `${policy.origin.kind} ${keyOf(policy.origin)}` }, 'a rule of a route is imported');
  }

  async #delete(key: string): Promise<void> {
    const [namespace, name] = key.split('/');
    this.#applied.delete(key);
    await this.#api.call({ method: 'DELETE', path: `${POLICIES}/namespaces/${namespace}/mirrorpolicies/${name}` }).catch((error: unknown) => {
      if (!(error instanceof ApiError && error.isNotFound)) throw error;
    });
    this.#log.info({ policy: key }, 'its route no longer mirrors: the policy is deleted');
  }

  async #attempt(key: string, step: () => Promise<void>): Promise<void> {
    try {
      await step();
    } catch (error) {
      this.#log.warn({ policy: key, problem: messageOf(error) }, 'a rule of a route could not be imported; the next look tries again');
    }
  }
}

function routeObject(object: unknown): RouteObject | null {
  const metadata = nameOf(object);
  return metadata.name === '' ? null : { metadata, spec: recordOf(object)['spec'] };
}
