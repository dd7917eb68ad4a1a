import { OTHERS, type EndpointLoad } from '../observe/data.ts';
import { countOf, countUpTo, sumOf } from '../sketch/histogram.ts';
import type { AgentStatsWithInsight } from '../stats.ts';
import type { MetricRow } from './row.ts';

/** Endpoints with labels of their own, those that were seen first; others are summed up, by pod. */
const MAX_ENDPOINTS = 200;
const MAX_CLIENTS = 10;

/** Seconds. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

const CLASSES = ['1xx', '2xx', '3xx', '4xx', '5xx'] as const;
const LABELS = ['endpoint', 'port', 'method', 'template'] as const;

/** What observed pods are asked for and how they answer; the number of series is bounded, whoever asks for what. */
export const OBSERVE_METRICS: readonly MetricRow<AgentStatsWithInsight>[] = [
  {
    name: 'shadowtap_observed_requests_total',
    type: 'counter',
    help: 'Requests to observed pods, by how they ended: class of status, or `none` without an answer.',
    labels: [...LABELS, 'class'],
    samples: (stats) =>
      rowsOf(stats).flatMap(({ labels, loads }) => {
        const classes = CLASSES.map((name, index) => ({ labels: { ...labels, class: name }, value: total(loads, ({ statuses }) => statuses[index]!) }));
        const none = { labels: { ...labels, class: 'none' }, value: total(loads, ({ unanswered }) => unanswered) };
        return [...classes, none].filter(({ value }) => value > 0);
      }),
  },
  {
    name: 'shadowtap_observed_duration_seconds',
    type: 'histogram',
    help: "Of observed pods: time from a request's last byte to its answer's last; values lie within 1.6 % of the bucket that they are counted in.",
    labels: LABELS,
    buckets: BUCKETS,
    distributions: (stats) =>
      rowsOf(stats).map(({ labels, loads }) => ({
        labels,
        counts: BUCKETS.map((bound) => total(loads, ({ complete }) => countUpTo(complete, bound * 1e6))),
        count: total(loads, ({ complete }) => countOf(complete)),
        sum: total(loads, ({ complete }) => sumOf(complete)) / 1e6,
      })),
  },
  {
    name: 'shadowtap_observed_concurrency',
    type: 'gauge',
    help: 'Requests under way on the pod, as those of the last ten seconds met them; mean.',
    labels: LABELS,
    samples: (stats) => ownRows(stats).map(({ labels, load }) => ({ labels, value: load.concurrency.mean })),
  },
  {
    name: 'shadowtap_observed_saturation',
    type: 'gauge',
    help: 'How the time to the first byte goes with the requests under way on the pod: rank correlation, -1 to 1.',
    labels: LABELS,
    samples: (stats) => ownRows(stats).flatMap(({ labels, load: { saturation } }) => (saturation === null ? [] : [{ labels, value: saturation }])),
  },
  {
    name: 'shadowtap_observed_client_requests',
    type: 'gauge',
    help: `Requests of the ${MAX_CLIENTS} busiest clients of observed pods, at most; docs/observe.md says how exactly.`,
    labels: ['endpoint', 'client'],
    samples: ({ insight }) =>
      insight.observe.clients
        .toSorted((a, b) => b.count - a.count)
        .slice(0, MAX_CLIENTS)
        .map(({ endpoint, address, count }) => ({ labels: { endpoint, client: address }, value: count })),
  },
];

interface Row {
  readonly labels: Readonly<Record<(typeof LABELS)[number], string>>;
  readonly loads: readonly EndpointLoad[];
}

/** The first come first, so that those which come later do not take series away, which would make counters fall. */
function rowsOf({ insight }: AgentStatsWithInsight): readonly Row[] {
  const rows = new Map<string, { labels: Row['labels']; loads: EndpointLoad[] }>();
  for (const [index, load] of insight.observe.endpoints.toSorted((a, b) => a.sinceMs - b.sinceMs).entries()) {
    const labels = labelsOf(index < MAX_ENDPOINTS ? load : { endpoint: load.endpoint, port: 0, method: OTHERS, template: OTHERS });
    const key = JSON.stringify(labels);
    const row = rows.get(key);
    if (row === undefined) rows.set(key, { labels, loads: [load] });
    else row.loads.push(load);
  }
  return [...rows.values()];
}

/** Without those that stand for several endpoints: figures of now do not add up. */
function ownRows(stats: AgentStatsWithInsight): { labels: Row['labels']; load: EndpointLoad }[] {
  return rowsOf(stats).flatMap(({ labels, loads }) => (labels.template === OTHERS ? [] : [{ labels, load: loads[0]! }]));
}

function labelsOf({ endpoint, port, method, template }: Pick<EndpointLoad, 'endpoint' | 'port' | 'method' | 'template'>): Row['labels'] {
  return { endpoint, port: String(port), method, template };
}

function total(loads: readonly EndpointLoad[], of: (load: EndpointLoad) => number): number {
  return loads.reduce((sum, load) => sum + of(load), 0);
}
