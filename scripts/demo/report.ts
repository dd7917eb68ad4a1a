import { renderTable } from '../../src/cli/table.ts';
import type { AgentStats } from '../../src/stats.ts';

/** What the demo has seen so far. */
export interface DemoState {
  phase: string;
  secondsLeft: number;
  readonly sent: { get: number; post: number; upload: number };
  clientErrors: number;
  /** Milliseconds, of the time before the tap was attached and of the time since. */
  readonly latencyOff: number[];
  readonly latencyOn: number[];
  /** Statistics of the agent now and a second ago. */
  now: AgentStats | null;
  before: AgentStats | null;
}

/** The live table: one row a line, replaced in place where the output is a terminal. */
export function liveTable(state: DemoState): string {
  const { sent, now, before } = state;
  const rows: [string, string][] = [
    ['phase', state.secondsLeft > 0 ? `${state.phase} (${state.secondsLeft} s)` : state.phase],
    ['production: requests sent', `${sent.get} GET, ${sent.post} JSON POST, ${sent.upload} chunked upload`],
    ['production: errors', String(state.clientErrors)],
    ['production: latency, tap off', percentiles(state.latencyOff)],
    ['production: latency, tap on', percentiles(state.latencyOn)],
  ];
  if (now !== null) {
    rows.push(
      ['agent: tap', now.tap.name],
      ['agent: requests seen', `${now.ledger.seen}${rate(now.ledger.seen, before?.ledger.seen)}`],
      ['agent: outcomes', outcomes(now)],
      ['agent: under way', String(now.ledger.open)],
      ['agent: CPU per request', cpuPerRequest(now, before)],
      ['agent: memory', `${Math.round(now.process.rssBytes / 1048576)} MiB resident, rings included`],
      ['tap: packets', `${now.tap.copied} copied of ${now.tap.seen} seen, ${now.tap.shed} shed`],
    );
  }
  return renderTable([], rows);
}

/** p50, p90 and p99 with the number of samples. */
export function percentiles(latencies: readonly number[]): string {
  if (latencies.length === 0) return '-';
  const sorted = Float64Array.from(latencies).sort();
  const at = (share: number): string => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!.toFixed(2);
  return `p50 ${at(0.5)} ms, p90 ${at(0.9)} ms, p99 ${at(0.99)} ms (${sorted.length} requests)`;
}

export function outcomes(stats: AgentStats): string {
  const sums = new Map<string, number>();
  for (const { outcome, reason, count } of stats.ledger.requests) {
    const name = reason === '' ? outcome : `${outcome} ${reason}`;
    sums.set(name, (sums.get(name) ?? 0) + count);
  }
  return Array.from(sums, ([name, count]) => `${name}: ${count}`).join(', ') || 'none yet';
}

export function mirrored(stats: AgentStats): number {
  return stats.ledger.requests.reduce((sum, { outcome, count }) => (outcome === 'mirrored' ? sum + count : sum), 0);
}

function rate(now: number, before: number | undefined): string {
  return before === undefined ? '' : ` (${now - before}/s)`;
}

function cpuPerRequest(now: AgentStats, before: AgentStats | null): string {
  if (before === null) return '-';
  const requests = mirrored(now) - mirrored(before);
  return requests === 0 ? '-' : `${((now.process.cpuUs - before.process.cpuUs) / requests).toFixed(0)} µs, user and system, last second`;
}
