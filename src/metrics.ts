import { Counter, Gauge, Histogram, Registry, type CollectFunction } from 'prom-client';
import { COMPARE_METRICS } from './metrics/compare.ts';
import { FINDINGS_METRICS } from './metrics/findings.ts';
import { OBSERVE_METRICS } from './metrics/observe.ts';
import { single, type FigureRow, type HistogramRow, type MetricRow } from './metrics/row.ts';
import type { AgentStats, AgentStatsWithInsight, WatchStats } from './stats.ts';

export { single, type MetricRow, type Sample } from './metrics/row.ts';

/** Every metric of the agent, in one table: the registry and the documentation are made from it. */
export const METRICS: readonly MetricRow<AgentStatsWithInsight>[] = [
  single('shadowtap_requests_seen_total', 'counter', 'Requests that the tap saw begin.', (s) => s.ledger.seen),
  single('shadowtap_requests_open', 'gauge', 'Requests seen that have no outcome yet.', (s) => s.ledger.open),
  {
    name: 'shadowtap_requests_total',
    type: 'counter',
    help: 'Captured requests by outcome; each ends in exactly one.',
    labels: ['policy', 'outcome', 'reason'],
    samples: (s) => s.ledger.requests.map(({ policy, outcome, reason, count }) => ({ labels: { policy, outcome, reason }, value: count })),
  },
  {
    name: 'shadowtap_copies_total',
    type: 'counter',
    help: 'Copies by target and outcome; each ends in exactly one.',
    labels: ['policy', 'target', 'outcome', 'reason'],
    samples: (s) =>
      s.ledger.copies.map(({ policy, target, outcome, reason, count }) => ({ labels: { policy, target, outcome, reason }, value: count })),
  },
  {
    name: 'shadowtap_sample_rate',
    type: 'gauge',
    help: "Share of a policy's sample that is mirrored now; below 1 while adaptive sampling holds back.",
    labels: ['policy'],
    samples: (s) => s.sampleShares.map(({ policy, share }) => ({ labels: { policy }, value: share })),
  },
  counter('shadowtap_segments_total', 'Segments that workers took from the tap.', 'worker.segments'),
  counter('shadowtap_segments_discarded_total', 'Segments given up because the worker that should have taken them died.', 'worker.discarded'),
  counter('shadowtap_bad_records_total', 'Records of the tap that made no sense and were skipped.', 'worker.badRecords'),
  gauge('shadowtap_ring_fill_permille', 'Fill of the rings at the last look, summed over workers, in thousandths of one.', 'worker.ringFillPermille'),
  gauge('shadowtap_copies_pending', 'Copies waiting or under way.', 'worker.copiesPending'),
  gauge('shadowtap_copies_pending_bytes', 'Bytes of the copies that wait or are under way.', 'worker.copyBytes'),
  gauge('shadowtap_breakers_open', 'Targets left alone by their circuit breaker, counted in each worker.', 'worker.breakersOpen'),
  counter('shadowtap_recorded_bytes_total', 'Bytes written to files of recordings.', 'worker.recordedBytes'),
  counter('shadowtap_record_files_deleted_total', 'Files of recordings deleted to keep within their bounds.', 'worker.recordFilesDeleted'),
  gauge('shadowtap_memory_bytes', 'Bytes of captured data held now, out of the budget.', 'worker.memoryBytes'),
  gauge('shadowtap_memory_budget_bytes', 'Bytes of captured data that may be held (`memoryBytes`).', 'worker.memoryBudgetBytes'),
  gauge('shadowtap_flows', 'Connections in the flow tables.', 'flow.flows'),
  gauge('shadowtap_flow_held_bytes', 'Bytes held because they came ahead of a hole.', 'flow.heldBytes'),
  counter('shadowtap_flows_opened_total', 'Connections seen.', 'flow.opened'),
  counter('shadowtap_flows_picked_up_total', 'Connections older than the tap, joined at a request, a status line or a frame of HTTP/2.', 'flow.pickedUp'),
  counter('shadowtap_flow_resyncs_total', 'Connections that came back after the kernel had shed them.', 'flow.resyncs'),
  group('shadowtap_flows_ended_total', 'Connections that ended, by reason.', 'flow.ended', 'reason'),
  group('shadowtap_flows_muted_total', 'Connections no longer copied, by reason.', 'flow.muted', 'reason'),
  counter('shadowtap_flow_gaps_total', 'Holes in captured streams.', 'flow.gaps'),
  counter('shadowtap_flow_gap_bytes_total', 'Bytes missing in captured streams.', 'flow.gapBytes'),
  counter('shadowtap_flow_retransmitted_bytes_total', 'Bytes seen more than once.', 'flow.retransmittedBytes'),
  counter('shadowtap_flow_out_of_order_total', 'Segments that came ahead of a hole.', 'flow.outOfOrder'),
  counter('shadowtap_flow_conflicting_bytes_total', 'Overlapping bytes whose copies differ.', 'flow.conflictingBytes'),
  counter('shadowtap_flow_out_of_window_total', 'Segments too far from their stream to belong to it.', 'flow.outOfWindow'),
  counter('shadowtap_flow_bad_resets_total', 'Resets that the receiver would not believe.', 'flow.badResets'),
  counter('shadowtap_flow_unsynced_total', 'Segments of connections joined in the middle, before the place where they could be joined.', 'flow.unsynced'),
  counter('shadowtap_http_requests_total', 'Requests of which the decoder saw at least a part.', 'http.requests'),
  counter('shadowtap_http_responses_total', 'Final responses whose head the decoder saw.', 'http.responses'),
  counter('shadowtap_http_interim_responses_total', 'Interim (1xx) responses.', 'http.interim'),
  counter('shadowtap_http_unrequested_total', 'Responses whose request was never captured.', 'http.unrequested'),
  counter('shadowtap_http_skipped_bytes_total', 'Bytes that belong to no message that can be read.', 'http.skippedBytes'),
  counter('shadowtap_http_resynchronised_total', 'Times that a stream was read again from a start line after a gap.', 'http.resynchronised'),
  counter('shadowtap_http2_connections_total', 'Connections of HTTP/2.', 'http.h2Connections'),
  counter('shadowtap_http2_joins_total', 'Times that a direction of HTTP/2 was joined in its middle, at what looked like a frame.', 'http.h2Joins'),
  counter('shadowtap_http2_false_joins_total', 'Times that what had been joined turned out to be no HTTP/2.', 'http.h2FalseJoins'),
  counter('shadowtap_http2_unknown_responses_total', 'Responses of HTTP/2 that refer to what was said before the connection was joined.', 'http.h2UnknownResponses'),
  counter('shadowtap_http2_pushes_total', 'Requests that servers of HTTP/2 pushed; they are not mirrored.', 'http.h2Pushes'),
  single('shadowtap_tap_seen_total', 'counter', 'Packets of tapped ports that the tap looked at.', (s) => s.tap.seen),
  single('shadowtap_tap_copied_total', 'counter', 'Packets handed to workers.', (s) => s.tap.copied),
  single('shadowtap_tap_bytes_total', 'counter', 'Payload bytes handed to workers.', (s) => s.tap.bytes),
  single('shadowtap_tap_shed_total', 'counter', 'Packets not copied because a ring was full.', (s) => s.tap.shed),
  single('shadowtap_tap_shed_flows_total', 'counter', 'Times that a connection was shed because a ring was full.', (s) => s.tap.shedFlows),
  single('shadowtap_tap_not_http_total', 'counter', 'Packets not copied because their connection is not HTTP.', (s) => s.tap.notHttp),
  single('shadowtap_tap_not_http_flows_total', 'counter', 'Connections that the tap left alone because their first bytes are not HTTP, as those of TLS.', (s) => s.tap.notHttpFlows),
  single('shadowtap_tap_lost_total', 'counter', 'Packets that the kernel lost before the tap could look.', (s) => s.tap.lost),
  {
    name: 'shadowtap_endpoint_attached',
    type: 'gauge',
    help: '1 where the tap is attached to the endpoint.',
    labels: ['endpoint'],
    samples: (s) => s.endpoints.map(({ name, attached }) => ({ labels: { endpoint: name }, value: attached ? 1 : 0 })),
  },
  single('shadowtap_mirroring', 'gauge', '0 while the kill switch is on.', (s) => (s.mirroring ? 1 : 0)),
  single('shadowtap_governor_share', 'gauge', 'Share of admitted requests that may be mirrored; below 1 while the agent gives way to the node.', (s) => s.governorShare),
  single('shadowtap_workers_running', 'gauge', 'Workers that run.', (s) => s.workers.running),
  single('shadowtap_worker_restarts_total', 'counter', 'Workers that ended unexpectedly and were started again.', (s) => s.workers.restarts),
  single('shadowtap_process_cpu_seconds_total', 'counter', 'User and system time of the agent.', (s) => s.process.cpuUs / 1e6),
  single('shadowtap_process_resident_bytes', 'gauge', 'Resident memory of the agent; counts the mapped rings.', (s) => s.process.rssBytes),
  ...watchMetrics<AgentStats>((s) => s.cluster?.watches ?? []),
  {
    name: 'shadowtap_policy_condition',
    type: 'gauge',
    help: '1 where a condition of a policy that selects a pod of the node is True, 0 where it is not, with the reason.',
    labels: ['policy', 'type', 'reason'],
    samples: (s) =>
      (s.cluster?.policies ?? []).flatMap(({ policy, conditions }) =>
        conditions.map(({ type, status, reason }) => ({ labels: { policy, type, reason }, value: status === 'True' ? 1 : 0 })),
      ),
  },
  {
    name: 'shadowtap_cluster_clock_skew_seconds',
    type: 'gauge',
    help: "How far the API server's clock is ahead of the node's; 0 below two seconds.",
    labels: [],
    samples: (s) => (s.cluster === null ? [] : [{ labels: {}, value: s.cluster.clockSkewMs / 1000 }]),
  },
  {
    name: 'shadowtap_build_info',
    type: 'gauge',
    help: '1, with the version and the tap in use.',
    labels: ['version', 'tap'],
    samples: (s) => [{ labels: { version: s.version, tap: s.tap.name }, value: 1 }],
  },
  ...COMPARE_METRICS,
  ...OBSERVE_METRICS,
  ...FINDINGS_METRICS,
];

