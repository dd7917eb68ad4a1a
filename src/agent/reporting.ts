import type { AdminRoutes } from '../admin/server.ts';
import { judge } from '../compare/judge/judge.ts';
import type { JudgeRules } from '../compare/judge/judge-rules.ts';
import { comparisonWithoutValues } from '../compare/merge.ts';
import type { PolicyReport, Report } from '../compare/report.ts';
import type { InsightData } from '../insight.ts';
import { policyName } from '../policy/policy-name.ts';
import type { MirrorPolicy } from '../policy/schema.ts';
import type { ComparisonSummary } from '../stats.ts';
import { json } from './json-page.ts';
import { Remembered } from './remembered.ts';

/** A report takes some milliseconds of the main thread; scrapers, the controller and people may all ask for it. */
const REPORT_MS = 5_000;

/** Judges what has been compared when somebody asks, by the policies in force. */
export class Reporting {
  readonly #insight: () => Promise<InsightData>;
  readonly #policies: () => readonly MirrorPolicy[];
  readonly #report = new Remembered(() => this.#judge(), REPORT_MS);
  #summaries: readonly ComparisonSummary[] = [];

  constructor(insight: () => Promise<InsightData>, policies: () => readonly MirrorPolicy[]) {
    this.#insight = insight;
    this.#policies = policies;
  }

  /** Some seconds old at most. */
  report(): Promise<Report> {
    return this.#report.get();
  }

  /** Of the last report. */
  get summaries(): readonly ComparisonSummary[] {
    return this.#summaries;
  }

  /** `/report`: judged, with `policy=namespace/name` that one alone. `/comparison`: what several agents' reports are made of. */
  pages(): AdminRoutes {
    return {
      '/report': async ({ query, trusted }) => {
        const { policies, ...rest } = await this.report();
        const wanted = query.get('policy');
        const chosen = policies.filter(({ policy }) => wanted === null || policy === wanted);
        return json({ ...rest, policies: trusted ? chosen : chosen.map(withoutExamples) });
      },
      '/comparison': async ({ trusted }) => {
        const { compare } = await this.#insight();
        return json({ compare: trusted ? compare : comparisonWithoutValues(compare), rules: Object.fromEntries(this.#rules()) });
      },
    };
  }

  async #judge(): Promise<Report> {
    const rules = this.#rules();
    const report = judge(rules.size === 0 ? { policies: [] } : (await this.#insight()).compare, (policy) => rules.get(policy) ?? null);
    this.#summaries = report.policies.filter(({ role }) => role === 'Mirror').map(summaryOf);
    return report;
  }

  #rules(): Map<string, JudgeRules> {
    return new Map(this.#policies().flatMap((policy) => (policy.spec.compare === undefined ? [] : [[policyName(policy), policy.spec.compare] as const])));
  }
}

function summaryOf({ policy, target, verdict, reasons, counts }: PolicyReport): ComparisonSummary {
  const notCompared = Object.values(counts.notCompared).reduce((sum, count) => sum + count, 0);
  return { policy, target, verdict, reason: reasons[0] ?? '', compared: counts.compared, different: counts.different, notCompared };
}

/** For viewers that may not see values. */
function withoutExamples(policy: PolicyReport): PolicyReport {
  const endpoints = policy.endpoints.map((endpoint) => ({
    ...endpoint,
    fields: endpoint.fields.map((field) => ({ ...field, examples: [] })),
    noise: endpoint.noise.map((field) => ({ ...field, examples: [] })),
  }));
  return { ...policy, endpoints };
}
