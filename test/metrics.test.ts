import { describe, expect, it } from 'vitest';
import { METRICS, MetricsPage } from '../src/metrics.ts';
import { mergeInsight } from '../src/insight.ts';
import type { AgentStatsWithInsight } from '../src/stats.ts';
import { newStageCounters, workerBoard } from '../src/worker/board.ts';

function stats(): AgentStatsWithInsight {
  const counters: Record<string, number> = {};
  workerBoard(newStageCounters()).addTo(counters);
  for (const name of Object.keys(counters)) counters[name] = 7;
  const request = { policy: 'shop/a', outcome: 'mirrored', reason: '2xx', count: 5 } as const;
  return {
    version: '1.2.3',
    uptimeSeconds: 1,
    mirroring: true,
    governorShare: 1,
    sampleShares: [{ policy: 'shop/next', share: 0.5 }],
    tap: { name: 'ebpf:tcx', seen: 9, copied: 8, bytes: 7, shed: 1, shedFlows: 1, notHttp: 0, notHttpFlows: 0, lost: 0, programNs: 0, programRuns: 0 },
    ledger: { seen: 6, open: 1, requests: [request], copies: [{ ...request, target: 'http://m' }] },
    counters,
    endpoints: [{ name: 'shop/pod', ports: [80], attached: true, problem: '' }],
    comparisons: [],
    cluster: null,
    workers: { running: 1, restarts: 0 },
    process: { cpuUs: 1_500_000, rssBytes: 42 },
    insight: mergeInsight([]),
    observed: [],
    report: { version: '1.2.3', at: '2026-01-01T00:00:00Z', policies: [] },
  };
}

describe('the metrics page', () => {
  it('shows the ledger with its labels, and is the same however often it is asked', async () => {
    const page = new MetricsPage(METRICS);
    const first = await page.render(stats());
    expect(first).toContain('shadowtap_requests_seen_total 6\n');
    expect(first).toContain('shadowtap_requests_total{policy="shop/a",outcome="mirrored",reason="2xx"} 5\n');
    expect(first).toContain('shadowtap_copies_total{policy="shop/a",target="http://m",outcome="mirrored",reason="2xx"} 5\n');
    expect(first).toContain('shadowtap_process_cpu_seconds_total 1.5\n');
    expect(first).toContain('shadowtap_flows_ended_total{reason="fin"} 7\n');
    expect(await page.render(stats())).toBe(first);
  });

  it('has a metric for every counter of the stages', () => {
    const { counters, ...rest } = stats();
    const unseen = Object.keys(counters).filter((name) => {
      const without = { ...rest, counters: { ...counters, [name]: 1_000_003 } };
      return !METRICS.some((row) => row.type !== 'histogram' && row.samples(without).some(({ value }) => value === 1_000_003));
    });
    expect(unseen).toEqual([]);
  });
});
