import { describe, expect, it } from 'vitest';
import type { ComparisonData } from '../../src/compare/data.ts';
import { judge } from '../../src/compare/judge/judge.ts';
import { mergeComparison } from '../../src/compare/merge.ts';
import { mergeInsight } from '../../src/insight.ts';
import { COMPARE_METRICS } from '../../src/metrics/compare.ts';
import { MetricsPage } from '../../src/metrics.ts';
import type { AgentStatsWithInsight } from '../../src/stats.ts';
import { answer, Bench, RULES, target } from '../compare/bench.ts';
import { question } from '../compare/differ-support.ts';

const page = (compare: ComparisonData): Promise<string> =>
  new MetricsPage(COMPARE_METRICS).render({ insight: { ...mergeInsight([]), compare }, report: judge(compare, () => RULES) } as AgentStatsWithInsight);

/** Samples of one metric without what all of them have in common. */
const samplesOf = (text: string, name: string): string[] =>
  text
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`))
    .map((line) => line.slice(name.length).replace('policy="shop/next",target="http://v2",role="Mirror",', '').replace('policy="shop/next",target="http://v2",role="Mirror"', ''));

/** 150 exchanges of which 30 differ in one field, and 30 more in another status; 3 of which the mirror gave no answer. */
function shop(): Bench {
  const bench = new Bench();
  for (let i = 0; i < 150; i++) {
    const price = i % 5 === 0 ? 18 : 17;
    const status = i % 5 === 1 ? 500 : 200;
    bench.exchange(question(), answer({ price: 17 }, { completeUs: 1000 + i }), answer({ price }, { status, completeUs: 1500 + i }));
  }
  for (let i = 0; i < 3; i++) bench.comparator.skip('v2', question(), answer({}), 'failed');
  bench.comparator.skip('v2', null, null, 'incomplete');
  return bench;
}

describe('the metrics of comparison', () => {
  it('count what was compared, what differed, what was not compared and why, and errors of either side', async () => {
    const text = await page(shop().comparator.data());
    expect(text).toContain('shadowtap_compared_total{policy="shop/next",target="http://v2",role="Mirror"} 150\n');
    expect(samplesOf(text, 'shadowtap_differed_total')).toEqual(['{} 60']);
    expect(samplesOf(text, 'shadowtap_not_compared_total').toSorted()).toEqual(['{reason="failed"} 3', '{reason="incomplete"} 1']);
    expect(samplesOf(text, 'shadowtap_answer_errors_total')).toEqual(['{side="production"} 0', '{side="mirror"} 33']);
  });

  it('say what is made of it: results that add up, kinds, the verdict, and how slow', async () => {
    const text = await page(shop().comparator.data());
    expect(samplesOf(text, 'shadowtap_comparison_results')).toEqual(['{result="equal"} 90', '{result="noise"} 0', '{result="different"} 60']);
    expect(samplesOf(text, 'shadowtap_differences')).toEqual(expect.arrayContaining(['{kind="field"} 30', '{kind="status"} 30']));
    expect(samplesOf(text, 'shadowtap_report_verdict')).toEqual(['{verdict="looks safe"} 0', '{verdict="differs"} 1', '{verdict="too little data"} 0']);
    expect(samplesOf(text, 'shadowtap_slower_endpoints')).toEqual(['{} 0']);
    expect(samplesOf(text, 'shadowtap_endpoint_different_share')).toEqual(['{method="GET",template="/orders/{id}"} 0.4']);
    const ratios = samplesOf(text, 'shadowtap_latency_ratio');
    expect(ratios.map((line) => line.split(' ')[0])).toEqual(['estimate', 'low', 'high'].map((bound) => `{method="GET",template="/orders/{id}",bound="${bound}"}`));
  });

  it('count slower endpoints once it is known what the way to the mirror adds', async () => {
    const bench = new Bench();
    for (let i = 0; i < 400; i++) {
      bench.comparator.connected('v2', 20);
      bench.exchange(question(), answer({}, { completeUs: 10_000 + (i % 50) }), answer({}, { completeUs: 15_000 + (i % 50) }));
    }
    const text = await page(bench.comparator.data());
    expect(samplesOf(text, 'shadowtap_slower_endpoints')).toEqual(['{} 1']);
    const [estimate] = samplesOf(text, 'shadowtap_latency_ratio');
    expect(Number(estimate!.split(' ')[1])).toBeCloseTo(1.5, 1);
  });

  it('have a bounded number of series: twenty endpoints, whose sums are those of all', async () => {
    const bench = new Bench();
    for (let i = 0; i < 60; i++) bench.exchange(question({ template: `/page-${String(i % 30).padStart(2, '0')}` }), answer({ a: 1 }), answer({ a: i % 30 < 5 ? 2 : 1 }));
    const text = await page(bench.comparator.data());
    const shares = samplesOf(text, 'shadowtap_endpoint_different_share');
    expect(shares).toHaveLength(20);
    expect(shares.slice(0, 5).every((line) => line.endsWith(' 1'))).toBe(true);
    expect(samplesOf(text, 'shadowtap_latency_ratio')).toHaveLength(60);
    expect(samplesOf(text, 'shadowtap_compared_total')).toEqual(['{} 60']);
  });

  it('have counters that never fall, though endpoints are folded and places find no room', async () => {
    const bench = new Bench();
    const counters = async (): Promise<Map<string, number>> => {
      const lines = (await page(bench.comparator.data())).split('\n').filter((line) => /^\w+_total\{/.test(line));
      return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]));
    };
    let before = await counters();
    for (let i = 1; i <= 900; i++) {
      const asked = question({ template: `/${i % 300}` });
      bench.exchange(asked, answer({ [`a${i % 200}`]: 1, b: i % 3 }), answer({ [`a${i % 200}`]: i % 2, b: 0 }));
      if (i % 7 === 0) bench.comparator.skip('v2', asked, answer({}), 'incomplete');
      if (i % 100 > 0) continue;
      const now = await counters();
      for (const [series, value] of before) expect(now.get(series), series).toBeGreaterThanOrEqual(value);
      before = now;
    }
    const total = (name: string): number => [...before].reduce((sum, [series, value]) => sum + (series.startsWith(`shadowtap_${name}_total{`) ? value : 0), 0);
    expect([total('compared'), total('not_compared')]).toEqual([900, 128]);
    expect(bench.comparator.data().policies[0]!.folded).toBeGreaterThan(0);
  });

  it('begin anew with new rules, as a counter may, and never count by old ones', async () => {
    const old = shop();
    const young = new Bench([target({ rules: 'new' })]);
    young.nowMs = old.nowMs;
    young.comparator.configure([]);
    young.comparator.configure([target({ rules: 'new' })]);
    young.exchange(question(), answer({}), answer({}));
    expect(samplesOf(await page(mergeComparison([old.comparator.data(), young.comparator.data()])), 'shadowtap_compared_total')).toEqual(['{} 1']);
  });

  it('say which target is a baseline', async () => {
    const bench = new Bench([target({ role: 'Baseline' })]);
    bench.exchange(question(), answer({}), answer({}));
    expect(await page(bench.comparator.data())).toContain('shadowtap_compared_total{policy="shop/next",target="http://v2",role="Baseline"} 1\n');
  });
});
