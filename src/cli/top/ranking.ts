import type { ClientLoad, EndpointLoad, ObserveData } from '../../observe/data.ts';
import { countOf, quantileOf } from '../../sketch/histogram.ts';

/** One endpoint of one pod. */
export interface TopRow {
  readonly endpoint: string;
  readonly port: number;
  readonly method: string;
  readonly template: string;
  readonly requests: number;
  /** A second, in the last ten. */
  readonly rate: number;
  /** 5xx, and requests without an answer. */
  readonly errors: number;
  /** To the last byte, milliseconds; null where nothing is known. */
  readonly p50Ms: number | null;
  readonly p90Ms: number | null;
  readonly p99Ms: number | null;
  readonly largestRequest: number;
  readonly largestResponse: number;
  /** Requests under way on the pod, in the last ten seconds; mean. */
  readonly concurrency: number;
  readonly saturation: number | null;
}

/** What `shadowtap top -o json` prints; of each the first come first. */
export interface Ranking {
  readonly busiest: readonly TopRow[];
  readonly slowest: readonly TopRow[];
  readonly errors: readonly TopRow[];
  readonly saturated: readonly TopRow[];
  readonly largest: readonly TopRow[];
  readonly clients: readonly ClientLoad[];
}

export const RANKINGS = ['busiest', 'slowest', 'errors', 'saturated', 'largest', 'clients'] as const;

/** Fewer answers do not make an endpoint the slowest. */
const LEAST_TIMED = 10;
/** Below, latency hardly goes with concurrency. */
const LEAST_SATURATION = 0.3;

/** @param most of each */
export function rank({ endpoints, clients }: ObserveData, most: number): Ranking {
  const rows = endpoints.filter(({ requests }) => requests > 0).map((load) => ({ row: rowOf(load), timed: countOf(load.complete) }));
  const top = (wanted: (row: TopRow, timed: number) => boolean, by: (row: TopRow) => number): TopRow[] =>
    rows
      .filter(({ row, timed }) => wanted(row, timed))
      .map(({ row }) => row)
      .sort((a, b) => by(b) - by(a) || b.requests - a.requests)
      .slice(0, most);
  return {
    busiest: top(() => true, ({ rate }) => rate),
    slowest: top((_, timed) => timed >= LEAST_TIMED, ({ p90Ms }) => p90Ms ?? 0),
    errors: top(({ errors }) => errors > 0, ({ errors }) => errors),
    saturated: top(({ saturation }) => (saturation ?? 0) >= LEAST_SATURATION, ({ saturation }) => saturation ?? 0),
    largest: top((row) => largestOf(row) > 0, largestOf),
    clients: clients.toSorted((a, b) => b.count - a.count).slice(0, most),
  };
}

export function largestOf({ largestRequest, largestResponse }: TopRow): number {
  return Math.max(largestRequest, largestResponse);
}

function rowOf(load: EndpointLoad): TopRow {
  const { endpoint, port, method, template, requests, rate, statuses, unanswered, complete, largestRequest, largestResponse, concurrency, saturation } = load;
  const milliseconds = (q: number): number | null => (complete.length === 0 ? null : quantileOf(complete, q) / 1000);
  return {
    endpoint,
    port,
    method,
    template,
    requests,
    rate,
    errors: statuses[4] + unanswered,
    p50Ms: milliseconds(0.5),
    p90Ms: milliseconds(0.9),
    p99Ms: milliseconds(0.99),
    largestRequest,
    largestResponse,
    concurrency: concurrency.mean,
    saturation,
  };
}
