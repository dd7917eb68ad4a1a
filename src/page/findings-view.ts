import type { Finding, Severity } from '../findings/data.ts';
import { clock, count, span } from './format.ts';
import { html, nothing, type TemplateResult } from './html.ts';
import type { Part } from './model.ts';
import { badge, card, code, empty, fits, numbers, table } from './parts.ts';

const ORDER: readonly Severity[] = ['high', 'medium', 'low', 'info'];
const SIGNS: Readonly<Record<Severity, readonly [kind: string, sign: string]>> = {
  high: ['bad', '▲'],
  medium: ['warn', '▲'],
  low: ['quiet', '●'],
  info: ['quiet', '○'],
};

/** Attacks and faults that were found in the traffic, the gravest and newest first. */
export const findingsView: Part = ({ insight, search }) => {
  if (insight === null) return empty('Nothing known yet', 'The agent has not told yet; it is asked every few seconds.');
  const { findings, totals, unlisted } = insight.findings;
  if (findings.length === 0) {
    return empty('No findings', html`Nothing looked like an attack or a fault. Pods are looked at where a policy of theirs has ${code('observe: true')}.`);
  }
  const shown = findings
    .filter(({ rule, evidence, source, endpoint, template, method }) => fits(search, rule, evidence, source, endpoint, `${method} ${template}`))
    .sort((a, b) => ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity) || b.lastMs - a.lastMs);
  const byRule = Object.entries(totals).sort(([, a], [, b]) => b - a);
  const columns = ['severity', 'rule', 'evidence', 'client', 'where', ...numbers('count'), 'first seen', 'last seen'];
  return html`
    ${card('Findings', shown.length === 0 ? empty('Nothing fits', 'No finding has what you search for.') : table('Findings', columns, shown.map(row)))}
    ${card(
      'By rule, since the agent started',
      html`<div class="short">${table('Findings by rule', ['rule', ...numbers('count')], byRule.map(([rule, of]) => [code(rule), count(of)]))}</div>`,
    )}
    ${unlisted === 0 ? nothing : html`<p class="soft">${count(unlisted)} occurrences of findings that are no longer listed are counted in the table by rule.</p>`}
  `;
};

function row({ severity, rule, evidence, source, endpoint, method, template, firstMs, lastMs, count: of }: Finding): unknown[] {
  const [kind, sign] = SIGNS[severity] ?? ['quiet', '?'];
  return [
    badge(severity, kind, sign),
    code(rule),
    html`<span class="evidence">${evidence}</span>`,
    source === '' ? html`<span class="soft">many</span>` : code(source),
    html`${code(endpoint)}<br>${code(`${method} ${template}`)}`,
    count(of),
    when(firstMs),
    when(lastMs),
  ];
}

function when(ms: number): TemplateResult {
  return html`<time datetime=${Number.isFinite(ms) ? new Date(ms).toISOString() : ''} title=${clock(ms)}>${span(Date.now() - ms)} ago</time>`;
}
