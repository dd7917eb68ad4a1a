import { Fields } from './fields.ts';
import { readBackendRef, readFilters, type BackendRef, type Filters, type MirrorFilter } from './gateway-route-filters.ts';
import { readParents } from './gateway-route-parents.ts';
import { mayRefer } from './grants.ts';
import { readGrpcMatch } from './grpc-route-match.ts';
import { hostPatterns, type RouteHost } from './hosts.ts';
import { readHttpMatch } from './http-route-match.ts';
import { importRoute } from './import-route.ts';
import { ANY_HOST, shown, type ImportContext, type ImportedPolicy, type Problem } from './imported-policy.ts';
import { NO_PODS, podsOf, portOf, type FoundPods } from './pods.ts';
import { andThen, MAX_ENTRIES, MAX_HOSTS, ruleIds, TOO_LARGE, type RouteBackend, type RouteEntry, type RouteRule } from './route.ts';
import { targetOf } from './target.ts';

const GROUP = 'gateway.networking.k8s.io';

/** In what the two kinds of routes differ. */
interface Kind {
  readonly kind: 'HTTPRoute' | 'GRPCRoute';
  readonly filters: ReadonlySet<string>;
  readMatch(fields: Fields, rule: number, problems: Problem[]): RouteEntry;
}

const COMMON_FILTERS = ['RequestMirror', 'RequestHeaderModifier', 'ResponseHeaderModifier'];
const HTTP: Kind = { kind: 'HTTPRoute', filters: new Set([...COMMON_FILTERS, 'URLRewrite', 'RequestRedirect', 'CORS']), readMatch: readHttpMatch };
const GRPC: Kind = { kind: 'GRPCRoute', filters: new Set(COMMON_FILTERS), readMatch: readGrpcMatch };

/**
 * What the RequestMirror filters of an HTTPRoute (gateway.networking.k8s.io/v1) come to; GEP-3171.
 * @param object as the API server gives it; whatever it is, nothing is thrown
 */
export function importHttpRoute(object: unknown, context: ImportContext): ImportedPolicy[] {
  return importGatewayRoute(HTTP, object, context);
}

/** The same of a GRPCRoute. */
export function importGrpcRoute(object: unknown, context: ImportContext): ImportedPolicy[] {
  return importGatewayRoute(GRPC, object, context);
}

function importGatewayRoute(kind: Kind, object: unknown, context: ImportContext): ImportedPolicy[] {
  const ignored: Problem[] = [];
  const document = new Fields(object, 'route', ignored);
  const metadata = document.object('metadata');
  const name = metadata.text('name') ?? '';
  const namespace = metadata.text('namespace') ?? '';
  if (name === '' || namespace === '') return [];
  const problems: Problem[] = [];
  const remarks: Problem[] = [];
  const spec = document.object('spec', problems);
  const hostnames = spec.texts('hostnames').map((host): RouteHost => ({ name: host, port: null }));
  const byDefault = (spec.text('useDefaultGateways') ?? 'None') !== 'None';
  const parents = readParents(spec.objects('parentRefs'), byDefault, namespace, context, problems, remarks);
  const rules = spec.list('rules');
  spec.end();
  const hosts = parents.byGateway && hostnames.length === 0 ? null : [...(parents.byGateway ? hostnames : []), ...parents.hosts];
  if (hosts === null) remarks.push(ANY_HOST);
  const reader = new RuleReader(kind, namespace, context);
  const read = reader.rules(rules);
  const isTooLarge = (hosts !== null && hosts.length > MAX_HOSTS) || read.some(({ entries }) => entries.length === 0);
  if (isTooLarge) problems.push(TOO_LARGE);
  return importRoute({
    kind: kind.kind,
    namespace,
    name,
    hosts: hosts === null ? null : isTooLarge ? [] : hostPatterns(hosts, remarks),
    rules: read,
    problems,
    remarks,
  });
}

class RuleReader {
  readonly #kind: Kind;
  readonly #namespace: string;
  readonly #context: ImportContext;

  constructor(kind: Kind, namespace: string, context: ImportContext) {
    this.#kind = kind;
    this.#namespace = namespace;
    this.#context = context;
  }

  /** Of a route that is too large no matches are read. */
  rules(list: readonly unknown[]): RouteRule[] {
    const read = list.map((item, number) => {
      const problems: Problem[] = [];
      return { fields: new Fields(item, `rules[${number}]`, problems), problems };
    });
    const matches = read.map(({ fields }) => fields.list('matches'));
    const isTooLarge = matches.reduce((sum, { length }) => sum + Math.max(1, length), 0) > MAX_ENTRIES;
    const ids = ruleIds(read.map(({ fields }) => fields.text('name')));
    return read.map(({ fields, problems }, number) => {
      const entries = isTooLarge ? [] : this.#entries(matches[number]!, number);
      return this.#rule(ids[number]!, entries, fields, problems);
    });
  }

