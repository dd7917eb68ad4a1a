import type { Exchange, HttpRequest } from '../http/exchange.ts';
import { outcomeSlot } from '../ledger/outcomes.ts';
import { anyFits, Matcher } from './matcher.ts';
import { PathIndex } from './path-index.ts';
import { isHeader, RequestView } from './request-view.ts';
import { RandomDraw, Sampler, type Random } from './sampler.ts';
import type { MirrorPolicy, PolicySpec } from './schema.ts';
import type { PolicySnapshot, SnapshotEndpoint } from './snapshot.ts';
import { SourceSet } from './source-set.ts';
import { StickyDraw } from './sticky.ts';
import type { Verdict } from './verdict.ts';

/** Name of the header that marks copies, unless configured otherwise. */
export const DEFAULT_MARKER = 'shadowtap-mirrored';

export interface RouterOptions {
  /** Name of the header that marks copies, in any case. */
  readonly marker?: string;
  readonly random?: Random;
  /** By policy: one number, 0 to 1, the part of its sample that it mirrors now; read at each request. */
  readonly shares?: readonly Float64Array[];
}

const WHOLE = Float64Array.of(1);

/** How far a request got with a policy that does not mirror it; the farther, the closer. */
const STAGES = ['unmatched', 'excluded', 'method', 'sampled-out'] as const;
const STAGE_SLOTS = STAGES.map((outcome) => outcomeSlot(outcome, ''));
const UNMATCHED = 0;
const EXCLUDED = 1;
const METHOD = 2;
const SAMPLED_OUT = 3;
const ADMITTED = 4;

const LOOP_SLOT = outcomeSlot('loop', '');
const SAFE_METHODS = ['GET', 'HEAD', 'OPTIONS'];
const NO_POLICIES = new PathIndex<CompiledPolicy>([]);

/**
 * Decides which targets get a copy of a request. Compiled once for a snapshot; looks only at an endpoint's own policies,
 * and of many only at those that may concern the request's path.
 */
export class Router {
  readonly #marker: string;
  readonly #routes = new Map<number, EndpointRoutes>();
  readonly #view = new RequestView();
  readonly #found: CompiledPolicy[] = [];
  /** Numbers the requests, so that a policy that is found twice is asked once. */
  #turn = 0;

  constructor(snapshot: PolicySnapshot, options: RouterOptions = {}) {
    this.#marker = (options.marker ?? DEFAULT_MARKER).toLowerCase();
    const compiled = new Map<number, CompiledPolicy>();
    const firstTargets = firstTargetOfEach(snapshot);
    const random = new RandomDraw(options.random ?? Math.random);
    const policyAt = (index: number): CompiledPolicy => {
      const known = compiled.get(index);
      if (known !== undefined) return known;
      const policy = new CompiledPolicy(snapshot, index, firstTargets[index]!, random, options.shares?.[index] ?? WHOLE);
      compiled.set(index, policy);
      return policy;
    };
    const mirrors = ({ policy }: { readonly policy: number }): boolean => policyOf(snapshot, policy).spec.targets.length > 0;
    for (const { id, policies } of snapshot.endpoints) this.#routes.set(id, new EndpointRoutes(policies.filter(mirrors), policyAt));
  }

