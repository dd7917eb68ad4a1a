import { formatPath } from '../../policy/check.ts';
import { API_VERSION } from '../../policy/schema.ts';
import { validatePolicy } from '../../policy/validate.ts';
import { ambiguities } from './ambiguity.ts';
import { doubtsOf, groupsOf } from './group.ts';
import { withHosts } from './hosts.ts';
import { imageOf, isSeen, looksOf, type Looks } from './image.ts';
import { distinct, type ImportedPolicy, type Problem } from './imported-policy.ts';
import { takesAll, type Match } from './match.ts';
import { mayShare, same } from './pods.ts';
import { policyName } from './policy-name.ts';
import { TOO_LARGE, type Route, type RouteBackend, type RouteEntry, type RouteRule } from './route.ts';

/** What becomes a policy of its own. */
interface Part {
  readonly matches: readonly Match[];
  readonly excludes: readonly Match[];
  readonly from: object | null;
  readonly problems: readonly Problem[];
}

/** A policy for each backend of each rule that mirrors; see `groupsOf` for those that need several. */
export function importRoute(route: Route): ImportedPolicy[] {
  const looks = looksOf(route);
  const policies = route.rules.filter(({ mirrors }) => mirrors).flatMap((rule) => new RuleImport(route, rule, looks).policies());
  const [first] = policies;
  return first === undefined || policies.length <= MAX_POLICIES ? policies : [{ ...first, spec: null, problems: [TOO_LARGE] }];
}

/** Objects that one route may come to. */
const MAX_POLICIES = 256;
/** As the schema of policies has it; looked at first, for checking thousands would take long. */
const MAX_MATCHES = 64;

const NO_BACKENDS: Problem = { reason: 'NoBackends', message: 'no backend of the rule gets requests' };
const NOTHING_MATCHES: Problem = { reason: 'NothingMatches', message: 'no request that fits the rule can be told at the pods' };
const NOTHING_LEFT: Problem = { reason: 'NothingLeft', message: 'others may take every request that fits the rule' };

class RuleImport {
  readonly #route: Route;
  readonly #rule: RouteRule;
  readonly #looks: Looks;

  constructor(route: Route, rule: RouteRule, looks: Looks) {
    this.#route = route;
    this.#rule = rule;
    this.#looks = looks;
  }