/** How the types of a cluster's objects are followed. */
export function watchMetrics<S>(watches: (stats: S) => readonly WatchStats[]): MetricRow<S>[] {
  const row = (name: string, type: FigureRow<S>['type'], help: string, value: (watch: WatchStats) => number): MetricRow<S> => ({
    name,
    type,
    help,
    labels: ['resource'],
    samples: (stats) => watches(stats).map((watch) => ({ labels: { resource: watch.resource }, value: value(watch) })),
  });
  return [
    row('shadowtap_watch_failing', 'gauge', '1 while the API server cannot be followed; what is known stays in force.', ({ state }) => (state === 'failing' ? 1 : 0)),
    row('shadowtap_watch_objects', 'gauge', 'Objects that are known.', ({ objects }) => objects),
    row('shadowtap_watch_lists_total', 'counter', 'Lists asked for, beyond pages.', ({ lists }) => lists),
    row('shadowtap_watches_total', 'counter', 'Watches begun.', (watch) => watch.watches),
    row('shadowtap_watch_events_total', 'counter', 'Events that changed something.', ({ events }) => events),
  ];
}

/** The text that Prometheus scrapes, made anew from the statistics each time. */
export class MetricsPage<S> {
  readonly #registry = new Registry();
  #stats: S | null = null;

