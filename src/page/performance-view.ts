import type { ClientLoad, EndpointLoad } from '../observe/data.ts';
import { quantileOf } from '../sketch/histogram.ts';
import { bytes, count, duration, rate, share } from './format.ts';
import { html, nothing, type TemplateResult } from './html.ts';
import type { Part } from './model.ts';
import { badge, bar, card, code, empty, fits, numbers, table } from './parts.ts';

const MOST_ROWS = 200;
/** Rank correlation from which latency is said to rise with concurrency. */
const RISES = 0.5;

/** Who is slow, who is busy, who is overloaded: of the pods whose policy observes them. */
export const performanceView: Part = ({ insight, search }) => {
  if (insight === null) return empty('Nothing known yet', 'The agent has not told yet; it is asked every few seconds.');
  const { endpoints, clients, folded } = insight.observe;
  if (endpoints.length === 0) {
    return empty('No pod is observed', html`Add ${code('observe: true')} to the spec of a MirrorPolicy: rate, errors and latency of its pods are then measured, mirrored or not.`);
  }
  const shown = endpoints.filter(({ endpoint, method, template }) => fits(search, endpoint, `${method} ${template}`));
  return html`
    ${card('Slowest endpoints', shown.length === 0 ? empty('Nothing fits', 'No endpoint has what you search for.') : slowest(shown))}
    ${folded === 0 ? nothing : html`<p class="soft">${count(folded)} requests of further endpoints are summed up, because there were too many.</p>`}
    ${card('Largest contents', largest(shown))}
    ${card('Busiest clients', busiest(clients.filter(({ endpoint, address }) => fits(search, endpoint, address))))}
  `;
};

function slowest(endpoints: readonly EndpointLoad[]): TemplateResult {
  const rows = endpoints.map((endpoint) => ({ endpoint, p99: quantileOf(endpoint.complete, 0.99) })).sort((a, b) => (b.p99 || 0) - (a.p99 || 0));
  return table(
    'Endpoints, the slowest first',
    ['pod and port', 'endpoint', ...numbers('a second', 'requests', 'errors', 'first byte p50', 'p50', 'p90', 'p99', 'at once: mean', 'most'), 'with load'],
    rows.slice(0, MOST_ROWS).map(({ endpoint: { endpoint, port, method, template, firstByte, complete, concurrency, ...load }, p99 }) => {
      const errors = load.statuses[4] + load.unanswered;
      return [
        code(`${endpoint}:${port}`),
        code(`${method} ${template}`),
        rate(load.rate),
        count(load.requests),
        errors === 0 ? '0' : html`<strong>${share(errors / Math.max(1, load.requests))}</strong>`,
        duration(quantileOf(firstByte, 0.5)),
        duration(quantileOf(complete, 0.5)),
        duration(quantileOf(complete, 0.9)),
        html`<strong>${duration(p99)}</strong>`,
        concurrency.mean.toFixed(1),
        count(concurrency.most),
        saturationOf(load.saturation),
      ];
    }),
  );
}

function saturationOf(saturation: number | null): TemplateResult {
  if (saturation === null) return html`<span class="soft">too little data</span>`;
  return saturation >= RISES ? badge(`slows down (${saturation.toFixed(2)})`, 'warn', '▲') : html`<span class="soft">steady (${saturation.toFixed(2)})</span>`;
}

function largest(endpoints: readonly EndpointLoad[]): TemplateResult {
  const largestOf = ({ largestRequest, largestResponse }: EndpointLoad): number => Math.max(largestRequest, largestResponse);
  const rows = [...endpoints].sort((a, b) => largestOf(b) - largestOf(a)).slice(0, 20);
  return table(
    'Endpoints with the largest contents',
    ['pod and port', 'endpoint', ...numbers('largest request', 'largest answer', 'mean request', 'mean answer')],
    rows.map(({ endpoint, port, method, template, requests, requestBytes, responseBytes, largestRequest, largestResponse }) => [
      code(`${endpoint}:${port}`),
      code(`${method} ${template}`),
      bytes(largestRequest),
      bytes(largestResponse),
      bytes(requestBytes / Math.max(1, requests)),
      bytes(responseBytes / Math.max(1, requests)),
    ]),
  );
}

function busiest(clients: readonly ClientLoad[]): TemplateResult {
  if (clients.length === 0) return empty('No clients', 'None is known, or none fits what you search for.');
  const most = Math.max(...clients.map((client) => client.count));
  const rows = [...clients].sort((a, b) => b.count - a.count).slice(0, 50);
  return table(
    'Busiest clients',
    ['client', 'of', ...numbers('requests', 'at least'), 'compared with the busiest'],
    rows.map(({ endpoint, address, count: of, error }) => [code(address), code(endpoint), count(of), count(of - error), html`<span class="bar-cell">${bar(of / most)}</span>`]),
  );
}
