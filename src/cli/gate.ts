import { setTimeout as sleep } from 'node:timers/promises';
import { judge } from '../compare/judge.ts';
import type { JudgeRules } from '../compare/judge-rules.ts';
import { mergeComparison } from '../compare/merge.ts';
import type { PolicyReport, Report } from '../compare/report.ts';
import { comparedSince } from '../compare/since.ts';
import { ShadowtapError } from '../errors.ts';
import { durationMs, isDuration } from '../policy/duration.ts';
import { openAgentPages, type AgentPages, type PageOptions } from './agent-pages.ts';
import { EXIT_FAILED, EXIT_OK, type Io } from './io.ts';
import { printable } from './printable.ts';
import { policyName } from './report.ts';
import { askComparisons, type Comparisons } from './report/comparisons.ts';
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
  const stopped = io.untilStopped().then(() => 'stopped' as const);
  try {
    const window = new Window(pages, policyName(options.policy), allowed);
    await window.open();
    const endMs = performance.now() + forMs;
    for (let leftMs = forMs; leftMs > 0; leftMs = endMs - performance.now()) {
      const event = await Promise.race([sleep(Math.min(LOOK_MS, leftMs)), stopped]);
      await window.look();
      if (event === 'stopped' || verdictOf(window.report.policies) === 'differs') break;
    }
    io.out.write(renderReport(window.report, format));
    for (const problem of window.problems) io.err.write(`shadowtap: ${printable(problem)}\n`);
    if (verdictOf(window.report.policies) === 'differs') return EXIT_DIFFERS;
    if (window.problems.length > 0) return EXIT_FAILED;
    return verdictOf(window.report.policies) === 'looks safe' ? EXIT_OK : EXIT_TOO_LITTLE;
  } finally {
    await pages.close();
  }
}

/** What has been compared since it was opened. */
class Window {
  report: Report = { version: '', at: '', policies: [] };
  problems: readonly string[] = [];
  readonly #pages: AgentPages;
  readonly #policy: string;
  readonly #allowed: Partial<JudgeRules>;
  #before: Comparisons['byAgent'] = new Map();

  constructor(pages: AgentPages, policy: string, allowed: Partial<JudgeRules>) {
    this.#pages = pages;
    this.#policy = policy;
    this.#allowed = allowed;
  }

  /** @throws ShadowtapError KUBE_API where no agent answers: waiting would show nothing */
  async open(): Promise<void> {
    const { byAgent, problems } = await askComparisons(this.#pages);
    if (byAgent.size === 0) throw new ShadowtapError('KUBE_API', `no agent answers: ${problems.join('; ')}`);
    this.#before = byAgent;
  }

  async look(): Promise<void> {
    const { byAgent, rules, problems } = await askComparisons(this.#pages);
    const parts = [...byAgent].map(([agent, after]) => {
      const before = this.#before.get(agent);
      return before === undefined ? after : comparedSince(before, after);
    });
    const merged = mergeComparison(parts);
    const own = { policies: merged.policies.filter(({ policy }) => policy === this.#policy) };
    this.report = judge(own, (policy) => {
      const known = rules.get(policy);
      return known === undefined ? null : { ...known, ...this.#allowed };
    });
    this.problems = problems;
  }
}

/** Of several targets the worst one counts; baselines do not. */
function verdictOf(policies: readonly PolicyReport[]): PolicyReport['verdict'] {
  const verdicts = policies.filter(({ role }) => role === 'Mirror').map(({ verdict }) => verdict);
  if (verdicts.includes('differs')) return 'differs';
  return verdicts.length > 0 && verdicts.every((verdict) => verdict === 'looks safe') ? 'looks safe' : 'too little data';
}

function limitsOf({ maxDiff, maxSlowdown, minCompared }: GateOptions): Partial<JudgeRules> {
  return {
    ...(maxDiff !== undefined && { maxDifferentPercent: percentOf('--max-diff', maxDiff, 100) }),
    ...(maxSlowdown !== undefined && { maxSlowdownPercent: percentOf('--max-slowdown', maxSlowdown, 10_000) }),
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
