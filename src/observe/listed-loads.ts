import type { SparseHistogram } from '../sketch/histogram.ts';
import { OTHERS, type EndpointLoad } from './data.ts';
import { keyOf, mergeLoads } from './merge.ts';

/**
 * Bounds how many endpoints are told apart, for readers that keep a series of each, as Prometheus does. Those that came first are
 * listed for as long as they are there; what the others count is added up, by pod. No count falls: where a place in the list
 * becomes free and another endpoint takes it, what that one has counted under `OTHERS` stays there.
 */
export class ListedLoads {
  readonly #most: number;
  readonly #listed = new Set<string>();
  /** Of those that are not listed, what they had counted last. */
  #unlisted = new Map<string, EndpointLoad>();
  /** By pod. */
  #others = new Map<string, EndpointLoad>();

  constructor(most: number) {
    this.#most = most;
  }

  /** @param loads all that is known, the same endpoint once */
  list(loads: readonly EndpointLoad[]): EndpointLoad[] {
    const byKey = new Map(loads.map((load) => [keyOf(load), load]));
    for (const key of this.#listed) if (!byKey.has(key)) this.#listed.delete(key);
    const waiting = loads.filter((load) => load.template !== OTHERS && !this.#listed.has(keyOf(load)));
    for (const load of waiting.sort((a, b) => a.sinceMs - b.sinceMs).slice(0, this.#most - this.#listed.size)) this.#listed.add(keyOf(load));
    const listed = loads.filter((load) => this.#listed.has(keyOf(load)));
    this.#addUp(loads.filter((load) => !this.#listed.has(keyOf(load))));
    const pods = new Set(loads.map(({ endpoint }) => endpoint));
    for (const pod of this.#others.keys()) if (!pods.has(pod)) this.#others.delete(pod);
    return [...listed, ...this.#others.values()];
  }

  #addUp(loads: readonly EndpointLoad[]): void {
    const before = this.#unlisted;
    this.#unlisted = new Map(loads.map((load) => [keyOf(load), load]));
    for (const [key, load] of this.#unlisted) {
      const growth = growthOf(load, before.get(key));
      const others = this.#others.get(load.endpoint);
      this.#others.set(load.endpoint, others === undefined ? growth : mergeLoads([others, growth]));
    }
  }
}

/** What was counted since, under `OTHERS`; figures of now do not add up. */
function growthOf(load: EndpointLoad, before: EndpointLoad | undefined): EndpointLoad {
  const grown = (of: (load: EndpointLoad) => number): number => Math.max(0, of(load) - (before === undefined ? 0 : of(before)));
  return {
    ...load,
    port: 0,
    method: OTHERS,
    template: OTHERS,
    requests: grown(({ requests }) => requests),
    rate: 0,
    statuses: [grown((l) => l.statuses[0]), grown((l) => l.statuses[1]), grown((l) => l.statuses[2]), grown((l) => l.statuses[3]), grown((l) => l.statuses[4])],
    unanswered: grown(({ unanswered }) => unanswered),
    firstByte: histogramGrowth(load.firstByte, before?.firstByte ?? []),
    complete: histogramGrowth(load.complete, before?.complete ?? []),
    requestBytes: grown(({ requestBytes }) => requestBytes),
    responseBytes: grown(({ responseBytes }) => responseBytes),
    concurrency: { mean: 0, most: 0 },
    saturation: null,
  };
}

function histogramGrowth(now: SparseHistogram, before: SparseHistogram): SparseHistogram {
  if (before.length === 0) return now;
  const counts = new Map<number, number>();
  for (let i = 0; i < before.length; i += 2) counts.set(before[i]!, before[i + 1]!);
  const growth: number[] = [];
  for (let i = 0; i < now.length; i += 2) {
    const count = now[i + 1]! - (counts.get(now[i]!) ?? 0);
    if (count > 0) growth.push(now[i]!, count);
  }
  return growth;
}
