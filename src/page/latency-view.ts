import type { LatencyReport } from '../compare/report.ts';
import './chart.ts';
import type { Chart } from './chart.ts';
import { count, duration, probability, share, times } from './format.ts';
import { html, nothing, type TemplateResult } from './html.ts';
import type { Actions, Model, Part } from './model.ts';
import { summarise, type PairSummary, type TimeSeries } from './pairs.ts';
import { badge, card, code, empty, fits, numbers, table } from './parts.ts';
import { endpointsOf, rowKey, type ReportRow } from './report-rows.ts';

/** How long production takes and how long the mirror, request by request. */
export const latencyView: Part = (model, actions) => {
  const { report, search, chosen } = model;
  if (report === null) return empty('No report yet', 'The agent has not told one yet; it is asked every few seconds.');
  const rows = endpointsOf(report).filter(({ endpoint }) => endpoint.latency !== null);
  if (rows.length === 0) {
    return empty('No latency yet', html`Times are known of exchanges that are compared: add ${code('compare: {}')} to the spec of a MirrorPolicy, and wait for some requests.`);
  }
  const shown = rows.filter(({ policy, endpoint }) => fits(search, policy.policy, policy.target, `${endpoint.method} ${endpoint.template}`));
  if (shown.length === 0) return empty('Nothing fits', 'No endpoint has what you search for.');
  const row = shown.find(({ key }) => key === chosen) ?? shown[0]!;
  return html`${chooser(shown, row, actions)}${details(model, row, row.endpoint.latency!)}`;
};

function chooser(rows: readonly ReportRow[], chosen: ReportRow, actions: Actions): TemplateResult {
  const onChange = (event: Event): void => actions.choose((event.target as HTMLSelectElement).value);
  return html`<div class="filters">
    <label class="grow">endpoint<select @change=${onChange}>
      ${rows.map(({ key, policy: { policy, target }, endpoint: { method, template } }) => {
        return html`<option value=${key} ?selected=${key === chosen.key}>${method} ${template} (${policy} to ${target})</option>`;
      })}
    </select></label>
  </div>`;
}

function details({ insight }: Model, row: ReportRow, latency: LatencyReport): TemplateResult {
  const data = insight?.compare.policies
    .find(({ policy, target }) => policy === row.policy.policy && target === row.policy.target)
    ?.endpoints.find(({ method, template }) => rowKey('', '', method, template) === rowKey('', '', row.endpoint.method, row.endpoint.template));
  const summary = summarise(data?.latency.sample ?? []);
  return html`
    ${card('Verdict', verdict(latency), badge(latency.verdict, latency.verdict === 'slower' ? 'bad' : latency.verdict === 'too little data' ? 'quiet' : 'good'))}
    <div class="charts">
      ${summary.pairs === 0 ? nothing : card('Times by percentile', quantiles(summary))}
      ${summary.pairs === 0 ? nothing : card('Mirror against production, pair by pair', ratios(summary))}
      ${summary.overTime.at.length < 2 ? nothing : card('Over time', overTime(summary.overTime))}
    </div>
  `;
}

function verdict({ ratio, confidence, pValue, tested, pairs, hopUs, hopFrom, production, mirror }: LatencyReport): TemplateResult {
  const hops = { baseline: 'by the baseline target', connect: 'by how long connecting takes' };
  const hop =
    hopFrom === 'unknown'
      ? 'What the way to the mirror adds is not known.'
      : `The way to the mirror adds ${duration(hopUs.estimate)}, ${hops[hopFrom]}; it is taken off before the test.`;
  return html`
    <p>
      The mirror takes <strong>${times(ratio.estimate)}</strong> production's time (${share(confidence)} confidence: ${times(ratio.low)} to
      ${times(ratio.high)}), ${probability(pValue)}, by ${count(tested)} of ${count(pairs)} pairs. ${hop}
    </p>
    <div class="short">${table('Times to the last byte', ['side', ...numbers('p50', 'p90', 'p99')], [
      ['production', duration(production.p50), duration(production.p90), duration(production.p99)],
      ['mirror', duration(mirror.p50), duration(mirror.p90), duration(mirror.p99)],
    ])}</div>`;
}

function quantiles({ percents, production, mirror }: PairSummary): TemplateResult {
  return withTable(
    {
      name: 'Times of production and of the mirror by percentile',
      x: { name: 'percentile', values: percents },
      y: { name: 'ms to the last byte' },
      lines: [
        { name: 'production', values: production, side: 'production' },
        { name: 'mirror', values: mirror, side: 'mirror' },
      ],
    },
    table(
      'Times by percentile',
      ['percentile', ...numbers('production', 'mirror')],
      percents.map((percent, i) => [`p${percent}`, duration(production[i]! * 1000), duration(mirror[i]! * 1000)]),
    ),
  );
}

function ratios({ ratios: middles, counts, pairs }: PairSummary): TemplateResult {
  return withTable(
    {
      name: "How many pairs took how many times production's time",
      x: { name: "mirror's time / production's time", values: middles, isLogarithmic: true, format: (value) => `× ${Number(value.toPrecision(2))}` },
      y: { name: 'pairs' },
      lines: [{ name: 'pairs', values: counts, side: 'mirror', style: 'bars' }],
    },
    table(
      'Pairs by ratio',
      ['ratio', ...numbers('pairs', 'share')],
      middles.map((ratio, i) => [times(ratio), count(counts[i]!), share(counts[i]! / Math.max(1, pairs))]),
    ),
  );
}

function overTime({ at, production50, mirror50, production90, mirror90 }: TimeSeries): TemplateResult {
  return withTable(
    {
      name: 'Median and 90th percentile of both sides over time',
      x: { name: 'time', values: at, isTime: true },
      y: { name: 'ms to the last byte' },
      lines: [
        { name: 'production p50', values: production50, side: 'production' },
        { name: 'mirror p50', values: mirror50, side: 'mirror' },
        { name: 'production p90', values: production90, side: 'production', style: 'dashed' },
        { name: 'mirror p90', values: mirror90, side: 'mirror', style: 'dashed' },
      ],
    },
    table('Times over time', ['time', ...numbers('production p50', 'mirror p50', 'production p90', 'mirror p90')], at.map((seconds, i) => [
      new Date(seconds * 1000).toLocaleTimeString(),
      ...[production50, mirror50, production90, mirror90].map((points) => duration(points[i]! * 1000)),
    ])),
  );
}

function withTable(chart: Chart, alternative: TemplateResult): TemplateResult {
  return html`<trend-chart .chart=${chart}></trend-chart><details><summary>The same as a table</summary>${alternative}</details>`;
}