  /** No matches are one that takes every request. */
  #entries(matches: readonly unknown[], rule: number): RouteEntry[] {
    return (matches.length === 0 ? [{}] : matches).map((match, i) => {
      const problems: Problem[] = [];
      return this.#kind.readMatch(new Fields(match, `rules[${rule}].matches[${i}]`, problems), rule, problems);
    });
  }

  #rule(id: string, entries: RouteEntry[], fields: Fields, problems: Problem[]): RouteRule {
    const filters = readFilters(fields.objects('filters'), this.#kind.filters, problems);
    const backendRefs = fields.list('backendRefs').map((item, i) => {
      const own: Problem[] = [];
      return this.#backend(new Fields(item, `${fields.where}.backendRefs[${i}]`, own), own, filters);
    });
    fields.ignore('timeouts', 'retry', 'sessionPersistence');
    fields.end();
    const backends = filters.redirects ? [] : backendRefs.filter((backend) => backend !== null);
    return { id, entries, backends, mirrors: filters.mirrors.some(isOn) || backends.some(({ mirrors }) => mirrors), problems };
  }

  /** @returns null where it gets no requests */
  #backend(fields: Fields, problems: Problem[], ofRule: Filters): RouteBackend | null {
    const ref = readBackendRef(fields);
    const weight = fields.number('weight') ?? 1;
    const own = readFilters(fields.objects('filters'), this.#kind.filters, problems);
    fields.end();
    if (weight === 0 || own.redirects) return null;
    const isUnknown = problems.length > 0;
    const mirrors = [...ofRule.mirrors, ...own.mirrors].filter(isOn);
    const { pods, problem } = this.#pods(ref);
    if (problem !== null) problems.push(problem);
    const namespace = pods === null || pods === NO_PODS ? this.#namespace : pods.namespace;
    const targets = mirrors.map((mirror) => this.#target(mirror, namespace));
    // A backend without filters of its own shares the rule's change, so that the two are known to be the same.
    const change = fields.has('filters') ? andThen(ofRule.change, own.change) : ofRule.change;
    return {
      name: ref.name,
      namespace,
      pods,
      mirrors: mirrors.length > 0,
      targets: targets.flatMap(({ target }) => target ?? []),
      change: isUnknown ? { ...change, unknown: true } : change,
      // Each target stands for itself: a policy without one of them is better than none.
      problems: [...problems, ...(targets.some(({ target }) => target !== null) ? [] : targets.flatMap((target) => target.problems))],
      remarks: [...ofRule.remarks, ...own.remarks, ...targets.flatMap((target) => [...target.problems, ...target.remarks])],
    };
  }

  #pods({ group, kind, namespace = this.#namespace, name, port: number }: BackendRef): FoundPods {
    if (group !== '' || kind !== 'Service') {
      const message = `a backend of kind ${shown(kind)} (group ${shown(group)}): its pods are not known`;
      return { pods: null, problem: { reason: 'UnsupportedBackend', message } };
    }
    // What may not be referred to, or is not there, gets no requests (BackendRefs of HTTPRouteRule and GRPCRouteRule).
    const nobody = (problem: Problem) => ({ pods: NO_PODS, problem });
    const wrong = this.#notPermitted(namespace, name);
    if (wrong !== null) return nobody(wrong);
    const service = this.#context.service(namespace, name);
    if (service === undefined) return nobody({ reason: 'BackendNotFound', message: `there is no Service ${namespace}/${name}` });
    const port = portOf(service, number ?? 0);
    if ('reason' in port) return port.reason === 'Encrypted' ? { pods: null, problem: port } : nobody(port);
    const pods = podsOf(service, [port]);
    return 'reason' in pods ? { pods: null, problem: pods } : { pods, problem: null };
  }

  #target({ ref, percent, problems }: MirrorFilter, policyNamespace: string) {
    const { group, kind, namespace = this.#namespace, name, port } = ref;
    const refused = (problem: Problem) => ({ target: null, problems: [problem], remarks: [] });
    if (problems.length > 0) return { target: null, problems, remarks: [] };
    if (group !== '' || kind !== 'Service') {
      return refused({
        reason: 'UnsupportedTarget',
        message: `copies to the kind ${shown(kind)} (group ${shown(group)}) are not supported; give a Service`,
      });
    }
    const wrong = this.#notPermitted(namespace, name);
    return wrong === null ? targetOf({ namespace, name, port: port ?? 0, percent }, policyNamespace, this.#context) : refused(wrong);
  }

  #notPermitted(namespace: string, name: string): Problem | null {
    const { kind } = this.#kind;
    const from = { group: GROUP, kind, namespace: this.#namespace };
    if (mayRefer(from, { namespace, name }, this.#context.grants)) return null;
    return {
      reason: 'RefNotPermitted',
      message: `no ReferenceGrant in ${namespace} lets ${kind}s of ${this.#namespace} refer to Service ${name}`,
    };
  }
}

function isOn({ percent }: MirrorFilter): boolean {
  return percent > 0;
}
