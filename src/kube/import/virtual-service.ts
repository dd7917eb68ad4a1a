import { Fields } from './fields.ts';
import { hostPatterns } from './hosts.ts';
import { importRoute } from './import-route.ts';
import { ANY_HOST, shown, type ImportContext, type ImportedPolicy, type Problem } from './imported-policy.ts';
import { isTcp, podsOf, portOf, type FoundPods } from './pods.ts';
import { andThen, MAX_ENTRIES, MAX_HOSTS, ruleIds, TOO_LARGE, UNKNOWN_CHANGE } from './route.ts';
import type { Change, RouteBackend, RouteEntry, RouteRule } from './route.ts';
import { targetOf } from './target.ts';
import { readHeaders, readRewrite } from './virtual-service-change.ts';
import { hostsOf, MESH, qualifiedGateway, serviceOf } from './virtual-service-hosts.ts';
import { readMatchRequest } from './virtual-service-match.ts';
import { readDestination, readMirrors, subsetProblem, type ReadMirror } from './virtual-service-mirrors.ts';

/**
 * What `mirror` and `mirrors` of a VirtualService (networking.istio.io) come to. Copies keep their Host, as since Istio 1.28.
 * @param object as the API server gives it; whatever it is, nothing is thrown
 */
export function importVirtualService(object: unknown, context: ImportContext): ImportedPolicy[] {
  const document = new Fields(object, 'virtualService', []);
  const metadata = document.object('metadata');
  const name = metadata.text('name') ?? '';
  const namespace = metadata.text('namespace') ?? '';
  if (name === '' || namespace === '') return [];
  const problems: Problem[] = [];
  const remarks: Problem[] = [];
  const spec = new Fields(document.value('spec'), 'spec', problems, true);
  const gateways = new Set(spec.has('gateways') ? spec.texts('gateways').map((gateway) => qualifiedGateway(gateway, namespace)) : []);
  if (gateways.size === 0) gateways.add(MESH);
  const names = spec.texts('hosts');
  if (names.length === 0) problems.push({
    reason: 'Delegate',
    message: 'it has no hosts: it is for others to delegate to, and they decide what comes to it',
  });
  const exportTo = spec.texts('exportTo');
  if (exportTo.length > 0 && !exportTo.includes('*')) problems.push({
    reason: 'ExportTo',
    message: 'it holds for some namespaces only: whose requests these are cannot be told',
  });
  const list = spec.list('http');
  spec.ignore('tls', 'tcp');
  spec.end();
  const hosts = hostsOf(names, namespace, gateways, context.clusterDomain);
  if (hosts === null) remarks.push(ANY_HOST);
  const standsForServices = (host: string): boolean => host.startsWith('*.') && host.endsWith(`.svc.${context.clusterDomain}`);
  if (gateways.has(MESH) && names.some(standsForServices)) remarks.push(WILDCARD_SERVICE);
  const rules = new RouteReader(namespace, gateways, context).rules(list);
  const isTooLarge = (hosts !== null && hosts.length > MAX_HOSTS) || rules.some(({ entries }) => entries.length === 0);
  if (isTooLarge) problems.push(TOO_LARGE);
  return importRoute({
    kind: 'VirtualService',
    namespace,
    name,
    hosts: hosts === null ? null : isTooLarge ? [] : hostPatterns(hosts, remarks),
    rules,
    problems,
    remarks,
  });
}

const WILDCARD_SERVICE: Problem = {
  reason: 'WildcardService',
  message: 'of hosts that stand for many Services only requests that give the whole name are mirrored, not those that give a short one',
};

class RouteReader {
  readonly #namespace: string;
  readonly #gateways: ReadonlySet<string>;
  readonly #context: ImportContext;

  constructor(namespace: string, gateways: ReadonlySet<string>, context: ImportContext) {
    this.#namespace = namespace;
    this.#gateways = gateways;
    this.#context = context;
  }

  /** Of a VirtualService that is too large no matches are read. */
  rules(list: readonly unknown[]): RouteRule[] {
    const read = list.map((item, number) => {
      const problems: Problem[] = [];
      return { fields: new Fields(item, `http[${number}]`, problems, true), problems };
    });
    const matches = read.map(({ fields }) => fields.list('match'));
    const isTooLarge = matches.reduce((sum, { length }) => sum + Math.max(1, length), 0) > MAX_ENTRIES;
    const ids = ruleIds(read.map(({ fields }) => fields.text('name')));
    return read.map(({ fields, problems }, number) => {
      const entries = isTooLarge ? [] : this.#entries(matches[number]!, number, fields.has('delegate'));
      return this.#rule(ids[number]!, entries, fields, problems);
    });
  }

