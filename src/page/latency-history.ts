import type { Report } from '../compare/report.ts';
import { endpointsOf } from './report-rows.ts';

const POINTS = 240;
const ENDPOINTS = 64;

/** Medians and 99th percentiles of one endpoint over the time in which the page was open. */
export interface LatencySeries {
  /** Unix time, seconds. */
  readonly at: number[];
  /** Milliseconds. */
  readonly production: number[];
  readonly mirror: number[];
  readonly production99: number[];
  readonly mirror99: number[];
}

/** How the reports that came one after the other saw latency; bounded, the oldest are forgotten. */
export class LatencyHistory {
  readonly #series = new Map<string, LatencySeries>();

  push(report: Report, nowMs: number): void {
    for (const { key, endpoint } of endpointsOf(report)) {
      if (endpoint.latency === null) continue;
      let series = this.#series.get(key);
      if (series === undefined) {
        if (this.#series.size >= ENDPOINTS) continue;
        series = { at: [], production: [], mirror: [], production99: [], mirror99: [] };
        this.#series.set(key, series);
      }
      const { production, mirror } = endpoint.latency;
      series.at.push(nowMs / 1000);
      series.production.push(production.p50 / 1000);
      series.mirror.push(mirror.p50 / 1000);
      series.production99.push(production.p99 / 1000);
      series.mirror99.push(mirror.p99 / 1000);
      if (series.at.length > POINTS) for (const points of Object.values(series) as number[][]) points.shift();
    }
  }

  of(key: string): LatencySeries | null {
    return this.#series.get(key) ?? null;
  }
}
