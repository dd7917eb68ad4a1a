import type { Exchange, HttpRequest } from '../http/exchange.ts';
import { outcomeSlot } from '../ledger/outcomes.ts';
import { anyFits, Matcher } from './matcher.ts';
import { isHeader, RequestView } from './request-view.ts';
import { Sampler, type Random } from './sampler.ts';
import type { MirrorPolicy, PolicySpec } from './schema.ts';
import type { PolicySnapshot, SnapshotEndpoint } from './snapshot.ts';
import type { Verdict } from './verdict.ts';

/** Name of the header that marks copies, unless configured otherwise. */
export const DEFAULT_MARKER = 'shadowtap-mirrored';

export interface RouterOptions {
  /** Name of the header that marks copies, in any case. */
  readonly marker?: string;
  readonly random?: Random;
}

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
const NO_POLICIES: readonly CompiledPolicy[] = [];

/** Decides which targets get a copy of a request. Compiled once for a snapshot; looks only at an endpoint's own policies. */
export class Router {
  readonly #marker: string;
  readonly #routes = new Map<number, EndpointRoutes>();
  readonly #view = new RequestView();

  constructor(snapshot: PolicySnapshot, options: RouterOptions = {}) {
    this.#marker = (options.marker ?? DEFAULT_MARKER).toLowerCase();
    const compiled = new Map<number, CompiledPolicy>();
    const firstTargets = firstTargetOfEach(snapshot);
    const policyAt = (index: number): CompiledPolicy => {
      const known = compiled.get(index);
      if (known !== undefined) return known;
      const policy = new CompiledPolicy(index, policyOf(snapshot, index), firstTargets[index]!, options.random ?? Math.random);
      compiled.set(index, policy);
      return policy;
    };
    for (const endpoint of snapshot.endpoints) this.#routes.set(endpoint.id, new EndpointRoutes(endpoint, policyAt));
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
    const policies = this.#routes.get(endpoint)?.policies(port) ?? NO_POLICIES;
    this.#view.reset(request);
    let closest = UNMATCHED;
    for (const policy of policies) {
      const stage = policy.judge(this.#view, verdict.targets);
      if (stage === ADMITTED) verdict.maxBodyBytes = Math.max(verdict.maxBodyBytes, policy.maxBodyBytes);
      if (stage <= closest) continue;
      closest = stage;
      verdict.policy = policy.index;
    }
    verdict.slot = STAGE_SLOTS[Math.min(closest, SAMPLED_OUT)]!;
  }

  #isCopy({ headers }: HttpRequest): boolean {
    for (let i = 0; i < headers.length; i += 2) if (isHeader(headers[i]!, this.#marker)) return true;
    return false;
  }
}

/** The policies of one endpoint, by port. */
class EndpointRoutes {
  readonly #byPort = new Map<number, CompiledPolicy[]>();
  /** For ports that no policy names. */
  readonly #otherPorts: readonly CompiledPolicy[];

  constructor({ policies }: SnapshotEndpoint, policyAt: (index: number) => CompiledPolicy) {
    const named = new Set(policies.flatMap(({ ports }) => ports));
    for (const port of named) {
      const here = policies.filter(({ ports }) => ports.length === 0 || ports.includes(port));
      this.#byPort.set(port, here.map(({ policy }) => policyAt(policy)));
    }
    this.#otherPorts = policies.filter(({ ports }) => ports.length === 0).map(({ policy }) => policyAt(policy));
  }

  policies(port: number): readonly CompiledPolicy[] {
    return this.#byPort.get(port) ?? this.#otherPorts;
  }
}

class CompiledPolicy {
  readonly index: number;
  readonly maxBodyBytes: number;
  readonly #matches: readonly Matcher[];
  readonly #excludes: readonly Matcher[];
  /** null means every method. */
  readonly #methods: readonly string[] | null;
  readonly #sampler: Sampler;
  /** One for each target; their flat numbers follow one another. */
  readonly #targets: readonly Sampler[];
  readonly #firstTarget: number;

  constructor(index: number, { spec }: MirrorPolicy, firstTarget: number, random: Random) {
    this.index = index;
    this.maxBodyBytes = spec.limits.maxBodyBytes;
    this.#matches = spec.matches.map((match) => new Matcher(match));
    this.#excludes = spec.excludes.map((match) => new Matcher(match));
    this.#methods = methodsOf(spec.methods);
    this.#sampler = Sampler.of(spec.sample, random);
    this.#targets = spec.targets.map((target) => Sampler.of(target, random));
    this.#firstTarget = firstTarget;
  }

  /** @returns ADMITTED, having added target numbers to `targets`, or the stage at which the request fell out */
  judge(request: RequestView, targets: number[]): number {
    if (this.#matches.length > 0 && !anyFits(this.#matches, request)) return UNMATCHED;
    if (anyFits(this.#excludes, request)) return EXCLUDED;
    if (this.#methods !== null && !this.#methods.includes(request.method)) return METHOD;
    if (!this.#sampler.admits()) return SAMPLED_OUT;
    const before = targets.length;
    for (let i = 0; i < this.#targets.length; i++) {
      if (this.#targets[i]!.admits()) targets.push(this.#firstTarget + i);
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
