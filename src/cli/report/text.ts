import type { EndpointReport, PolicyReport, Report } from '../../compare/report.ts';
import { printable } from '../printable.ts';
import { renderTable } from '../table.ts';
import { change, count, duration, examplesOf, leftOut, nameOf, placeOf, ratio, share } from './words.ts';

/** Endpoints and places that are shown of one policy; JSON has them all. */
const SHOWN = 30;

/** For a terminal. */
export function renderText({ policies }: Report): string {
  if (policies.length === 0) return 'No policy compares anything: give one the field `compare` (docs/compare.md).\n';
  return `${policies.map(policyText).join('\n\n')}\n`;
}

function policyText(policy: PolicyReport): string {
  const { counts, endpoints } = policy;
  const lines = [
    `${policy.policy} -> ${policy.target}: ${policy.verdict.toUpperCase()}`,
    ...policy.reasons.map((reason) => `  ${reason}`),
    `  ${count(counts.compared)} compared since ${policy.since}: ${count(counts.equal)} equal, ${count(counts.noise)} but for noise, ` +
      `${count(counts.different)} different (${share(counts.differentShare)})`,
  ];
  const left = leftOut(counts);
  if (left !== '') lines.push(`  not compared: ${left}`);
  const parts = [lines.map(printable).join('\n')];
  if (endpoints.length > 0) parts.push(endpointTable(endpoints.slice(0, SHOWN)));
  if (endpoints.length > SHOWN || policy.folded > 0) parts.push(`  and ${count(endpoints.length - Math.min(SHOWN, endpoints.length))} more; ${count(policy.folded)} exchanges of still others`);
  const findings = findingTable(endpoints);
  if (findings !== '') parts.push('What differs:', findings);
  const noise = noiseTable(endpoints);
  if (noise !== '') parts.push('Taken for noise:', noise);
  return parts.join('\n');
}

function endpointTable(endpoints: readonly EndpointReport[]): string {
  const rows = endpoints.map(({ counts, errors, latency, verdict, ...name }) => [
    nameOf(name),
    verdict,
    count(counts.compared),
    count(counts.equal),
    count(counts.noise),
    count(counts.different),
    share(counts.differentShare),
    change(errors.difference),
    latency === null ? '' : `${duration(latency.production.p50)} | ${duration(latency.mirror.p50)}`,
    ratio(latency),
  ]);
  return renderTable(['endpoint', 'verdict', 'compared', 'equal', 'noise', 'different', 'share', 'errors', 'p50', 'latency'], rows);
}

function findingTable(endpoints: readonly EndpointReport[]): string {
  const rows = endpoints.flatMap((endpoint) =>
    endpoint.fields.map((field) => [nameOf(endpoint), placeOf(field), `${count(field.count)} (${share(field.share)})`, examplesOf(field).join('\n'), wrap(field.because)]),
  );
  return rows.length === 0 ? '' : renderTable(['endpoint', 'where', 'exchanges', 'production | mirror', 'because'], rows.slice(0, SHOWN));
}

function noiseTable(endpoints: readonly EndpointReport[]): string {
  const rows = endpoints.flatMap((endpoint) =>
    endpoint.noise.map((field) => [nameOf(endpoint), placeOf(field), `${count(field.count)} (${share(field.share)})`, wrap(field.because)]),
  );
  return rows.length === 0 ? '' : renderTable(['endpoint', 'where', 'exchanges', 'because'], rows.slice(0, SHOWN));
}

const WIDTH = 60;

/** A sentence in lines that fit a cell. */
function wrap(sentence: string): string {
  const lines: string[] = [];
  for (const word of sentence.split(' ')) {
    const last = lines.at(-1);
    if (last === undefined || last.length + word.length >= WIDTH) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines.join('\n');
}
