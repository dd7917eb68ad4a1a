import type { PolicyReport } from '../compare/report.ts';
import type { AgentStats } from '../stats.ts';
import { flowView } from './flow-view.ts';
import { count, rate, share } from './format.ts';
import { html, nothing, type TemplateResult } from './html.ts';
import { ledgerFlow } from './ledger-flow.ts';
import type { Model, Part } from './model.ts';
import { badge, card, code, empty, fits, numbers, sparkline, table, verdictBadge } from './parts.ts';

/** The whole at a glance: rates, the ledger as a picture, policies, endpoints. */
export const overview: Part = (model) => {
  const { stats, report } = model;
  if (stats === null) return empty('Waiting for the agent', 'It has not answered yet. It is asked again every second.');
  return html`
    ${tiles(model, stats)}
    ${card('Where requests went', stats.ledger.seen === 0 ? nothingSeen() : flowView(ledgerFlow(stats.ledger, report)))}
    ${card('Policies', policies(model, stats))}
    ${card('What is tapped', endpoints(model, stats))}
  `;
};

function tiles({ rates, report, insight }: Model, { ledger }: AgentStats): TemplateResult {
  // A baseline shows what is noise, and says nothing of the new version.
  const mirrors = (report?.policies ?? []).filter(({ role }) => role === 'Mirror');
  const compared = mirrors.reduce((sum, { counts }) => sum + counts.compared, 0);
  const different = mirrors.reduce((sum, { counts }) => sum + counts.different, 0);
  const findings = insight?.findings.findings ?? [];
  const serious = findings.filter(({ severity }) => severity === 'high').length;
  const differing = compared === 0 ? 'nothing compared yet' : `${count(different)} of ${count(compared)} compared`;
  return html`<div class="tiles">
    ${rateTile('seen', rates.seen, `${count(ledger.seen)} in all`)}
    ${rateTile('mirrored', rates.sent, `${count(ledger.open)} under way`)}
    ${tile('different answers', share(different / compared), nothing, differing)}
    ${tile('findings', count(findings.length), nothing, serious === 0 ? 'none is serious' : `${count(serious)} of high severity`)}
  </div>`;
}

function rateTile(what: string, points: readonly number[], note: string): TemplateResult {
  return tile(`${what} a second`, rate(points.at(-1) ?? NaN), sparkline(points, `requests ${what} a second, last two minutes`), note);
}

function tile(name: string, value: string, picture: unknown, note: string): TemplateResult {
  return html`<div class="tile"><p class="tile-name">${name}</p><p class="tile-value">${value}</p>${picture}<p class="soft">${note}</p></div>`;
}

function nothingSeen(): TemplateResult {
  return empty(
    'No requests yet',
    html`The taps are quiet. Send a request to a tapped endpoint; it shows here within a second. If it does not, ${code('shadowtap doctor')} says what this node can do.`,
  );
}

function policies({ rates, report, search }: Model, stats: AgentStats): TemplateResult {
  const all = stats.sampleShares.filter(({ policy }) => fits(search, policy));
  if (stats.sampleShares.length === 0) {
    return empty('No policies', html`Nothing is mirrored until a MirrorPolicy selects pods of this node. ${code('examples/')} has some to start from.`);
  }
  if (all.length === 0) return empty('No policy fits', 'Change what you search for.');
  const rows = all.map(({ policy, share: adaptive }) => {
    const requests = stats.ledger.requests.filter((entry) => entry.policy === policy);
    const sum = (fit: (outcome: string) => boolean): number => requests.reduce((total, { outcome, count: of }) => (fit(outcome) ? total + of : total), 0);
    const points = rates.sentBy(policy);
    return [
      code(policy),
      html`<span class="spark-cell">${sparkline(points, `requests mirrored a second by ${policy}, last two minutes`)}</span>`,
      rate(points.at(-1) ?? NaN),
      count(sum((outcome) => outcome === 'mirrored')),
      count(sum((outcome) => outcome === 'failed')),
      count(sum((outcome) => outcome === 'shed')),
      share(adaptive),
      verdicts(report?.policies.filter((entry) => entry.policy === policy) ?? []),
    ];
  });
  return table('Policies and their rates', ['policy', 'last two minutes', ...numbers('a second', 'mirrored', 'failed', 'shed', 'of its sample'), 'verdict'], rows);
}

function verdicts(reports: readonly PolicyReport[]): unknown {
  return reports.length === 0 ? html`<span class="soft">does not compare</span>` : reports.map(({ verdict }) => html`${verdictBadge(verdict)} `);
}

function endpoints({ search }: Model, stats: AgentStats): TemplateResult {
  const shown = stats.endpoints.filter(({ name }) => fits(search, name));
  if (stats.endpoints.length === 0) return empty('Nothing is tapped', 'No policy selects a pod of this node, or none of them is here.');
  if (shown.length === 0) return empty('No endpoint fits', 'Change what you search for.');
  return table(
    'Endpoints',
    ['endpoint', 'ports', 'state'],
    shown.map(({ name, ports, attached, problem }) => [
      code(name),
      ports.join(', '),
      attached ? badge('tapped', 'good', '✓') : html`${badge('not tapped', 'bad', '!')} ${problem}`,
    ]),
  );
}