  /**
   * Fills the verdict. Needs the request's head only.
   * @param port the server's port
   */
  route(exchange: Exchange, endpoint: number, port: number, verdict: Verdict): void {
    const request = exchange.request!;
    verdict.targets.length = 0;
    verdict.policy = -1;
    verdict.maxBodyBytes = 0;
    if (this.#isCopy(request)) {
      verdict.slot = LOOP_SLOT;
      return;
    }
    const index = this.#routes.get(endpoint)?.policies(port) ?? NO_POLICIES;
    this.#view.reset(request, exchange.flow.clientAddress);
    this.#turn += 1;
    let closest = this.#ask(index.always, UNMATCHED, verdict);
    this.#found.length = 0;
    index.find(this.#view, this.#found);
    closest = this.#ask(this.#found, closest, verdict);
    verdict.slot = STAGE_SLOTS[Math.min(closest, SAMPLED_OUT)]!;
  }

  /** @returns the farthest stage reached so far */
  #ask(policies: readonly CompiledPolicy[], farthest: number, verdict: Verdict): number {
    let closest = farthest;
    for (let i = 0; i < policies.length; i++) {
      const policy = policies[i]!;
      if (policy.turn === this.#turn) continue;
      policy.turn = this.#turn;
      const stage = policy.judge(this.#view, verdict.targets);
      if (stage === ADMITTED) verdict.maxBodyBytes = Math.max(verdict.maxBodyBytes, policy.maxBodyBytes);
      if (stage < closest || stage === UNMATCHED || (stage === closest && policy.index > verdict.policy)) continue;
      closest = stage;
      verdict.policy = policy.index;
    }
    return closest;
  }

  #isCopy({ headers }: HttpRequest): boolean {
    for (let i = 0; i < headers.length; i += 2) if (isHeader(headers[i]!, this.#marker)) return true;
    return false;
  }
}

/** The policies of one endpoint, by port; those without targets are not asked. */
class EndpointRoutes {
  readonly #byPort = new Map<number, PathIndex<CompiledPolicy>>();
  /** For ports that no policy names. */
  readonly #otherPorts: PathIndex<CompiledPolicy>;

  constructor(policies: SnapshotEndpoint['policies'], policyAt: (index: number) => CompiledPolicy) {
    const indexOf = (selecting: SnapshotEndpoint['policies']): PathIndex<CompiledPolicy> =>
      new PathIndex(selecting.map(({ policy }) => policyAt(policy)));
    const named = new Set(policies.flatMap(({ ports }) => ports));
    for (const port of named) {
      this.#byPort.set(port, indexOf(policies.filter(({ ports }) => ports.length === 0 || ports.includes(port))));
    }
    this.#otherPorts = indexOf(policies.filter(({ ports }) => ports.length === 0));
  }

  policies(port: number): PathIndex<CompiledPolicy> {
    return this.#byPort.get(port) ?? this.#otherPorts;
  }
}

class CompiledPolicy {
  readonly index: number;
  readonly policy: MirrorPolicy;
  readonly maxBodyBytes: number;
  /** The request that it was asked about last. */
  turn = 0;
  /** null means every source. */
  readonly #from: SourceSet | null;
  readonly #matches: readonly Matcher[];
  readonly #excludes: readonly Matcher[];
  /** null means every method. */
  readonly #methods: readonly string[] | null;
  readonly #random: RandomDraw;
  readonly #share: Float64Array;
  /** null means that each request is drawn afresh. */
  readonly #sticky: StickyDraw | null;
  readonly #sampler: Sampler;
  /** One for each target; their flat numbers follow one another. */
  readonly #targets: readonly Sampler[];
  readonly #firstTarget: number;

  constructor(snapshot: PolicySnapshot, index: number, firstTarget: number, random: RandomDraw, share: Float64Array) {
    const policy = policyOf(snapshot, index);
    const { spec } = policy;
    this.index = index;
    this.policy = policy;
    this.maxBodyBytes = spec.limits.maxBodyBytes;
    this.#from = SourceSet.of(policy, snapshot.peers);
    this.#matches = spec.matches.map((match) => new Matcher(match));
    this.#excludes = spec.excludes.map((match) => new Matcher(match));
    this.#methods = methodsOf(spec.methods);
    this.#random = random;
    this.#share = share;
    this.#sticky = StickyDraw.of(policy, snapshot.keys.stable);
    this.#sampler = Sampler.of(spec.sample, 'sample');
    this.#targets = spec.targets.map((target, number) => Sampler.of(target, `target ${number}`));
    this.#firstTarget = firstTarget;
  }

  /** @returns ADMITTED, having added target numbers to `targets`, or the stage at which the request fell out */
  judge(request: RequestView, targets: number[]): number {
    if (this.#from !== null && !this.#from.has(request.source)) return UNMATCHED;
    if (this.#matches.length > 0 && !anyFits(this.#matches, request)) return UNMATCHED;
    if (anyFits(this.#excludes, request)) return EXCLUDED;
    if (this.#methods !== null && !this.#methods.includes(request.method)) return METHOD;
    // A request without a key belongs to nobody else: it is drawn by itself, so that the share stays true.
    const draw = this.#sticky !== null && this.#sticky.choose(request) ? this.#sticky : this.#random;
    if (!this.#sampler.admits(draw, this.#share[0]!)) return SAMPLED_OUT;
    const before = targets.length;
    for (let i = 0; i < this.#targets.length; i++) {
      if (this.#targets[i]!.admits(draw)) targets.push(this.#firstTarget + i);
    }
    return targets.length > before ? ADMITTED : SAMPLED_OUT;
  }
}

function policyOf(snapshot: PolicySnapshot, index: number): MirrorPolicy {
  const policy = snapshot.policies[index];
  if (policy === undefined) throw new RangeError(`the snapshot has no policy ${index}`);
  return policy;
}

/** By policy: the flat number of its first target. The snapshot lists targets policy by policy. */
function firstTargetOfEach({ policies }: PolicySnapshot): number[] {
  let next = 0;
  return policies.map(({ spec }) => {
    const first = next;
    next += spec.targets.length;
    return first;
  });
}

function methodsOf(methods: PolicySpec['methods']): readonly string[] | null {
  if (methods === 'All') return null;
  return methods === 'Safe' ? SAFE_METHODS : methods;
}
