import { listOf, recordOf, textOf } from '../../kube/json.ts';
import type { ClientLoad, EndpointLoad, ObserveData } from '../../observe/data.ts';
import type { SparseHistogram } from '../../sketch/histogram.ts';

/** More than an agent that means well has of each. */
const MOST = { text: 2_048, endpoints: 20_000, clients: 20_000, buckets: 2_048 };

/**
 * Reads what an agent has observed, from its page `/insight`. Agents run on nodes that may have been taken over: what is not as it
 * should be counts as nothing.
 * @returns null where it is no such page
 */
export function readObserve(value: unknown): ObserveData | null {
  const { endpoints, clients, folded } = recordOf(recordOf(value)['observe']);
  if (!Array.isArray(endpoints)) return null;
  return {
    endpoints: listOf(endpoints).slice(0, MOST.endpoints).map(endpointOf),
    clients: listOf(clients).slice(0, MOST.clients).map(clientOf),
    folded: amount(folded),
  };
}

function endpointOf(load: Readonly<Record<string, unknown>>): EndpointLoad {
  const statuses = Array.isArray(load['statuses']) ? load['statuses'] : [];
  const concurrency = recordOf(load['concurrency']);
  return {
    endpoint: said(load['endpoint']),
    port: amount(load['port']),
    method: said(load['method']),
    template: said(load['template']),
    sinceMs: amount(load['sinceMs']),
    requests: amount(load['requests']),
    rate: amount(load['rate']),
    statuses: [amount(statuses[0]), amount(statuses[1]), amount(statuses[2]), amount(statuses[3]), amount(statuses[4])],
    unanswered: amount(load['unanswered']),
    firstByte: histogramOf(load['firstByte']),
    complete: histogramOf(load['complete']),
    requestBytes: amount(load['requestBytes']),
    responseBytes: amount(load['responseBytes']),
    largestRequest: amount(load['largestRequest']),
    largestResponse: amount(load['largestResponse']),
    concurrency: { mean: amount(concurrency['mean']), most: amount(concurrency['most']) },
    saturation: typeof load['saturation'] === 'number' ? Math.max(-1, Math.min(1, load['saturation'])) : null,
  };
}

function clientOf({ endpoint, address, count, error }: Readonly<Record<string, unknown>>): ClientLoad {
  return { endpoint: said(endpoint), address: said(address), count: amount(count), error: Math.min(amount(count), amount(error)) };
}

/** Nothing, unless its buckets are in order. */
function histogramOf(value: unknown): SparseHistogram {
  const numbers = Array.isArray(value) ? value.slice(0, MOST.buckets).map(amount) : [];
  const isRight = numbers.length % 2 === 0 && numbers.every((number, i) => Number.isInteger(number) && (i % 2 === 1 || (number < MOST.buckets && number > (numbers[i - 2] ?? -1))));
  return isRight ? numbers : [];
}

function said(value: unknown): string {
  return textOf(value).slice(0, MOST.text);
}

function amount(value: unknown): number {
  return typeof value === 'number' && value > 0 ? Math.min(Number.MAX_SAFE_INTEGER, value) : 0;
}
