import type { LiveAnswer, LiveExchange } from '../worker/live-exchange.ts';
import { diffLines } from './diff-lines.ts';
import { bytes, clock, duration } from './format.ts';
import { html, nothing, type TemplateResult } from './html.ts';
import { indent } from './indent.ts';
import { badge, change, code, table } from './parts.ts';

/** Both sides of an exchange beside each other, with what differs marked. */
export function exchangeView(exchange: LiveExchange, close: () => void): TemplateResult {
  const { method, path, policy, target, atMs, outcome, differences, production, mirror } = exchange;
  return html`
    <header class="card-head">
      <h2 class="exchange-title"><span class="method">${method}</span> ${path}</h2>
      <button type="button" class="button" @click=${close}>Close <kbd>Esc</kbd></button>
    </header>
    <p class="soft">${clock(atMs)} · ${code(policy)} to ${code(target)} · copy ${outcome} · ${verdictOf(exchange)}</p>
    ${differences.length === 0 ? nothing : differencesTable(exchange)}
    <div class="sides">
      <div class="sides-head"><span>Production</span><span>Mirror</span></div>
      ${line('status', textOf(production, ({ status }) => String(status)), textOf(mirror, ({ status }) => String(status)))}
      ${line('first byte', textOf(production, ({ firstByteUs }) => duration(firstByteUs)), textOf(mirror, ({ firstByteUs }) => duration(firstByteUs)), false)}
      ${line('last byte', textOf(production, ({ completeUs }) => duration(completeUs)), textOf(mirror, ({ completeUs }) => duration(completeUs)), false)}
      ${fieldLines(production?.headers ?? [], mirror?.headers ?? [])}
      ${fieldLines(production?.trailers ?? [], mirror?.trailers ?? [])}
      ${line('content', textOf(production, contentOf), textOf(mirror, contentOf), false)}
    </div>
    ${bodies(production, mirror)}
  `;
}

export function verdictOf({ verdict, differences }: LiveExchange): TemplateResult {
  if (verdict === 'equal') return badge('equal', 'good', '=');
  if (verdict === 'noise') return badge('noise only', 'good', '≈');
  if (verdict === 'different') return badge(differences.length > 1 ? `${differences.length} differ` : 'differs', 'bad', '≠');
  return badge(verdict, 'quiet', '–');
}

function differencesTable({ differences }: LiveExchange): TemplateResult {
  return html`<h3>What differs</h3>${table(
    'What differs',
    ['where', 'kind', 'production → mirror'],
    differences.map(({ where, kind, production, mirror }) => [code(where), kind, change(production, mirror)]),
  )}`;
}

const NONE = '(nothing)';

function textOf(answer: LiveAnswer | null, read: (answer: LiveAnswer) => string): string {
  return answer === null ? NONE : read(answer);
}

function contentOf({ bodyBytes }: LiveAnswer): string {
  return bytes(bodyBytes);
}

/** @param isJudged whether that they differ says anything */
function line(name: string, production: string, mirror: string, isJudged = true): TemplateResult {
  const differs = isJudged && production !== mirror;
  return html`<div class="side-line ${differs ? 'differs' : ''}">
    <span class="side-name">${name}${differs ? html`<span class="visually-hidden"> differs</span>` : nothing}</span>
    <span class="side production">${production}</span>
    <span class="side mirror">${mirror}</span>
  </div>`;
}

/** Headers by name, in production's order; the values of one name are one text. */
function fieldLines(production: readonly string[], mirror: readonly string[]): TemplateResult[] {
  const [left, right] = [fields(production), fields(mirror)];
  const names = [...new Set([...left.keys(), ...right.keys()])];
  return names.map((name) => line(name, left.get(name) ?? NONE, right.get(name) ?? NONE));
}

function fields(flat: readonly string[]): Map<string, string> {
  const byName = new Map<string, string>();
  for (let i = 0; i + 1 < flat.length; i += 2) {
    const name = flat[i]!.toLowerCase();
    const before = byName.get(name);
    byName.set(name, before === undefined ? flat[i + 1]! : `${before}, ${flat[i + 1]!}`);
  }
  return byName;
}

function bodies(production: LiveAnswer | null, mirror: LiveAnswer | null): unknown {
  const [left, right] = [production?.body ?? null, mirror?.body ?? null];
  if (left === null && right === null) return html`<p class="soft">Contents are not shown: the agent's ${code('page.bodies')} is off, or there are none.</p>`;
  const notes = [left?.note ?? '', right?.note ?? ''];
  const rows = diffLines(indent(left?.text ?? ''), indent(right?.text ?? ''));
  return html`<h3>Content</h3>
    ${notes.every((note) => note === '') ? nothing : html`<p class="soft">Production: ${notes[0] || 'whole'}; mirror: ${notes[1] || 'whole'}.</p>`}
    <div class="scroll bodies" role="region" tabindex="0" aria-label="Contents of both sides">
      <table class="diff">
        <caption class="visually-hidden">Contents, line by line</caption>
        <thead class="visually-hidden"><tr><th scope="col">production</th><th scope="col">mirror</th></tr></thead>
        <tbody>
          ${rows.map(({ production: before, mirror: after }) => html`<tr class=${before === after ? '' : 'differs'}>
            <td class="production">${before ?? ''}</td><td class="mirror">${after ?? ''}</td>
          </tr>`)}
        </tbody>
      </table>
    </div>`;
}
