import { judge } from '../compare/judge/judge.ts';
import { mergeComparison } from '../compare/merge.ts';
import type { Report } from '../compare/report.ts';
import { openAgentPages, type PageOptions } from './agent-pages.ts';
import { EXIT_FAILED, EXIT_OK, type Io } from './io.ts';
import { printable } from './printable.ts';
import { askComparisons, policyName, unknownPolicy } from './report/comparisons.ts';
import { checkReportFormat, renderReport } from './report/formats.ts';

export interface ReportOptions extends PageOptions {
  readonly policy?: string;
  readonly namespace?: string;
  readonly output: string;
}

/** Says how mirrors compare with production, as one agent or all agents of a cluster know it. */
export async function report(options: ReportOptions, io: Io): Promise<number> {
  const format = checkReportFormat(options.output);
  const pages = await openAgentPages(options);
  try {
    const { byAgent, rules, problems } = await askComparisons(pages);
    const all = judge(mergeComparison([...byAgent.values()]), (policy) => rules.get(policy) ?? null);
    const chosen = { ...all, policies: all.policies.filter(({ policy }) => isWanted(policy, options)) };
    refuseUnknown(options.policy, chosen);
    io.out.write(renderReport(chosen, format));
    for (const problem of problems) io.err.write(`shadowtap: ${printable(problem)}\n`);
    return problems.length > 0 ? EXIT_FAILED : EXIT_OK;
  } finally {
    await pages.close();
  }
}

function isWanted(name: string, { policy, namespace }: ReportOptions): boolean {
  return (policy === undefined || name === policyName(policy)) && (namespace === undefined || name.startsWith(`${namespace}/`));
}

function refuseUnknown(policy: string | undefined, { policies }: Report): void {
  if (policy !== undefined && policies.length === 0) throw unknownPolicy(policyName(policy));
}
