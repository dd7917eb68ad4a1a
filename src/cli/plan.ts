import { setTimeout as sleep } from 'node:timers/promises';
import type { Agent } from '../agent.ts';
import { loadConfig } from '../config.ts';
import { ShadowtapError } from '../errors.ts';
import type { PlannedTarget } from '../mirror/planner.ts';
import { durationMs, isDuration } from '../policy/duration.ts';
import type { AgentStats } from '../stats.ts';
import { checkFormat } from './format.ts';
import { EXIT_OK, type Io } from './io.ts';
import { joinCluster } from './join-cluster.ts';
import { settingFlags, type RunOptions } from './settings.ts';
import { renderTable } from './table.ts';

export interface PlanOptions extends RunOptions {
  readonly for: string;
  readonly output: string;
}

const TOP_PATHS = 5;

/** Taps and matches for a while, sends nothing, and says what would have been sent. */
export async function plan(options: PlanOptions, io: Io): Promise<number> {
  if (!isDuration(options.for) || durationMs(options.for) < 1000) {
    throw new ShadowtapError('USAGE', `--for: ${JSON.stringify(options.for)} is not allowed; give a duration from 1s, such as 30s or 5m`);
  }
  checkFormat(options.output);
  const config = loadConfig(options.file, settingFlags({ logLevel: 'warn', ...options }));
  const { Agent } = await import('../agent.ts');
  const cluster = await joinCluster(config);
  // Nobody scrapes a plan, and the agent that it is for may hold the port.
  const agent = new Agent({ ...config, settings: { ...config.settings, admin: null } }, { dryRun: true, ...(cluster && { cluster }) });
  const stopped = io.untilStopped();
  await agent.start();
  cluster?.start(agent);
  await Promise.race([sleep(durationMs(options.for), undefined, { ref: true }), stopped]);
  const report = await planReport(agent);
  await cluster?.stop();
  await agent.stop();
  io.out.write(options.output === 'json' ? `${JSON.stringify(report, null, 2)}\n` : renderPlan(report));
  return EXIT_OK;
}

export interface PlanReport {
  readonly seconds: number;
  readonly requestsSeen: number;
  readonly targets: readonly PlannedRow[];
  /** Requests that would not be sent, and why. */
  readonly left: readonly { readonly policy: string; readonly outcome: string; readonly reason: string; readonly requests: number }[];
  readonly endpoints: AgentStats['endpoints'];
}

interface PlannedRow {
  readonly policy: string;
  readonly target: string;
  readonly requestsPerSecond: number;
  readonly bytesPerSecond: number;
  readonly methods: Readonly<Record<string, number>>;
  readonly topPaths: readonly { readonly path: string; readonly requests: number }[];
}

/** What a dry run has found so far. */
export async function planReport(agent: Agent): Promise<PlanReport> {
  const targets = await agent.plan();
  const { uptimeSeconds: seconds, ledger, endpoints } = agent.stats();
  return {
    seconds,
    requestsSeen: ledger.seen,
    targets: merged(targets).map((target) => plannedRow(target, seconds)),
    left: ledger.requests
      .filter(({ outcome }) => outcome !== 'planned')
      .map(({ policy, outcome, reason, count }) => ({ policy, outcome, reason, requests: count })),
    endpoints,
  };
}

export function renderPlan(report: PlanReport): string {
  const { seconds, requestsSeen, targets, left, endpoints } = report;
  const untapped = endpoints.filter(({ attached }) => !attached).map(({ name, problem }) => `Not tapped: ${name}: ${problem}\n`);
  const wouldSend = renderTable(
    ['policy', 'target', 'requests/s', 'bytes/s', 'methods', 'top paths'],
    targets.map((row) => [
      row.policy,
      row.target,
      row.requestsPerSecond.toFixed(1),
      row.bytesPerSecond.toFixed(0),
      listed(Object.entries(row.methods)),
      row.topPaths.map(({ path, requests }) => `${path} (${requests})`).join('\n'),
    ]),
  );
  const wouldNot = renderTable(
    ['policy', 'not sent because', 'requests'],
    left.map(({ policy, outcome, reason, requests }) => [policy || '(none)', reason === '' ? outcome : `${outcome}: ${reason}`, String(requests)]),
  );
  return `${requestsSeen} requests seen in ${seconds.toFixed(0)} s; nothing was sent.\n${untapped.join('')}${wouldSend}\n${left.length > 0 ? `${wouldNot}\n` : ''}`;
}

/** Workers plan by themselves: one entry for each policy and target. */
function merged(targets: readonly PlannedTarget[]): PlannedTarget[] {
  const byKey = new Map<string, PlannedTarget>();
  for (const target of targets) {
    const key = `${target.policy} ${target.origin}`;
    const known = byKey.get(key);
    byKey.set(key, known === undefined ? target : sum(known, target));
  }
  return [...byKey.values()];
}

function sum(a: PlannedTarget, b: PlannedTarget): PlannedTarget {
  return {
    ...a,
    requests: a.requests + b.requests,
    bytes: a.bytes + b.bytes,
    byMethod: sumCounts(a.byMethod, b.byMethod),
    byPath: sumCounts(a.byPath, b.byPath),
  };
}

function sumCounts(a: Readonly<Record<string, number>>, b: Readonly<Record<string, number>>): Record<string, number> {
  const sums = new Map(Object.entries(a));
  for (const [name, count] of Object.entries(b)) sums.set(name, (sums.get(name) ?? 0) + count);
  return Object.fromEntries(sums);
}

function plannedRow({ policy, origin, requests, bytes, byMethod, byPath }: PlannedTarget, seconds: number): PlannedRow {
  return {
    policy,
    target: origin,
    requestsPerSecond: requests / seconds,
    bytesPerSecond: bytes / seconds,
    methods: byMethod,
    topPaths: Object.entries(byPath)
      .sort(([, a], [, b]) => b - a)
      .slice(0, TOP_PATHS)
      .map(([path, count]) => ({ path, requests: count })),
  };
}

function listed(counts: readonly (readonly [string, number])[]): string {
  return counts.map(([name, count]) => `${name} ${count}`).join(', ');
}
