import { setTimeout as sleep } from 'node:timers/promises';
import type { ComparisonData } from '../compare/data.ts';
import { judge } from '../compare/judge/judge.ts';
import type { JudgeRules } from '../compare/judge/judge-rules.ts';
import { mergeComparison } from '../compare/merge.ts';
import type { Report, Verdict } from '../compare/report.ts';
import { comparedSince } from '../compare/since.ts';
import { ShadowtapError } from '../errors.ts';
import { durationMs, isDuration } from '../policy/duration.ts';
import { openAgentPages, type AgentPages, type PageOptions } from './agent-pages.ts';
import { EXIT_FAILED, EXIT_OK, type Io } from './io.ts';
import { printable } from './printable.ts';
import { askComparisons, policyName, unknownPolicy, type Comparisons } from './report/comparisons.ts';
import { checkReportFormat, renderReport } from './report/formats.ts';

export interface GateOptions extends PageOptions {
  readonly policy: string;
  readonly for: string;
  readonly maxDiff?: string;
  readonly maxSlowdown?: string;
  readonly minCompared?: string;
  readonly output: string;
}

/** The mirror differs: do not go on. */
export const EXIT_DIFFERS = 4;
/** Too little was compared to say anything. */
export const EXIT_TOO_LITTLE = 5;

/** How often agents are asked meanwhile. */
const LOOK_MS = 5_000;
/** How long agents may take to hear of a policy that was applied just before. */
const KNOWN_MS = 30_000;
const KNOWN_LOOK_MS = 500;

/**
 * By which it is judged on the way whether waiting is of no use. Who looks again and again finds something by chance at last, so it
 * takes more to be sure (J. L. Haybittle 1971, R. Peto et al. 1976: 99.9 % on the way, and the usual at the end); and what
 * is not known to be noise may turn out to be.
 */
const ON_THE_WAY: Partial<JudgeRules> = { confidencePercent: 99.9, minCompared: Infinity };

/** How old an agent's answer may be, and how long what came before may take to be compared. */
const SETTLE_MS = 1_500;

/**
 * Watches a policy for a while and tells a pipeline by its exit code whether the mirror held. Only what is compared meanwhile
 * counts. It ends early where the mirror surely does not hold.
 */
export async function gate(options: GateOptions, io: Io): Promise<number> {
  const format = checkReportFormat(options.output);
  const forMs = isDuration(options.for) ? durationMs(options.for) : 0;
  if (forMs < 1_000) throw new ShadowtapError('USAGE', `--for: ${JSON.stringify(options.for)} is not allowed; give a duration from 1s, such as 10m`);
  const allowed = limitsOf(options);
  const pages = await openAgentPages(options);
  const stopped = io.untilStopped();
  try {
    const window = new Window(pages, policyName(options.policy), allowed);
    const agents = await window.open(Math.min(forMs, KNOWN_MS));
    io.err.write(`shadowtap: watching ${printable(policyName(options.policy))} for ${options.for}, by ${agents === 1 ? '1 agent' : `${agents} agents`}\n`);
    const endMs = performance.now() + forMs;
    let isStopped = false;
    for (let leftMs = forMs; leftMs > 0 && !isStopped; leftMs = endMs - performance.now()) {
      isStopped = await isStoppedWithin(Math.min(LOOK_MS, leftMs), stopped);
      await window.look();
      if (window.isHopeless) break;
    }
    const { report, verdict } = window;
    const problems = isStopped ? [...window.problems, 'it was stopped before its time was over'] : window.problems;
    io.out.write(renderReport(report, format));
    for (const problem of problems) io.err.write(`shadowtap: ${printable(problem)}\n`);
    if (verdict === 'differs') return EXIT_DIFFERS;
    if (problems.length > 0) return EXIT_FAILED;
    return verdict === 'looks safe' ? EXIT_OK : EXIT_TOO_LITTLE;
  } finally {
    await pages.close();
  }
}

/** Leaves no timer behind, which would keep the process from ending. */
async function isStoppedWithin(ms: number, stopped: Promise<void>): Promise<boolean> {
  const timer = new AbortController();
  const over = sleep(ms, false, { signal: timer.signal }).catch(() => true);
  const isStopped = await Promise.race([over, stopped.then(() => true)]);
  timer.abort();
  return isStopped;
}

