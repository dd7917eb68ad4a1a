import { count, share } from './format.ts';
import { BAR, kindOf, layOut } from './flow-layout.ts';
import { html, svg, type TemplateResult } from './html.ts';
import type { Exit, LedgerFlow } from './ledger-flow.ts';
import { bar } from './parts.ts';

/** The ledger as a picture, and the same as a table: for narrow screens, and for whoever would rather read. */
export function flowView(flow: LedgerFlow): TemplateResult {
  return html`
    ${picture(flow)}
    <details class="flow-details"><summary>The same as a table</summary>${flowTable(flow)}</details>
    <div class="flow-narrow">${flowTable(flow)}</div>
  `;
}

function picture(flow: LedgerFlow): TemplateResult {
  const { width, height, stations, bands, exits } = layOut(flow);
  const [seen] = flow.requests;
  return html`<svg class="flow" viewBox="0 0 ${width} ${height}" role="img" aria-label=${inWords(flow)}>
    ${bands.map(({ path, kind }) => svg`<path class="band ${kind}" d=${path}></path>`)}
    ${stations.map(
      ({ station, x, y, height: tall }) => svg`<g>
        <rect class="station" x=${x} y=${y} width=${BAR} height=${tall} rx="2"></rect>
        <text class="name" x=${x} y="16">${station.name}</text>
        <text class="figure" x=${x} y="38">${count(station.count)}</text>
      </g>`,
    )}
    ${exits.map(
      ({ exit, x, y, height: tall, isResult, textY }) => svg`<g>
        <title>${detail(exit, seen.count)}</title>
        <rect class="end ${isResult ? kindOf(exit.name) : 'exit'}" x=${x} y=${y} width="5" height=${tall} rx="1"></rect>
        <text class="exit-name" x=${x + 11} y=${textY + 4}>${exit.name} <tspan class="exit-count">${count(exit.count)}</tspan></text>
      </g>`,
    )}
  </svg>`;
}

function flowTable({ requests, copies }: LedgerFlow): TemplateResult {
  const [seen] = requests;
  const line = (name: string, value: number, of: number, kind: string, reasons = ''): TemplateResult => html`<tr class=${kind}>
    <th scope="row">${name}${reasons === '' ? '' : html` <span class="soft">${reasons}</span>`}</th>
    <td class="number">${count(value)}</td>
    <td class="number">${share(of === 0 ? NaN : value / of)}</td>
    <td class="bar-cell">${bar(of === 0 ? 0 : value / of, kind === 'leaves' ? 'exit' : kind)}</td>
  </tr>`;
  return html`<table class="flow-table">
    <caption class="visually-hidden">Where requests went</caption>
    <thead>
      <tr>
        <th scope="col">station</th>
        <th scope="col" class="number">count</th>
        <th scope="col" class="number">share</th>
        <th scope="col"><span class="visually-hidden">as a bar</span></th>
      </tr>
    </thead>
    <tbody>
      ${requests.map(({ name, count: here, exits }) => [
        line(name, here, seen.count, 'stays'),
        ...exits.map((exit) => line(exit.name, exit.count, seen.count, 'leaves', reasonsOf(exit))),
      ])}
      ${line(copies.name, copies.count, copies.count, 'stays')}
      ${copies.exits.map((exit) => line(exit.name, exit.count, copies.count, `leaves ${kindOf(exit.name)}`))}
    </tbody>
  </table>`;
}

function reasonsOf({ reasons }: Exit): string {
  return reasons.map(({ reason, count: of }) => `${reason} ${count(of)}`).join(', ');
}

function detail(exit: Exit, seen: number): string {
  const reasons = reasonsOf(exit);
  return `${exit.name}: ${count(exit.count)} (${share(seen === 0 ? NaN : exit.count / seen)} of what was seen)${reasons === '' ? '' : `: ${reasons}`}`;
}

function inWords({ requests, copies }: LedgerFlow): string {
  const stations = [...requests, copies].map((station) => {
    const exits = station.exits.map((exit) => `${exit.name} ${count(exit.count)}`).join(', ');
    return `${station.name} ${count(station.count)}${exits === '' ? '' : ` (${exits})`}`;
  });
  return `Where requests went: ${stations.join('; ')}`;
}
