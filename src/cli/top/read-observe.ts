import { amountOf, listOf, recordOf, shortTextOf } from '../../kube/json.ts';
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
    folded: amountOf(folded),
  };
}

function endpointOf(load: Readonly<Record<string, unknown>>): EndpointLoad {
  const statuses = Array.isArray(load['statuses']) ? load['statuses'] : [];
  const concurrency = recordOf(load['concurrency']);
  return {
    endpoint: said(load['endpoint']),
    port: amountOf(load['port']),
    method: said(load['method']),
    template: said(load['template']),
    sinceMs: amountOf(load['sinceMs']),
    requests: amountOf(load['requests']),
    rate: amountOf(load['rate']),
    statuses: [amountOf(statuses[0]), amountOf(statuses[1]), amountOf(statuses[2]), amountOf(statuses[3]), amountOf(statuses[4])],
    unanswered: amountOf(load['unanswered']),
    firstByte: histogramOf(load['firstByte']),
    complete: histogramOf(load['complete']),
    requestBytes: amountOf(load['requestBytes']),
    responseBytes: amountOf(load['responseBytes']),
    largestRequest: amountOf(load['largestRequest']),
    largestResponse: amountOf(load['largestResponse']),
    concurrency: { mean: amountOf(concurrency['mean']), most: amountOf(concurrency['most']) },
    saturation: typeof load['saturation'] === 'number' ? Math.max(-1, Math.min(1, load['saturation'])) : null,
  };
}

function clientOf({ endpoint, address, count, error }: Readonly<Record<string, unknown>>): ClientLoad {
  return { endpoint: said(endpoint), address: said(address), count: amountOf(count), error: Math.min(amountOf(count), amountOf(error)) };
}

/** Nothing, unless its buckets are in order. */
function histogramOf(value: unknown): SparseHistogram {
  const numbers = Array.isArray(value) ? value.slice(0, MOST.buckets).map(amountOf) : [];
  const isRight = numbers.length % 2 === 0 && numbers.every((number, i) => Number.isInteger(number) && (i % 2 === 1 || (number < MOST.buckets && number > (numbers[i - 2] ?? -1))));
  return isRight ? numbers : [];
}

function said(value: unknown): string {
  return shortTextOf(value, MOST.text);
}
