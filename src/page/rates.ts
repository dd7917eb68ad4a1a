import type { AgentStats } from '../stats.ts';

const POINTS = 120;

interface Series {
  last: number;
  readonly perSecond: number[];
}

/** Rates over the last two minutes, out of counts that are asked for every second. Bounded by the policies that there are. */
export class Rates {
  readonly #sent = new Map<string, Series>();
  readonly #seen: Series = { last: NaN, perSecond: [] };
  #lastMs = NaN;

  /** @param atMs when the statistics came, milliseconds of any steady clock */
  push(stats: AgentStats, atMs: number): void {
    const seconds = (atMs - this.#lastMs) / 1000;
    this.#lastMs = atMs;
    advance(this.#seen, stats.ledger.seen, seconds);
    const sent = new Map<string, number>(stats.sampleShares.map(({ policy }) => [policy, 0]));
    for (const { policy, outcome, count } of stats.ledger.requests) {
      if (policy !== '') sent.set(policy, (sent.get(policy) ?? 0) + (outcome === 'mirrored' ? count : 0));
    }
    for (const policy of this.#sent.keys()) if (!sent.has(policy)) this.#sent.delete(policy);
    for (const [policy, count] of sent) {
      const series = this.#sent.get(policy) ?? { last: NaN, perSecond: [] };
      this.#sent.set(policy, series);
      advance(series, count, seconds);
    }
  }

  /** Requests seen a second, oldest first. */
  get seen(): readonly number[] {
    return this.#seen.perSecond;
  }

  /** Requests that were mirrored a second, of all policies. */
  get sent(): readonly number[] {
    const all = [...this.#sent.values()].map(({ perSecond }) => perSecond);
    const length = Math.max(0, ...all.map((points) => points.length));
    return Array.from({ length }, (_, i) => all.reduce((sum, points) => sum + (points[points.length - length + i] ?? 0), 0));
  }

  sentBy(policy: string): readonly number[] {
    return this.#sent.get(policy)?.perSecond ?? [];
  }
}

/** Counts of an agent that was restarted begin anew. */
function advance(series: Series, count: number, seconds: number): void {
  if (seconds > 0 && count >= series.last) series.perSecond.push((count - series.last) / seconds);
  series.last = count;
  if (series.perSecond.length > POINTS) series.perSecond.shift();
}
