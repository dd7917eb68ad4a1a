import type { EndpointReport, PolicyReport, Report } from '../../compare/report.ts';
import { printable } from '../printable.ts';
import { renderTable } from '../table.ts';
import { placeRows } from './same-places.ts';
import { count, examplesOf, factor, leftOut, medians, nameOf, part, placeOf, share, titleOf } from './words.ts';

/** Endpoints and places that are shown of one policy; JSON has them all. */
const SHOWN = 30;
/** Columns that a terminal is taken to have. */
const WIDTH = 120;
const UNSEEN = '  No values are shown: this takes the token of the agents (--token-file), the right one, and a policy without `examples: None`.';
const MASKED = '  Values that read the same on both sides are masked: `examples: Values` under `compare` shows them, but for secrets.';

/** For a terminal. */
export function renderText({ policies }: Report): string {
  if (policies.length === 0) return 'No policy compares anything: give one the field `compare` (docs/compare.md).\n';
  return `${policies.map(policyText).join('\n\n')}\n`;
}

function policyText(policy: PolicyReport): string {
  const { counts, endpoints, reasons, since, folded } = policy;
  const lines = [
    titleOf(policy),
    ...reasons.map((reason) => `  ${reason}`),
    `  ${count(counts.compared)} compared since ${since}: ${count(counts.equal)} equal, ${count(counts.noise)} but for noise, ${count(counts.different)} different (${share(counts.differentShare)})`,
  ];
  const left = leftOut(counts);
  if (left !== '') lines.push(`  not compared: ${left}`);
  const parts = [lines.map(printable).join('\n')];
  if (endpoints.length > 0) parts.push(endpointTable(endpoints.slice(0, SHOWN)));
  if (endpoints.length > SHOWN) parts.push(`  and ${count(endpoints.length - SHOWN)} more endpoints (-o json has them all)`);
  if (folded > 0) parts.push(`  ${count(folded)} exchanges of endpoints beyond the bound are summed up as \`* others\``);
  parts.push(...fieldTable('What differs', endpoints, 'fields'), ...fieldTable('Taken for noise', endpoints, 'noise'));
  return parts.join('\n');
}

function endpointTable(endpoints: readonly EndpointReport[]): string {
  const rows = endpoints.map((endpoint) => {
    const { counts, errors, latency, verdict } = endpoint;
    return [
      nameOf(endpoint),
      verdict,
      count(counts.compared),
      part(counts.different, counts.differentShare),
      `${count(errors.production)} | ${count(errors.mirror)}`,
      latency === null ? '' : medians(latency),
      latency === null ? '' : factor(latency),
    ];
  });
  return renderTable(['endpoint', 'verdict', 'compared', 'different', 'errors', 'median', 'time'], rows, WIDTH);
}

function fieldTable(title: string, endpoints: readonly EndpointReport[], which: 'fields' | 'noise'): string[] {
  const all = placeRows(endpoints, which);
  if (all.length === 0) return [];
  // Who may not see values gets none.
  const hasExamples = which === 'fields' && all.some(({ field }) => field.examples.length > 0);
  const rows = all.slice(0, SHOWN).map((row) => {
    const examples = hasExamples ? [examplesOf(row.field).join('\n')] : [];
    return [row.endpoints, placeOf(row.field), part(row.count, row.share), ...examples, row.because];
  });
  const lines = [`${title}:`, renderTable(['endpoint', 'where', 'exchanges', ...(hasExamples ? ['production | mirror'] : []), 'because'], rows, WIDTH)];
  if (all.length > SHOWN) lines.push(`  and ${count(all.length - SHOWN)} more places (-o json has them all)`);
  if (which === 'fields' && !hasExamples) lines.push(UNSEEN);
  if (hasExamples && all.some(({ field }) => field.examples.some(({ production, mirror }) => production === mirror))) lines.push(MASKED);
  return lines;
}
