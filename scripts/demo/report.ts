import { renderTable } from '../../src/cli/table.ts';
import type { AgentStats } from '../../src/stats.ts';
import type { Fingerprint } from './processes.ts';

/** What the demo has seen so far. */
export interface DemoState {
  phase: string;
  secondsLeft: number;
  /** Requests a second. */
  readonly askedRate: number;
  /** How long production has run, in milliseconds; of the phases that are over. */
  productionMs: number;
  readonly sent: { get: number; post: number; upload: number };
  clientErrors: number;
  /** Milliseconds. */
  readonly latencies: { readonly off: number[]; readonly on: number[] };
  /** Statistics of the agent now and a second ago. */
  now: AgentStats;
  before: AgentStats | null;
}

/** The live table: one row a line, replaced in place where the output is a terminal. */
export function liveTable({ phase, secondsLeft, sent, clientErrors, latencies, now, before }: DemoState): string {
  const rows: [string, string][] = [
    ['phase', secondsLeft > 0 ? `${phase} (${secondsLeft} s)` : phase],
    ['production: requests sent', `${sent.get} GET, ${sent.post} JSON POST, ${sent.upload} chunked upload`],
    ['production: errors', String(clientErrors)],
    ['production: latency, tap off', percentiles(latencies.off)],
    ['production: latency, tap on', percentiles(latencies.on)],
    ['agent: tap', now.tap.name],
    ['agent: requests seen', `${now.ledger.seen}${rate(now.ledger.seen, before?.ledger.seen)}`],
    ['agent: outcomes', outcomes(now)],
    ['agent: under way', String(now.ledger.open)],
    ['agent: CPU per request', cpuPerRequest(now, before)],
    ['agent: memory', `${Math.round(now.process.rssBytes / 1048576)} MiB resident, rings included`],
    ['tap: packets', `${now.tap.copied} copied of ${now.tap.seen} seen, ${now.tap.shed} shed`],
  ];
  return renderTable([], rows.filter(([, value]) => value !== '-'));
}

/**
 * @param v1 what production received with the tap on
 * @param v2 what the mirror received
 * @returns the last words, and whether every request is accounted for and every copy is what production got
 */
export function summary(state: DemoState, v1: Fingerprint, v2: Fingerprint): { text: string; agree: boolean } {
  const { now, latencies, askedRate, productionMs } = state;
  const accounted = now.ledger.seen === v1.received && mirrored(now) === v2.received && now.ledger.open === 0;
  // Sums over different sets of requests tell nothing.
  const comparable = v1.received === v2.received;
  const intact = v1.fingerprint === v2.fingerprint;
  const verdict = intact ? 'yes, every one' : 'NO';
  const lines = [
    `v1 received ${v1.received} requests with the tap on; v2 received ${v2.received} copies.`,
    `Same methods, targets, headers and bodies on both: ${comparable ? verdict : 'not compared, as not all were copied; the ledger says why'}.`,
    `Ledger: ${now.ledger.seen} seen = ${outcomes(now)}; ${now.ledger.open} open.`,
    `Production latency, tap off: ${percentiles(latencies.off)}`,
    `Production latency, tap on:  ${percentiles(latencies.on)}`,
    `(Off and on by turns. The mirror and the agent share this machine's cores with production here; npm run bench`,
    `measures with care.)`,
  ];
  const managedRate = Math.round(((latencies.off.length + latencies.on.length) * 1000) / productionMs);
  if (managedRate < askedRate * 0.9) {
    const [asked, managed] = [askedRate, managedRate].map((value) => value.toLocaleString('en'));
    lines.splice(3, 0, `Asked for ${asked}/s, this machine managed ${managed}/s: the latencies below are its own overload.`);
  }
  return { text: `\n${lines.join('\n')}\n`, agree: accounted && (intact || !comparable) };
}

/** Shows a block of text over the previous one on a terminal; elsewhere one after the other, every five seconds. */
export class Screen {
  #lines = 0;
  #shown = 0;

  show(render: () => string, when?: 'now'): void {
    if (process.stdout.isTTY) {
      const text = render();
      if (this.#lines > 0) process.stdout.write(`\x1b[${this.#lines}A\x1b[J`);
      this.#lines = text.split('\n').length;
      process.stdout.write(`${text}\n`);
    } else if (++this.#shown % 5 === 0 || when === 'now') {
      process.stdout.write(`${render()}\n`);
    }
  }
}

/** p50, p90 and p99 with the number of samples. */
function percentiles(latencies: readonly number[]): string {
  if (latencies.length === 0) return '-';
  const sorted = Float64Array.from(latencies).sort();
  const at = (share: number): string => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!.toFixed(2);
  return `p50 ${at(0.5)} ms, p90 ${at(0.9)} ms, p99 ${at(0.99)} ms (${sorted.length} requests)`;
}

function outcomes(stats: AgentStats): string {
  const sums = new Map<string, number>();
  for (const { outcome, reason, count } of stats.ledger.requests) {
    const name = reason === '' ? outcome : `${outcome} ${reason}`;
    sums.set(name, (sums.get(name) ?? 0) + count);
  }
  return Array.from(sums, ([name, count]) => `${name}: ${count}`).join(', ') || 'none yet';
}

function mirrored(stats: AgentStats): number {
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
