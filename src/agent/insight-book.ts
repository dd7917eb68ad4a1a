import { mergeInsight, retired, type InsightData } from '../insight.ts';
import type { EndpointLoad } from '../observe/data.ts';
import { keyOf, mergeLoads, withoutNow } from '../observe/merge.ts';

/** What nobody has heard of for so long is forgotten, as workers do. */
const KEPT_MS = 3_600_000;
/** Endpoints of workers that are no more of which no other has heard. */
const MOST_KEPT = 1_000;

interface Kept {
  load: EndpointLoad;
  untilMs: number;
}

/**
 * What each worker said last of what it has learnt. That of workers which died is kept; so is what one worker has forgotten of an
 * endpoint while another still counts it: an endpoint's counts may vanish, but they never fall.
 */
export class InsightBook {
  readonly #last: InsightData[] = [];
  #retired: InsightData = mergeInsight([]);
  /** Of observed endpoints, by key. */
  readonly #kept = new Map<string, Kept>();
  readonly #now: () => number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** A worker's whole knowledge, which takes the place of what it said before. */
  heard(worker: number, data: InsightData): void {
    const before = this.#last[worker]?.observe.endpoints ?? [];
    this.#last[worker] = data;
    const known = new Set(data.observe.endpoints.map(keyOf));
    const forgotten = before.filter((load) => !known.has(keyOf(load)));
    if (forgotten.length === 0 && this.#kept.size === 0) return;
    const reported = this.#reported();
    for (const load of forgotten) if (!reported.has(keyOf(load))) this.#kept.delete(keyOf(load));
    this.#keep(forgotten.filter((load) => reported.has(keyOf(load))));
    this.#forget(reported);
  }

  /** The worker is no more; the one in its place begins with nothing. */
  retire(worker: number): void {
    const last = this.#last[worker];
    if (last === undefined) return;
    delete this.#last[worker];
    this.#retired = mergeInsight([this.#retired, retired({ ...last, observe: { ...last.observe, endpoints: [] } })]);
    this.#keep(last.observe.endpoints);
    this.#forget(this.#reported());
  }

  /** To be merged. */
  parts(): InsightData[] {
    const { observe, ...rest } = this.#retired;
    const endpoints = Array.from(this.#kept.values(), ({ load }) => load);
    return [{ ...rest, observe: { ...observe, endpoints } }, ...this.#last.filter((data) => data !== undefined)];
  }

  /** What some worker counts. */
  #reported(): Set<string> {
    return new Set(this.#last.flatMap(({ observe }) => observe.endpoints.map(keyOf)));
  }

  #keep(loads: readonly EndpointLoad[]): void {
    const untilMs = this.#now() + KEPT_MS;
    for (const load of withoutNow({ endpoints: loads, clients: [], folded: 0 }).endpoints) {
      const key = keyOf(load);
      const kept = this.#kept.get(key);
      this.#kept.set(key, { load: kept === undefined ? load : mergeLoads([kept.load, load]), untilMs });
    }
  }

  /** @param reported has to stay */
  #forget(reported: ReadonlySet<string>): void {
    const nowMs = this.#now();
    const unreported = [...this.#kept].filter(([key]) => !reported.has(key));
    for (const [index, [key, { untilMs }]] of unreported.entries()) {
      if (untilMs <= nowMs || index < unreported.length - MOST_KEPT) this.#kept.delete(key);
    }
    for (const [key, kept] of this.#kept) if (reported.has(key)) kept.untilMs = nowMs + KEPT_MS;
  }
}
