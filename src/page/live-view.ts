import type { LiveExchange } from '../worker/live-exchange.ts';
import { exchangeView, verdictOf } from './exchange-view.ts';
import { clock, count, duration, rate } from './format.ts';
import { html, nothing, repeat, type TemplateResult } from './html.ts';
import type { Actions, LiveRow, Model, Part } from './model.ts';
import { empty, searchField } from './parts.ts';

/** Exchanges as they happen: a list that stays still while one of it is read, and that one, both sides beside each other. */
export const liveView: Part = (model, actions) => {
  const { live } = model;
  return html`
    ${filters(model, actions)}
    <div class="live ${live.selected === null ? '' : 'with-detail'}">
      <section class="card live-list" aria-label="Exchanges">
        ${live.rows.length === 0 ? nothingYet(model) : html`<ol class="rows">${repeat(live.rows, ({ id }) => id, (row) => rowView(row, live.selected, actions))}</ol>`}
      </section>
      ${live.selected === null
        ? nothing
        : html`<section class="card live-detail" aria-label="The chosen exchange">${exchangeView(live.selected.exchange, () => actions.select(null))}</section>`}
    </div>
  `;
};

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
const CLASSES = [1, 2, 3, 4, 5].map((digit) => [String(digit), `${digit}xx`] as const);

function filters({ live, stats, report }: Model, actions: Actions): TemplateResult {
  const { filter, paused } = live;
  const policies = choices(filter.policy, (stats?.sampleShares ?? []).map(({ policy }) => policy));
  const templates = choices(filter.template, (report?.policies ?? []).flatMap(({ endpoints }) => endpoints.map(({ template }) => template)));
  const onOnlyDifferent = (event: Event): void => actions.filter({ onlyDifferent: (event.target as HTMLInputElement).checked });
  return html`<form class="filters" role="search" aria-label="Filter exchanges" @submit=${(event: Event) => event.preventDefault()}>
    <label class="grow">path has${searchField(filter.text, 'press / to filter', (text) => actions.filter({ text }))}</label>
    ${select('policy', filter.policy, policies, (policy) => actions.filter({ policy }))}
    ${select('endpoint', filter.template, templates, (template) => actions.filter({ template }))}
    ${select('method', filter.method, choices(filter.method, METHODS), (method) => actions.filter({ method }))}
    ${select('status', String(filter.statusClass), [['0', 'all'], ...CLASSES], (value) => actions.filter({ statusClass: Number(value) }))}
    <label class="check"><input type="checkbox" .checked=${filter.onlyDifferent} @change=${onOnlyDifferent}>only different</label>
    <button type="button" class="button" aria-pressed=${paused} @click=${() => actions.pause(!paused)}>${paused ? '▶ Go on' : '❚❚ Pause'}</button>
    <p class="soft live-state" role="status">${stateOf(live)}</p>
  </form>`;
}

function stateOf({ paused, connected, selected, matchedRate, leftRate, missed }: Model['live']): string {
  if (paused) return selected === null ? 'Paused.' : 'Paused while you read; p goes on.';
  if (!connected) return 'Connecting…';
  const shown = leftRate > 0 ? `${rate(Math.max(0, matchedRate - leftRate))} of ${rate(matchedRate)} a second are shown` : `${rate(matchedRate)} a second`;
  return missed > 0 ? `${shown}; ${count(missed)} batches were left out, because this page was too slow` : shown;
}

function nothingYet({ live, report }: Model): TemplateResult {
  if (live.paused) return empty('Paused', 'Press p to go on.');
  if (report !== null && report.policies.length === 0) return empty('No policy compares anything', html`Exchanges show here once a policy has <code>compare: {}</code>.`);
  return empty('Nothing yet', 'Exchanges show here as soon as production and its mirror have answered one that fits the filters.');
}

function rowView(row: LiveRow, selected: LiveRow | null, actions: Actions): TemplateResult {
  const { exchange } = row;
  const { atMs, method, path, production, mirror } = exchange;
  return html`<li>
    <button type="button" class="row" data-row data-id=${row.id} aria-pressed=${selected?.id === row.id} @click=${() => actions.select(row)}>
      <span class="row-time">${clock(atMs)}</span>
      <span class="row-verdict">${verdictOf(exchange)}</span>
      <span class="row-path"><span class="method">${method}</span> ${path}</span>
      <span class="row-status">${statusOf(exchange)}</span>
      <span class="row-times">${duration(production?.completeUs ?? -1)}<span class="soft"> | ${duration(mirror?.completeUs ?? -1)}</span></span>
    </button>
  </li>`;
}

/** Production's status and, where it is another, the mirror's. */
function statusOf({ production, mirror, outcome }: LiveExchange): unknown {
  const before = production === null ? '–' : String(production.status);
  if (mirror === null) return html`${before} → ${outcome}`;
  return production?.status === mirror.status ? before : html`${before} → <strong>${mirror.status}</strong>`;
}

type Choice = readonly [value: string, text: string];

/** All, each of what there is, and what is chosen even if it is there no more. */
function choices(chosen: string, values: readonly string[]): Choice[] {
  const all = new Set([...values, ...(chosen === '' ? [] : [chosen])]);
  return [['', 'all'], ...[...all].sort().map((value): Choice => [value, value])];
}

function select(name: string, value: string, options: readonly Choice[], onChange: (value: string) => void): TemplateResult {
  return html`<label>${name}<select @change=${(event: Event) => onChange((event.target as HTMLSelectElement).value)}>
    ${options.map(([of, text]) => html`<option value=${of} ?selected=${of === value}>${text}</option>`)}
  </select></label>`;
}
