import type { Verdict } from '../compare/report.ts';
import { html, nothing, svg, type TemplateResult } from './html.ts';

/** Small things that several views are made of. */

const BADGES: Readonly<Record<Verdict, readonly [kind: string, sign: string]>> = {
  'looks safe': ['good', '✓'],
  differs: ['bad', '≠'],
  'too little data': ['quiet', '…'],
};

/** A word with a sign before it, so that colour is never all that tells. */
export function badge(text: string, kind: string, sign = ''): TemplateResult {
  return html`<span class="badge ${kind}">${sign === '' ? nothing : html`<span aria-hidden="true">${sign}</span> `}${text}</span>`;
}

export function verdictBadge(verdict: Verdict): TemplateResult {
  const [kind, sign] = BADGES[verdict] ?? ['quiet', '?'];
  return badge(verdict, kind, sign);
}

/** Where there is nothing: why, and what to do. */
export function empty(title: string, advice: unknown): TemplateResult {
  return html`<div class="empty"><p class="empty-title">${title}</p><p>${advice}</p></div>`;
}

/** A line of the last minutes; what it says stands beside it as a number. */
export function sparkline(points: readonly number[], label: string): TemplateResult {
  const top = Math.max(1e-9, ...points);
  const step = 100 / Math.max(1, points.length - 1);
  const path = points.map((value, i) => `${i === 0 ? 'M' : 'L'}${(i * step).toFixed(1)} ${(22 - (value / top) * 20).toFixed(1)}`).join('');
  return html`<svg class="sparkline" viewBox="0 0 100 24" preserveAspectRatio="none" role="img" aria-label=${label}>
    ${points.length < 2 ? nothing : svg`<path class="area" d="${path}L100 24L0 24Z"></path><path class="line" d=${path}></path>`}
  </svg>`;
}

/** A part of a whole, as a bar. */
export function bar(part: number, kind = ''): TemplateResult {
  const percent = Math.min(100, Math.max(part > 0 ? 0.5 : 0, part * 100)).toFixed(2);
  return html`<svg class="bar ${kind}" aria-hidden="true"><rect class="track" width="100%" height="100%" rx="3"></rect><rect class="fill" width="${percent}%" height="100%" rx="3"></rect></svg>`;
}

/** A table that scrolls by itself where room is short; the keyboard can do so, too. */
export function table(caption: string, head: readonly (string | Column)[], rows: readonly (readonly unknown[])[]): TemplateResult {
  const columns = head.map((column) => (typeof column === 'string' ? { name: column } : column));
  return html`<div class="scroll" role="region" tabindex="0" aria-label=${caption}>
    <table>
      <caption class="visually-hidden">${caption}</caption>
      <thead><tr>${columns.map(({ name, number }) => html`<th scope="col" class=${number === true ? 'number' : ''}>${name}</th>`)}</tr></thead>
      <tbody>
        ${rows.map((row) => html`<tr>${row.map((cell, i) => html`<td class=${columns[i]?.number === true ? 'number' : ''}>${cell}</td>`)}</tr>`)}
      </tbody>
    </table>
  </div>`;
}

export interface Column {
  readonly name: string;
  /** Right-aligned. */
  readonly number?: boolean;
}

/** Columns of numbers. */
export function numbers(...names: string[]): Column[] {
  return names.map((name) => ({ name, number: true }));
}

/** Something out of the traffic. */
export function code(text: string): TemplateResult {
  return html`<code>${text}</code>`;
}

/** One value beside the other. */
export function change(production: string, mirror: string): TemplateResult {
  return html`<span class="change"><del>${production === '' ? '(nothing)' : production}</del> <span aria-hidden="true">→</span> <ins>${mirror === '' ? '(nothing)' : mirror}</ins></span>`;
}

/** Where the key `/` leads to. */
export function searchField(text: string, hint: string, onInput: (text: string) => void): TemplateResult {
  const listener = (event: Event): void => onInput((event.target as HTMLInputElement).value);
  return html`<input id="search" type="search" autocomplete="off" spellcheck="false" maxlength="200" placeholder=${hint} .value=${text} @input=${listener}>`;
}

export function card(title: string, content: unknown, aside: unknown = nothing): TemplateResult {
  return html`<section class="card"><header class="card-head"><h2>${title}</h2>${aside}</header>${content}</section>`;
}

/** Whether a text has what is looked for, in any case of letters. */
export function fits(search: string, ...texts: readonly string[]): boolean {
  const wanted = search.trim().toLowerCase();
  return wanted === '' || texts.some((text) => text.toLowerCase().includes(wanted));
}
