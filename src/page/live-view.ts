import type { LiveExchange } from '../worker/live-exchange.ts';
import { exchangeView, verdictOf } from './exchange-view.ts';
import { clock, count, duration, rate } from './format.ts';
import { html, nothing, repeat, type TemplateResult } from './html.ts';
import type { Actions, LiveRow, Model, Part } from './model.ts';
import { empty } from './parts.ts';

/** Exchanges as they happen: a list that stays still while one of it is read, and that one, both sides beside each other. */
export const liveView: Part = (model, actions) => {
  const { live } = model;
  return html`
    ${filters(model, actions)}
    <div class="live ${live.selected === null ? '' : 'with-detail'}">
      <section class="card live-list" aria-label="Exchanges">
        ${live.rows.length === 0 ? nobody(model) : html`<ol class="rows">${repeat(live.rows, ({ id }) => id, (row) => rowView(row, live.selected, actions))}</ol>`}
      </section>
      ${live.selected === null ? nothing : html`<section class="card live-detail" aria-label="The chosen exchange">${exchangeView(live.selected.exchange, () => actions.select(null))}</section>`}
    </div>
  `;
};

function filters({ live, stats, report }: Model, actions: Actions): TemplateResult {
  const { filter, paused } = live;
  const policies = [...new Set([...(stats?.sampleShares ?? []).map(({ policy }) => policy), ...(filter.policy === '' ? [] : [filter.policy])])];
  const templates = [...new Set([...(report?.policies ?? []).flatMap(({ endpoints }) => endpoints.map(({ template }) => template)), ...(filter.template === '' ? [] : [filter.template])])].sort();
  const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
  const classes = [1, 2, 3, 4, 5].map((digit) => [String(digit), `${digit}xx`] as const);
  return html`<form class="filters" role="search" aria-label="Filter exchanges" @submit=${(event: Event) => event.preventDefault()}>
    <label class="grow">path has<input id="search" type="search" autocomplete="off" spellcheck="false" maxlength="200" placeholder="press / to filter" .value=${filter.text} @input=${(event: Event) => actions.filter({ text: valueOf(event) })}></label>
    ${select('policy', filter.policy, [['', 'all'], ...policies.map((policy) => [policy, policy] as const)], (policy) => actions.filter({ policy }))}
    ${select('endpoint', filter.template, [['', 'all'], ...templates.map((template) => [template, template] as const)], (template) => actions.filter({ template }))}
    ${select('method', filter.method, [['', 'all'], ...methods.map((method) => [method, method] as const)], (method) => actions.filter({ method }))}
    ${select('status', String(filter.statusClass), [['0', 'all'], ...classes], (value) => actions.filter({ statusClass: Number(value) }))}
    <label class="check"><input type="checkbox" .checked=${filter.onlyDifferent} @change=${(event: Event) => actions.filter({ onlyDifferent: (event.target as HTMLInputElement).checked })}>only different</label>
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

function nobody({ live, report }: Model): TemplateResult {
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

function select(name: string, value: string, options: readonly (readonly [value: string, text: string])[], onChange: (value: string) => void): TemplateResult {
  return html`<label>${name}<select @change=${(event: Event) => onChange(valueOf(event))}>
    ${options.map(([of, text]) => html`<option value=${of} ?selected=${of === value}>${text}</option>`)}
  </select></label>`;
}

function valueOf(event: Event): string {
  return (event.target as HTMLInputElement | HTMLSelectElement).value;
}
