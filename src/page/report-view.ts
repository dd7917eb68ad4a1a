import type { Counts, EndpointReport, FieldReport, LatencyReport, PolicyReport } from '../compare/report.ts';
import { count, duration, probability, share, times } from './format.ts';
import { html, nothing, repeat, type TemplateResult } from './html.ts';
import type { Part } from './model.ts';
import { badge, bar, change, code, empty, fits, numbers, table, verdictBadge } from './parts.ts';

/** What comparing answers has shown: verdicts, why, and which fields differ. */
export const reportView: Part = (model) => {
  const { report, search } = model;
  if (report === null) return empty('No report yet', 'The agent has not told one yet; it is asked every few seconds.');
  if (report.policies.length === 0) {
    return empty(
      'No policy compares anything',
      html`Add ${code('compare: {}')} to the spec of a MirrorPolicy: answers of production and of the mirror are then held against each other.`,
    );
  }
  const cards = report.policies.map((policy) => policyCard(policy, search));
  return cards.every((one) => one === nothing) ? empty('Nothing fits', 'No policy or endpoint has what you search for.') : cards;
};

function policyCard(policy: PolicyReport, search: string): unknown {
  const { counts, reasons, since } = policy;
  const isFitting = fits(search, policy.policy, policy.target);
  const endpoints = policy.endpoints.filter(
    ({ method, template, fields }) => isFitting || fits(search, `${method} ${template}`, ...fields.map(({ where }) => where)),
  );
  if (endpoints.length === 0 && !isFitting) return nothing;
  const role = policy.role === 'Baseline' ? html` ${badge('baseline: shows what is noise', 'quiet')}` : nothing;
  return html`<section class="card">
    <header class="card-head">
      <h2>${code(policy.policy)} <span class="soft">to</span> ${code(policy.target)}${role}</h2>
      ${verdictBadge(policy.verdict)}
    </header>
    <ul class="reasons">${reasons.map((reason) => html`<li>${reason}</li>`)}</ul>
    ${figures(counts)}
    <p class="soft">Compared since ${since}.${policy.folded === 0 ? nothing : ` ${count(policy.folded)} more endpoints are summed up, because there were too many.`}</p>
    ${repeat(endpoints, ({ method, template }) => `${method} ${template}`, endpointDetails)}
  </section>`;
}

function figures(counts: Counts): TemplateResult {
  const { compared, equal, noise, different, notCompared } = counts;
  const left = Object.entries(notCompared).filter(([, of]) => of > 0);
  const part = (name: string, of: number, kind: string): TemplateResult =>
    html`<div><dt>${name}</dt><dd>${count(of)} ${bar(compared === 0 ? 0 : of / compared, kind)}</dd></div>`;
  return html`<dl class="figures">
      ${part('compared', compared, '')}${part('equal', equal, 'good')}${part('noise only', noise, 'good')}${part('different', different, 'bad')}
    </dl>
    ${left.length === 0 ? nothing : html`<p class="soft">Not compared: ${left.map(([why, of]) => `${why} ${count(of)}`).join(', ')}.</p>`}`;
}

function endpointDetails(endpoint: EndpointReport): TemplateResult {
  const { method, template, verdict, reasons, counts, fields, noise, errors, latency } = endpoint;
  return html`<details class="endpoint" data-row ?open=${verdict === 'differs'}>
    <summary>
      <span class="endpoint-name">${code(`${method} ${template}`)}</span>
      ${verdictBadge(verdict)}
      <span class="soft figures-line">${count(counts.compared)} compared, ${share(counts.differentShare)} different${latency === null ? '' : `, latency ${times(latency.ratio.estimate)}`}</span>
    </summary>
    <ul class="reasons">${reasons.map((reason) => html`<li>${reason}</li>`)}</ul>
    ${fields.length === 0 ? nothing : html`<h3>Differing fields</h3>${fieldTable(`Differing fields of ${method} ${template}`, fields)}`}
    ${noise.length === 0 ? nothing : html`<h3>Taken for noise</h3>${fieldTable(`Noise of ${method} ${template}`, noise)}`}
    <p class="soft">
      Errors: production ${count(errors.production)}, mirror ${count(errors.mirror)} of ${count(errors.answered)}.
      ${latency === null ? nothing : median(latency)}
    </p>
  </details>`;
}

function median({ production, mirror, verdict, pValue, tested }: LatencyReport): string {
  return `Median: production ${duration(production.p50)}, mirror ${duration(mirror.p50)} (${verdict}, ${probability(pValue)}, ${count(tested)} pairs).`;
}

function fieldTable(caption: string, fields: readonly FieldReport[]): TemplateResult {
  return table(
    caption,
    ['where', 'kind', ...numbers('exchanges', 'share'), 'production → mirror', 'why'],
    fields.map(({ where, kind, count: of, share: part, examples, because, undecided }) => [
      html`${code(where)}${undecided ? html` ${badge('not decided yet', 'quiet', '…')}` : nothing}`,
      kind,
      count(of),
      share(part),
      examples.map(({ production, mirror }) => change(production, mirror)),
      html`<span class="wide">${because}</span>`,
    ]),
  );
}
