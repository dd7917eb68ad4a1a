import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mergeInsight } from '../../src/insight.ts';
import { MAX_OBSERVED, OBSERVE_METRICS } from '../../src/metrics/observe.ts';
import { MetricsPage } from '../../src/metrics.ts';
import { OTHERS, type EndpointLoad, type ObserveData } from '../../src/observe/data.ts';
import { mergeLoads } from '../../src/observe/merge.ts';
import { ListedLoads } from '../../src/observe/listed-loads.ts';
import type { AgentStatsWithInsight } from '../../src/stats.ts';
import { Watching } from '../observe/watching.ts';

const page = (observe: ObserveData, listed = new ListedLoads(MAX_OBSERVED)): Promise<string> =>
  new MetricsPage(OBSERVE_METRICS).render({ insight: { ...mergeInsight([]), observe }, observed: listed.list(observe.endpoints) } as unknown as AgentStatsWithInsight);

/** Samples of one metric, without its name. */
const samplesOf = (text: string, name: string): string[] => text.split('\n').filter((line) => line.startsWith(`${name}{`)).map((line) => line.slice(name.length));

describe('the metrics of observed pods', () => {
  it('count requests by how they ended, and say how long they took', async () => {
    const watching = new Watching();
    for (const takesUs of [900, 4_000, 40_000, 40_000_000]) watching.exchange('/orders/1', { takesUs });
    watching.exchange('/orders/1', { status: 503, takesUs: 4_000 });
    watching.connect().asks('/orders/2').ends('rst');
    const text = await page(watching.data());
    const labels = 'endpoint="shop/web-1",port="8080",method="GET",template="/orders/{id}"';
    expect(samplesOf(text, 'shadowtap_observed_requests_total')).toEqual([`{${labels},class="2xx"} 4`, `{${labels},class="5xx"} 1`, `{${labels},class="none"} 1`]);
    expect(text).toContain('# TYPE shadowtap_observed_duration_seconds histogram\n');
    expect(samplesOf(text, 'shadowtap_observed_duration_seconds_bucket').map((line) => line.replace(`{${labels},`, '{'))).toEqual([
      '{le="0.001"} 1', '{le="0.0025"} 1', '{le="0.005"} 3', '{le="0.01"} 3', '{le="0.025"} 3', '{le="0.05"} 4', '{le="0.1"} 4', '{le="0.25"} 4',
      '{le="0.5"} 4', '{le="1"} 4', '{le="2.5"} 4', '{le="5"} 4', '{le="10"} 4', '{le="30"} 4', '{le="+Inf"} 5',
    ]);
    expect(samplesOf(text, 'shadowtap_observed_duration_seconds_count')).toEqual([`{${labels}} 5`]);
    const [sum] = samplesOf(text, 'shadowtap_observed_duration_seconds_sum');
    expect(Number(sum!.split(' ')[1]) / 40.0489).toBeCloseTo(1, 1);
  });

  it('name the busiest clients, ten at most', async () => {
    const watching = new Watching();
    for (let client = 0; client < 15; client++) for (let i = 0; i <= client; i++) watching.exchange('/', { address: `10.0.0.${client}` });
    const samples = samplesOf(await page(watching.data()), 'shadowtap_observed_client_requests');
    expect(samples).toHaveLength(10);
    expect(samples[0]).toBe('{endpoint="shop/web-1",client="10.0.0.14"} 15');
  });

  it('have a bounded number of series, and the sum stays what it is', async () => {
    const watching = new Watching();
    watching.exchange('/a');
    const [load] = watching.data().endpoints;
    const listed = new ListedLoads(MAX_OBSERVED);
    const endpoints = Array.from({ length: 1000 }, (_, index) => ({ ...load!, template: `/${index}`, sinceMs: 1000 + ((index * 7) % 1000) }));
    const samples = samplesOf(await page({ endpoints, clients: [], folded: 0 }, listed), 'shadowtap_observed_requests_total');
    expect(samples).toHaveLength(201);
    expect(samples.reduce((sum, line) => sum + Number(line.split(' ')[1]), 0)).toBe(1000);
    expect(samples.at(-1)).toContain('template="(others)"');
    const later = samplesOf(await page({ endpoints: [{ ...load!, template: '/new', sinceMs: 1 }, ...endpoints], clients: [], folded: 0 }, listed), 'shadowtap_observed_requests_total');
    expect(later.slice(0, -1)).toEqual(samples.slice(0, -1));
  });

  it('never fall, whatever comes and is forgotten: they rise, or are gone', async () => {
    const watching = new Watching();
    watching.exchange('/a', { takesUs: 2_000 });
    watching.exchange('/a', { takesUs: 70_000, status: 500 });
    const [load] = watching.data().endpoints;
    const load1 = { ...load!, statuses: [0, 1, 0, 0, 0] as const, complete: load!.complete.slice(0, 2), requests: 1 };
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(fc.record({ name: fc.nat({ max: 6 }), grows: fc.boolean() }), { maxLength: 6 }), { maxLength: 12 }), async (steps) => {
        const listed = new ListedLoads(2);
        const counts = new Map<number, EndpointLoad>();
        let before = new Map<string, number>();
        for (const [step, present] of steps.entries()) {
          const names = new Set(present.map(({ name }) => name));
          for (const name of [...counts.keys()]) if (!names.has(name)) counts.delete(name);
          for (const { name, grows } of present) {
            const known = counts.get(name);
            const next = { ...load1, template: name === 6 ? OTHERS : `/${name}`, sinceMs: known?.sinceMs ?? step };
            counts.set(name, known === undefined ? next : grows ? mergeLoads([known, { ...load!, template: known.template, sinceMs: known.sinceMs }]) : known);
          }
          const text = await page({ endpoints: [...counts.values()], clients: [], folded: 0 }, listed);
          const now = new Map(text.split('\n').filter((line) => line.includes('{')).map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]));
          for (const [series, value] of now) if (/_total|_bucket|_count|_sum/.test(series)) expect(value, series).toBeGreaterThanOrEqual(before.get(series) ?? 0);
          before = now;
        }
      }),
      { interruptAfterTimeLimit: 4000, markInterruptAsFailure: false },
    );
  });
});