  constructor(rows: readonly MetricRow<S>[]) {
    for (const row of rows) this.#register(row);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  async render(stats: S): Promise<string> {
    this.#stats = stats;
    return this.#registry.metrics();
  }

  #register(row: MetricRow<S>): void {
    if (row.type === 'histogram') new GivenHistogram(row, this.#registry, () => this.#stats);
    else this.#registerFigure(row);
  }

  #registerFigure(row: FigureRow<S>): void {
    const samples = (): ReturnType<FigureRow<S>['samples']> => (this.#stats === null ? [] : row.samples(this.#stats));
    const common = { name: row.name, help: row.help, labelNames: [...row.labels], registers: [this.#registry] };
    if (row.type === 'counter') {
      const collect: CollectFunction<Counter> = function () {
        this.reset();
        for (const { labels, value } of samples()) this.inc({ ...labels }, value);
      };
      new Counter({ ...common, collect });
    } else {
      const collect: CollectFunction<Gauge> = function () {
        this.reset();
        for (const { labels, value } of samples()) this.set({ ...labels }, value);
      };
      new Gauge({ ...common, collect });
    }
  }
}

/** A histogram whose counts come from elsewhere: prom-client's own can only count for itself. */
class GivenHistogram<S> extends Histogram {
  readonly #row: HistogramRow<S>;
  readonly #stats: () => S | null;

  constructor(row: HistogramRow<S>, registry: Registry, stats: () => S | null) {
    super({ name: row.name, help: row.help, labelNames: [...row.labels], buckets: [...row.buckets], registers: [registry] });
    this.#row = row;
    this.#stats = stats;
  }

  /** What the registry asks for. */
  async getForPromString(): Promise<object> {
    const { name, help, type, buckets, distributions } = this.#row;
    const stats = this.#stats();
    const values = (stats === null ? [] : distributions(stats)).flatMap(({ labels, counts, count, sum }) => [
      ...buckets.map((le, index) => ({ metricName: `${name}_bucket`, labels: { ...labels, le }, value: counts[index]! })),
      { metricName: `${name}_bucket`, labels: { ...labels, le: '+Inf' }, value: count },
      { metricName: `${name}_sum`, labels, value: sum },
      { metricName: `${name}_count`, labels, value: count },
    ]);
    return { name, help, type, values };
  }
}

function counter(name: string, help: string, from: string): MetricRow<AgentStats> {
  return single(name, 'counter', help, (stats) => stats.counters[from] ?? 0);
}

function gauge(name: string, help: string, from: string): MetricRow<AgentStats> {
  return single(name, 'gauge', help, (stats) => stats.counters[from] ?? 0);
}

/** One metric for a group of counters; the last part of their names is the label. */
function group(name: string, help: string, from: string, label: string): MetricRow<AgentStats> {
  const prefix = `${from}.`;
  return {
    name,
    type: 'counter',
    help,
    labels: [label],
    samples: ({ counters }) =>
      Object.entries(counters)
        .filter(([key]) => key.startsWith(prefix))
        .map(([key, value]) => ({ labels: { [label]: key.slice(prefix.length) }, value })),
  };
}
