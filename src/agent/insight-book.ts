import { mergeInsight, retired, type InsightData } from '../insight.ts';

/** What each worker said last of what it has learnt. That of workers which died is kept, so that no counter ever falls. */
export class InsightBook {
  readonly #last: InsightData[] = [];
  #retired: InsightData = mergeInsight([]);

  /** A worker's whole knowledge, which takes the place of what it said before. */
  heard(worker: number, data: InsightData): void {
    this.#last[worker] = data;
  }

  /** The worker is no more; the one in its place begins with nothing. */
  retire(worker: number): void {
    const last = this.#last[worker];
    if (last === undefined) return;
    this.#retired = mergeInsight([this.#retired, retired(last)]);
    delete this.#last[worker];
  }

  /** To be merged. */
  parts(): InsightData[] {
    return [this.#retired, ...this.#last.filter((data) => data !== undefined)];
  }
}
