import { mergeHeavyHitters } from '../sketch/heavy-hitters.ts';
import { mergeHistograms } from '../sketch/histogram.ts';
import { CLIENTS_LISTED, type ClientLoad, type EndpointLoad, type ObserveData } from './data.ts';

/**
 * Sums up what several workers or agents have seen. The workers of an agent share the connections of a pod: how many requests one
 * of them met under way adds up over all.
 */
export function mergeObserve(parts: readonly ObserveData[]): ObserveData {
  const endpoints = groupBy(parts.flatMap((part) => part.endpoints), keyOf);
  return {
    endpoints: [...endpoints.values()].map((loads) => (loads.length === 1 ? loads[0]! : mergeLoads(loads))),
    clients: mergeClients(parts.map(({ clients }) => clients)),
    folded: total(parts, ({ folded }) => folded),
  };
}

/** What stays true of a worker that is no more: its sums, but nothing that tells of now. */
export function withoutNow(data: ObserveData): ObserveData {
  return { ...data, endpoints: data.endpoints.map((load) => ({ ...load, rate: 0, concurrency: { mean: 0, most: 0 }, saturation: null })) };
}

/** Which pod, port, method and path template. */
export function keyOf({ endpoint, port, method, template }: EndpointLoad): string {
  return JSON.stringify([endpoint, port, method, template]);
}

/** @param loads of the same endpoint, at least one */
export function mergeLoads(loads: readonly EndpointLoad[]): EndpointLoad {
  const { endpoint, port, method, template } = loads[0]!;
  return {
    endpoint,
    port,
    method,
    template,
    sinceMs: least(loads, ({ sinceMs }) => sinceMs),
    requests: total(loads, ({ requests }) => requests),
    rate: total(loads, ({ rate }) => rate),
    statuses: loads.reduce<EndpointLoad['statuses']>(
      ([a, b, c, d, e], { statuses }) => [a + statuses[0], b + statuses[1], c + statuses[2], d + statuses[3], e + statuses[4]],
      [0, 0, 0, 0, 0],
    ),
    unanswered: total(loads, ({ unanswered }) => unanswered),
    firstByte: mergeHistograms(loads.map(({ firstByte }) => firstByte)),
    complete: mergeHistograms(loads.map(({ complete }) => complete)),
    requestBytes: total(loads, ({ requestBytes }) => requestBytes),
    responseBytes: total(loads, ({ responseBytes }) => responseBytes),
    largestRequest: most(loads, ({ largestRequest }) => largestRequest),
    largestResponse: most(loads, ({ largestResponse }) => largestResponse),
    concurrency: { mean: total(loads, ({ concurrency }) => concurrency.mean), most: total(loads, ({ concurrency }) => concurrency.most) },
    saturation: mergeSaturation(loads),
  };
}

/** The mean, weighted by requests. */
function mergeSaturation(loads: readonly EndpointLoad[]): number | null {
  const known = loads.filter(({ saturation }) => saturation !== null);
  if (known.length === 0) return null;
  return total(known, ({ saturation, requests }) => saturation! * requests) / total(known, ({ requests }) => requests);
}

function mergeClients(parts: readonly (readonly ClientLoad[])[]): ClientLoad[] {
  const byEndpoint = groupBy(parts.flatMap((clients, part) => clients.map((client) => ({ part, client }))), ({ client }) => client.endpoint);
  return [...byEndpoint].flatMap(([endpoint, all]) => {
    const lists = [...groupBy(all, ({ part }) => String(part)).values()];
    const hitters = lists.map((list) => list.map(({ client: { address, count, error } }) => ({ key: address, count, error })));
    return mergeHeavyHitters(hitters, CLIENTS_LISTED).map(({ key, count, error }) => ({ endpoint, address: key, count, error }));
  });
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  return Map.groupBy(items, keyOf);
}

function total<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((sum, item) => sum + of(item), 0);
}

function least<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((so, item) => Math.min(so, of(item)), Infinity);
}

function most<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((so, item) => Math.max(so, of(item)), 0);
}