  policies(): ImportedPolicy[] {
    const { backends, problems } = this.#rule;
    const blocking = [...this.#route.problems, ...problems];
    if (blocking.length > 0) return [this.#policy(null, null, null, [...blocking, ...this.#route.remarks])];
    if (backends.length === 0) return [this.#policy(null, null, null, [NO_BACKENDS])];
    return backends.filter(({ mirrors }) => mirrors).flatMap((backend) => this.#ofBackend(backend));
  }

  #ofBackend(backend: RouteBackend): ImportedPolicy[] {
    const overlap = this.#overlap(backend);
    if (overlap === 'covered') return [];
    const blocking = [...backend.problems, ...overlap];
    if (blocking.length > 0) return [this.#policy(backend, null, null, blocking)];
    const { entries, problems } = this.#expressible();
    const parts = isSeen(backend.change, this.#looks) ? [this.#changed(entries, backend)] : this.#unchanged(entries);
    const remarks = [...this.#route.remarks, ...backend.remarks, ...entries.flatMap((entry) => entry.remarks), ...problems];
    return parts.map((part, number) => {
      const { excludes, problems: unclear } = ambiguities(part.matches, this.#route, this.#rule, backend, this.#looks);
      const whole = { ...part, excludes: unique([...part.excludes, ...excludes]) };
      const spec = specOf(backend, whole);
      const said = [...remarks, ...part.problems, ...unclear];
      const at = parts.length === 1 ? null : number;
      return Array.isArray(spec) ? this.#policy(backend, at, null, [...said, ...spec]) : this.#policy(backend, at, spec, said);
    });
  }

  /** Backends of one rule with pods in common: a request must not be copied twice, nor by the wrong one. */
  #overlap(backend: RouteBackend): Problem[] | 'covered' {
    const { backends } = this.#rule;
    const sharing = backends.filter((other) => other !== backend && mayShare(other.pods, backend.pods));
    const earlier = sharing.filter((other) => backends.indexOf(other) < backends.indexOf(backend) && other.problems.length === 0);
    const isCovered = earlier.some(({ pods }) => pods !== null && backend.pods !== null && same(pods, backend.pods));
    const unlike = sharing.find((other) => !this.#areAlike(other, backend));
    if (unlike === undefined && isCovered) return 'covered';
    const conflict = unlike ?? earlier[0];
    if (conflict === undefined) return [];
    return [{
      reason: 'OverlappingBackends',
      message: `backends ${conflict.name} and ${backend.name} may have pods in common: whose requests they get cannot be told`,
    }];
  }

  #areAlike(a: RouteBackend, b: RouteBackend): boolean {
    if (a.mirrors !== b.mirrors || JSON.stringify(a.targets) !== JSON.stringify(b.targets)) return false;
    return a.change === b.change || (!isSeen(a.change, this.#looks) && !isSeen(b.change, this.#looks));
  }

  #expressible(): { entries: RouteEntry[]; problems: Problem[] } {
    const problems: Problem[] = [];
    const entries = this.#rule.entries.filter((entry) => {
      const twoHosts = withHosts(entry.match, this.#route.hosts) === null;
      if (twoHosts) problems.push({
        reason: 'HostMatch',
        message: 'a pattern for the host cannot be joined with the hosts of the route; what fits it is not mirrored',
      });
      problems.push(...entry.problems);
      return !twoHosts && entry.problems.length === 0;
    });
    return { entries, problems };
  }

  /** Requests reach the pods as the matches saw them. */
  #unchanged(entries: readonly RouteEntry[]): Part[] {
    const { rules, hosts } = this.#route;
    const idOf = new Map(rules.flatMap(({ id, entries: own }) => own.map((entry) => [entry, id] as const)));
    const groups = groupsOf(entries, this.#rule, rules);
    if (groups.length === 0) return [{ matches: [], excludes: [], from: null, problems: [] }];
    return groups.map((group) => ({
      matches: group.entries.flatMap(({ match }) => withHosts(match, hosts) ?? []),
      excludes: [...[...group.before].map(({ wide }) => wide), ...group.entries.flatMap(({ without }) => without)],
      from: group.entries[0]!.from,
      problems: doubtsOf(group, (entry) => idOf.get(entry) ?? ''),
    }));
  }

  /** The rule changes what matches look at: requests are known by how they are in the end, whatever rules came before. */
  #changed(entries: readonly RouteEntry[], backend: RouteBackend): Part {
    const problems: Problem[] = [];
    const lost = (message: string): [] => {
      problems.push({ reason: 'ChangedBefore', message });
      return [];
    };
    const from = entries[0]?.from ?? null;
    const matches = entries.flatMap((entry) => {
      if (entry.without.length > 0 || JSON.stringify(entry.from) !== JSON.stringify(from)) {
        return lost('a match that needs a policy of its own, in a rule that changes requests, cannot be expressed');
      }
      const { match, exact } = imageOf(entry.match, entry, backend.change, this.#looks);
      if (!exact) return lost('the rule takes away or changes what it matches by; at the pod it cannot be seen any more');
      return backend.change.host === undefined ? (withHosts(match, this.#route.hosts) ?? []) : [match];
    });
    return { matches, excludes: [], from, problems };
  }

  #policy(backend: RouteBackend | null, part: number | null, spec: object | null, problems: readonly Problem[]): ImportedPolicy {
    const { kind, namespace, name } = this.#route;
    const { id, backends } = this.#rule;
    const home = backend?.namespace ?? namespace;
    const which = backend === null || backends.length === 1
      ? null
      : { number: backends.indexOf(backend), name: backend.name, isOnly: backends.filter((other) => other.name === backend.name).length === 1 };
    return {
      namespace: home,
      name: policyName({ kind, namespace, route: name, rule: id, backend: which, part }, home),
      origin: { kind, namespace, name, rule: id },
      spec,
      problems: distinct(problems),
    };
  }
}

/** @returns the spec, or why there is none */
function specOf({ pods, targets }: RouteBackend, { matches, excludes, from }: Part): object | Problem[] {
  if (pods === null || matches.length === 0) return [NOTHING_MATCHES];
  if (excludes.some(takesAll)) return [NOTHING_LEFT];
  if (matches.length > MAX_MATCHES || excludes.length > MAX_MATCHES) {
    return [{
      reason: 'NotExpressible',
      message: `a policy has at most ${MAX_MATCHES} matches and excludes; this one would need ${matches.length} and ${excludes.length}`,
    }];
  }
  const spec = {
    selector: { matchLabels: { ...pods.selector } },
    ports: [...pods.ports],
    ...(from === null ? {} : { from: [from] }),
    ...(matches.some(takesAll) ? {} : { matches: unique(matches) }),
    ...(excludes.length === 0 ? {} : { excludes }),
    targets: [...targets],
  };
  const { problems } = validatePolicy({ apiVersion: API_VERSION, kind: 'MirrorPolicy', metadata: { name: 'imported' }, spec });
  if (problems === null) return spec;
  return problems.map(({ path, message }) => ({ reason: 'NotExpressible', message: `${formatPath(path)}: ${message}` }));
}

function unique(matches: readonly Match[]): Match[] {
  return [...new Map(matches.map((match) => [JSON.stringify(match), match])).values()];
}
