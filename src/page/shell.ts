import type { AgentStats } from '../stats.ts';
import { findingsView } from './findings-view.ts';
import { count, share, span } from './format.ts';
import { html, nothing, type TemplateResult } from './html.ts';
import { KEYS } from './keyboard.ts';
import { latencyView } from './latency-view.ts';
import { liveView } from './live-view.ts';
import { TABS, type Actions, type Model, type Part, type Tab, type Theme } from './model.ts';
import { overview } from './overview.ts';
import { badge, searchField } from './parts.ts';
import { performanceView } from './performance-view.ts';
import { reportView } from './report-view.ts';

const VIEWS: Readonly<Record<Tab, readonly [title: string, part: Part]>> = {
  overview: ['Overview', overview],
  report: ['Report', reportView],
  live: ['Live', liveView],
  latency: ['Latency', latencyView],
  performance: ['Performance', performanceView],
  findings: ['Findings', findingsView],
};

const THEMES: Readonly<Record<Theme, readonly [sign: string, name: string]>> = {
  auto: ['◐', 'as the system'],
  light: ['☀', 'light'],
  dark: ['☾', 'dark'],
};

/** The frame around what the tabs show. */
export function shell(model: Model, actions: Actions): TemplateResult {
  const [, part] = VIEWS[model.tab];
  const [sign, theme] = THEMES[model.theme];
  return html`
    <a class="skip" href="#panel" @click=${skip}>Skip to content</a>
    <header class="top">
      <h1 class="brand">
        <svg class="logo" viewBox="0 0 32 32" aria-hidden="true">
          <circle class="logo-shadow" cx="20" cy="19" r="9"></circle>
          <circle class="logo-tap" cx="13" cy="13" r="9"></circle>
        </svg>
        Shadowtap
      </h1>
      ${health(model)}
      <div class="top-buttons">
        ${iconButton(sign, `Theme: ${theme}`, 't', () => actions.turnTheme())}
        ${iconButton('?', 'Help', '?', () => actions.toggleHelp())}
      </div>
    </header>
    <nav class="tabs-bar">${tabs(model, actions)}</nav>
    ${notice(model)}
    <main>
      <div id="panel" class="panel" role="tabpanel" tabindex="-1" aria-labelledby="tab-${model.tab}">
        ${model.tab === 'live' ? nothing : search(model, actions)}
        ${part(model, actions)}
      </div>
    </main>
    ${model.helpOpen ? help(actions) : nothing}
  `;
}

function iconButton(sign: string, name: string, key: string, onClick: () => void): TemplateResult {
  return html`<button type="button" class="button quiet" aria-label=${name} title="${name} (${key})" @click=${onClick}><span aria-hidden="true">${sign}</span></button>`;
}

function skip(event: Event): void {
  event.preventDefault();
  document.querySelector<HTMLElement>('#panel')?.focus();
}

function health({ stats, link }: Model): TemplateResult {
  return html`<ul class="health" aria-label="State of the agent">
    <li>${linkBadge(link)}</li>
    ${stats === null ? nothing : facts(stats)}
  </ul>`;
}

function linkBadge(link: Model['link']): TemplateResult {
  if (link === 'connected') return badge('agent answers', 'good', '●');
  return link === 'connecting' ? badge('connecting', 'quiet', '○') : badge('no answer', 'bad', '○');
}

function facts({ mirroring, governorShare, tap, workers, version, uptimeSeconds, cluster }: AgentStats): TemplateResult {
  return html`
    <li>${mirroring ? badge('mirroring', 'good', '✓') : badge('mirroring is off', 'warn', '!')}</li>
    ${governorShare < 1 ? html`<li>${badge(`gives way: ${share(governorShare)} is mirrored`, 'warn', '▼')}</li>` : nothing}
    ${workers.running === 0 ? html`<li>${badge('no worker runs', 'bad', '!')}</li>` : nothing}
    <li class="fact">${tap.name}</li>
    <li class="fact">${count(workers.running)} ${workers.running === 1 ? 'worker' : 'workers'}${workers.restarts > 0 ? html`, ${count(workers.restarts)} restarted` : nothing}</li>
    ${cluster === null ? nothing : html`<li class="fact">node ${cluster.node}</li>`}
    <li class="fact">${version}, up ${span(uptimeSeconds * 1000)}</li>`;
}

function tabs(model: Model, actions: Actions): TemplateResult {
  const onArrow = (event: KeyboardEvent): void => {
    const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    if (step === 0) return;
    event.preventDefault();
    const tab = TABS[(TABS.indexOf(model.tab) + step + TABS.length) % TABS.length]!;
    actions.show(tab);
    document.querySelector<HTMLElement>(`#tab-${tab}`)?.focus();
  };
  return html`<div class="tabs" role="tablist" aria-label="Views" @keydown=${onArrow}>
    ${TABS.map((tab) => {
      const isShown = tab === model.tab;
      return html`<button type="button" role="tab" id="tab-${tab}" aria-controls="panel" aria-selected=${isShown} tabindex=${isShown ? 0 : -1} @click=${() => actions.show(tab)}>
        ${VIEWS[tab][0]}${marks(tab, model)}
      </button>`;
    })}
  </div>`;
}

/** What is worth a look in a tab that is not shown. */
function marks(tab: Tab, { report, insight }: Model): unknown {
  const number =
    tab === 'report'
      ? (report?.policies ?? []).filter(({ verdict }) => verdict === 'differs').length
      : tab === 'findings'
        ? (insight?.findings.findings ?? []).filter(({ severity }) => severity === 'high').length
        : 0;
  return number === 0 ? nothing : html` <span class="mark">${number}<span class="visually-hidden"> ${tab === 'report' ? 'differ' : 'of high severity'}</span></span>`;
}

function notice({ link, stats }: Model): unknown {
  if (link === 'lost') {
    const last = stats === null ? '' : ', and what stands here is what it said last';
    return html`<p class="notice" role="alert">The agent does not answer${last}. It is asked again every second.</p>`;
  }
  if (link === 'refused') return html`<p class="notice" role="alert">The agent does not take this session any more. <a href="./">Log in again</a></p>`;
  return nothing;
}

function search({ search: text }: Model, actions: Actions): TemplateResult {
  return html`<form class="filters alone" role="search" aria-label="Filter" @submit=${(event: Event) => event.preventDefault()}>
    <label class="grow"><span class="visually-hidden">show what has</span>${searchField(text, 'Filter, such as checkout ( / )', (wanted) => actions.searchFor(wanted))}</label>
  </form>`;
}

function help(actions: Actions): TemplateResult {
  return html`<dialog class="help" aria-labelledby="help-title" @close=${() => actions.toggleHelp()}>
    <header class="card-head">
      <h2 id="help-title">Keys</h2>
      <form method="dialog"><button class="button" autofocus>Close <kbd>Esc</kbd></button></form>
    </header>
    <dl>${KEYS.map(([keys, what]) => html`<div><dt><kbd>${keys}</kbd></dt><dd>${what}</dd></div>`)}</dl>
    <p class="soft">Production is always on the left. Values are redacted as the policy says before they leave the worker.</p>
  </dialog>`;
}
