import { ShadowtapError } from '../errors.ts';
import type { Finding, FindingsData } from '../findings/data.ts';
import { mergeFindings } from '../findings/merge.ts';
import { SEVERITIES } from '../findings/rules.ts';
import { findingsReport } from '../kube/findings-report.ts';
import { openAgentPages, readPages, type PageOptions } from './agent-pages.ts';
import { checkFormat } from './format.ts';
import { EXIT_FAILED, EXIT_OK, type Io } from './io.ts';
import { printable, printableJson } from './printable.ts';
import { renderTable } from './table.ts';

export interface FindingsOptions extends PageOptions {
  readonly namespace?: string;
  readonly minSeverity: string;
  readonly output: string;
}

/** Asks one agent, or all of a cluster, what they have found in the traffic of observed pods. */
export async function findings(options: FindingsOptions, io: Io): Promise<number> {
  checkFormat(options.output);
  const least = SEVERITIES.findIndex((severity) => severity === options.minSeverity);
  if (least < 0) throw new ShadowtapError('USAGE', `--min-severity: ${JSON.stringify(options.minSeverity)} is not allowed; give ${SEVERITIES.join(', ')}`);
  const { namespace } = options;
  const pages = await openAgentPages(options);
  try {
    const { said, problems } = await readPages(pages, '/findings', findingsReport);
    const all = mergeFindings([...said.values()]);
    const wanted = ({ severity, endpoint }: Finding): boolean => SEVERITIES.indexOf(severity) >= least && (namespace === undefined || endpoint.startsWith(`${namespace}/`));
    const shown = { ...all, findings: all.findings.filter(wanted) };
    io.out.write(options.output === 'json' ? `${printableJson({ ...shown, problems })}\n` : render(shown, problems));
    return problems.length > 0 ? EXIT_FAILED : EXIT_OK;
  } finally {
    await pages.close();
  }
}

function render({ findings: list, unlisted }: FindingsData, problems: readonly string[]): string {
  const rows = list.map(({ severity, rule, endpoint, source, method, template, count, lastMs, evidence }) => [
    severity,
    rule,
    endpoint,
    source || '(many)',
    `${method} ${template}`.trim() || '(many)',
    String(count),
    `${new Date(lastMs).toISOString().slice(0, 19)}Z`,
    evidence,
  ]);
  const parts = [rows.length === 0 ? 'Nothing was found.' : renderTable(['severity', 'rule', 'pod', 'client', 'request', 'count', 'last', 'what was seen'], rows)];
  if (unlisted > 0) parts.push(`${unlisted} more occurrences found no place in the list.`);
  if (problems.length > 0) parts.push(`Problems:\n${problems.map((problem) => `  ${printable(problem)}`).join('\n')}`);
  return `${parts.join('\n\n')}\n`;
}