/** What has been compared since it was opened. */
class Window {
  readonly #pages: AgentPages;
  readonly #policy: string;
  readonly #allowed: Partial<JudgeRules>;
  #opened = '';
  /** What agents had compared before, and what they have by now. */
  #before: Comparisons['byAgent'] = new Map();
  #after = new Map<string, ComparisonData>();
  #data: ComparisonData = { policies: [] };
  #rules: JudgeRules | null = null;
  #problems: readonly string[] = [];

  constructor(pages: AgentPages, policy: string, allowed: Partial<JudgeRules>) {
    this.#pages = pages;
    this.#policy = policy;
    this.#allowed = allowed;
  }

  /**
   * @returns how many agents answer
   * @throws ShadowtapError KUBE_API where no agent answers, USAGE where none knows the policy in this time: waiting would show nothing
   */
  async open(patienceMs: number): Promise<number> {
    const endMs = performance.now() + patienceMs;
    // What agents say may be a second old: what came in that time would count as new.
    await sleep(SETTLE_MS);
    for (;;) {
      const { byAgent, rules, problems } = await askComparisons(this.#pages);
      if (byAgent.size === 0) throw new ShadowtapError('KUBE_API', `no agent answers: ${problems.join('; ')}`);
      this.#before = byAgent;
      this.#after = new Map(byAgent);
      this.#rules = rules.get(this.#policy) ?? null;
      this.#opened = new Date().toISOString();
      if (this.#rules !== null) return byAgent.size;
      if (performance.now() > endMs) throw unknownPolicy(this.#policy);
      await sleep(KNOWN_LOOK_MS);
    }
  }

  /** An agent that does not answer is taken at its last word. */
  async look(): Promise<void> {
    const { byAgent, rules, problems } = await askComparisons(this.#pages);
    for (const [agent, said] of byAgent) this.#after.set(agent, said);
    const parts = [...this.#after].map(([agent, after]) => {
      const before = this.#before.get(agent);
      return before === undefined ? after : comparedSince(before, after);
    });
    this.#data = { policies: mergeComparison(parts).policies.filter(({ policy }) => policy === this.#policy) };
    this.#rules = rules.get(this.#policy) ?? this.#rules;
    this.#problems = problems;
  }

  get report(): Report {
    const { policies, ...rest } = this.#judge();
    return { ...rest, policies: policies.map((policy) => ({ ...policy, since: policy.since > this.#opened ? policy.since : this.#opened })) };
  }

  get verdict(): Verdict {
    return verdictOf(this.#judge());
  }

  /** It differs so surely that no more data can help. */
  get isHopeless(): boolean {
    return this.verdict === 'differs' && verdictOf(this.#judge(ON_THE_WAY)) === 'differs';
  }

  /** Agents that did not answer at the last look. */
  get problems(): readonly string[] {
    return this.#problems;
  }

  #judge(stricter: Partial<JudgeRules> = {}): Report {
    const rules = this.#rules;
    return judge(this.#data, () => (rules === null ? null : { ...rules, ...this.#allowed, ...stricter }));
  }
}

/** Of several targets the worst one counts; baselines do not. */
function verdictOf({ policies }: Report): Verdict {
  const verdicts = policies.filter(({ role }) => role === 'Mirror').map(({ verdict }) => verdict);
  if (verdicts.includes('differs')) return 'differs';
  return verdicts.length > 0 && verdicts.every((verdict) => verdict === 'looks safe') ? 'looks safe' : 'too little data';
}

function limitsOf({ maxDiff, maxSlowdown, minCompared }: GateOptions): Partial<JudgeRules> {
  return {
    ...(maxDiff !== undefined && { maxDifferentPercent: percentOf('--max-diff', maxDiff, 100) }),
    ...(maxSlowdown !== undefined && { maxSlowdownPercent: percentOf('--max-slowdown', maxSlowdown, 1_000) }),
    ...(minCompared !== undefined && { minCompared: countOf('--min-compared', minCompared) }),
  };
}

function percentOf(flag: string, text: string, most: number): number {
  const percent = /^\d{1,5}(?:\.\d{1,6})?%?$/.test(text) ? Number.parseFloat(text) : NaN;
  if (percent <= most) return percent;
  throw new ShadowtapError('USAGE', `${flag}: ${JSON.stringify(text)} is not allowed; give percent such as 0.1%`);
}

function countOf(flag: string, text: string): number {
  const count = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (count >= 1) return count;
  throw new ShadowtapError('USAGE', `${flag}: ${JSON.stringify(text)} is not allowed; give a whole number from 1`);
}
