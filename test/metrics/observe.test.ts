import { describe, expect, it } from 'vitest';
import { mergeInsight } from '../../src/insight.ts';
import { OBSERVE_METRICS } from '../../src/metrics/observe.ts';
import { MetricsPage } from '../../src/metrics.ts';
import type { ObserveData } from '../../src/observe/data.ts';
import type { AgentStatsWithInsight } from '../../src/stats.ts';
import { Watching } from '../observe/watching.ts';

const page = (observe: ObserveData): Promise<string> =>
  new MetricsPage(OBSERVE_METRICS).render({ insight: { ...mergeInsight([]), observe } } as AgentStatsWithInsight);

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
    const endpoints = Array.from({ length: 1000 }, (_, index) => ({ ...load!, template: `/${index}`, sinceMs: 1000 + ((index * 7) % 1000) }));
    const samples = samplesOf(await page({ endpoints, clients: [], folded: 0 }), 'shadowtap_observed_requests_total');
    expect(samples).toHaveLength(201);
    expect(samples.reduce((sum, line) => sum + Number(line.split(' ')[1]), 0)).toBe(1000);
    expect(samples.at(-1)).toContain('template="(others)"');
    const later = samplesOf(await page({ endpoints: [{ ...load!, template: '/new', sinceMs: 3000 }, ...endpoints], clients: [], folded: 0 }), 'shadowtap_observed_requests_total');
    expect(later.slice(0, -1)).toEqual(samples.slice(0, -1));
  });
});