  #entries(matches: readonly unknown[], number: number, isDelegated: boolean): RouteEntry[] {
    const entries = (matches.length === 0 ? [{}] : matches).flatMap((match, i) => {
      const problems: Problem[] = [];
      const fields = new Fields(match, `http[${number}].match[${i}]`, problems, true);
      return readMatchRequest(fields, number, this.#gateways, this.#namespace, problems);
    });
    // Requests that fit none of the delegate's matches go on to the next route.
    return isDelegated ? entries.map((entry) => ({ ...entry, exact: false })) : entries;
  }

  #rule(id: string, entries: RouteEntry[], fields: Fields, problems: Problem[]): RouteRule {
    const mirrors = readMirrors(fields, this.#namespace, this.#context, problems);
    const change = andThen(readHeaders(fields.object('headers')), readRewrite(fields.object('rewrite')));
    const answersItself = fields.has('redirect') || fields.has('directResponse');
    const destinations = fields.list('route');
    const isOnly = destinations.length === 1;
    const isDelegated = fields.has('delegate');
    const read = answersItself || isDelegated ? [] : destinations.map((item, i) => {
      const own: Problem[] = [];
      return this.#backend(new Fields(item, `${fields.where}.route[${i}]`, own, true), own, isOnly, change, mirrors);
    });
    const delegated = { ...DELEGATE, namespace: this.#namespace, mirrors: mirrors.length > 0 };
    fields.ignore('redirect', 'directResponse', 'delegate', 'timeout', 'retries', 'fault', 'corsPolicy');
    fields.end();
    return {
      id,
      entries,
      backends: isDelegated ? [delegated] : read.filter((backend) => backend !== null),
      mirrors: mirrors.length > 0,
      problems,
    };
  }

  /** @returns null where it gets no requests: a weight of 0 counts only beside others */
  #backend(fields: Fields, problems: Problem[], isOnly: boolean, ofRoute: Change, mirrors: readonly ReadMirror[]): RouteBackend | null {
    const destination = readDestination(fields.object('destination'));
    const weight = fields.number('weight') ?? 0;
    const own = readHeaders(fields.object('headers'));
    fields.end();
    if (weight === 0 && !isOnly) return null;
    const isUnknown = problems.length > 0;
    const { pods, problem } = this.#pods(destination);
    if (problem !== null) problems.push(problem);
    const namespace = pods?.namespace ?? this.#namespace;
    const targets = mirrors.map(({ mirror, problem: wrong }) =>
      mirror === null ? { target: null, problems: [wrong], remarks: [] } : targetOf(mirror, namespace, this.#context),
    );
    const change = fields.has('headers') ? andThen(ofRoute, own) : ofRoute;
    return {
      name: serviceOf(destination.host, this.#namespace, this.#context.clusterDomain)?.name ?? destination.host,
      namespace,
      pods,
      mirrors: mirrors.length > 0,
      targets: targets.flatMap(({ target }) => target ?? []),
      change: isUnknown ? { ...change, unknown: true } : change,
      // Each target stands for itself: a policy without one of them is better than none.
      problems: [...problems, ...(targets.some(({ target }) => target !== null) ? [] : targets.flatMap((target) => target.problems))],
      remarks: targets.flatMap((target) => [...target.problems, ...target.remarks]),
    };
  }

  #pods({ host, subset, port: number }: ReturnType<typeof readDestination>): FoundPods {
    const ref = serviceOf(host, this.#namespace, this.#context.clusterDomain);
    const service = ref === null ? undefined : this.#context.service(ref.namespace, ref.name);
    const unknown = (problem: Problem) => ({ pods: null, problem });
    if (service === undefined) return unknown({
      reason: 'BackendNotFound',
      message: `${shown(host)} is not a Service of the cluster: its pods are not known`,
    });
    const port = number === undefined ? null : portOf(service, number);
    if (port !== null && 'reason' in port) return unknown(port);
    // Without a port, and with several, requests go to the one that the client asked for.
    const pods = podsOf(service, port === null ? service.ports.filter(isTcp) : [port]);
    if ('reason' in pods) return unknown(pods);
    if (subset === '') return { pods, problem: null };
    return { pods, problem: subsetProblem(host, subset) };
  }
}

/** What becomes of requests that are delegated is in another VirtualService. */
const DELEGATE: RouteBackend = {
  name: 'delegate',
  namespace: '',
  pods: null,
  mirrors: false,
  targets: [],
  change: UNKNOWN_CHANGE,
  problems: [{ reason: 'Delegate', message: 'the route is delegated to another VirtualService' }],
  remarks: [],
};
