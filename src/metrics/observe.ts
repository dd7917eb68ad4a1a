import { OTHERS, type EndpointLoad } from '../observe/data.ts';
import { countOf, countUpTo, sumOf } from '../sketch/histogram.ts';
import type { AgentStatsWithInsight } from '../stats.ts';
import type { MetricRow } from './row.ts';

/** Endpoints with labels of their own, see `ListedLoads`. */
export const MAX_OBSERVED = 200;
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
      rowsOf(stats).flatMap(({ labels, load: { statuses, unanswered } }) => {
        const classes = CLASSES.map((name, index) => ({ labels: { ...labels, class: name }, value: statuses[index]! }));
        const none = { labels: { ...labels, class: 'none' }, value: unanswered };
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
      rowsOf(stats).map(({ labels, load: { complete } }) => ({
        labels,
        counts: BUCKETS.map((bound) => countUpTo(complete, bound * 1e6)),
        count: countOf(complete),
        sum: sumOf(complete) / 1e6,
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
  readonly load: EndpointLoad;
}

function rowsOf({ observed }: AgentStatsWithInsight): readonly Row[] {
  return observed.map((load) => ({ labels: labelsOf(load), load }));
}

/** Without those that stand for several endpoints: figures of now do not add up. */
function ownRows(stats: AgentStatsWithInsight): readonly Row[] {
  return rowsOf(stats).filter(({ load }) => load.template !== OTHERS);
}

function labelsOf({ endpoint, port, method, template }: Pick<EndpointLoad, 'endpoint' | 'port' | 'method' | 'template'>): Row['labels'] {
  return { endpoint, port: String(port), method, template };
}
