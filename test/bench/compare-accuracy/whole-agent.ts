import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { judge } from '../../../src/compare/judge/judge.ts';
import type { PolicyReport } from '../../../src/compare/report.ts';
import type { InsightData } from '../../../src/insight.ts';
import { startAgent, type AgentUnderTest } from '../../support/agent.ts';
import { createNetwork, type Pod } from '../../support/network.ts';
import { DEFECTS, type Defect } from './defects.ts';
import { scoreOf, type Found } from './score.ts';
import { Client, type InstanceOptions } from './servers.ts';
import { traffic } from './traffic.ts';

const PROGRAM = fileURLToPath(new URL('./shop-process.ts', import.meta.url));
const PORT = 8080;
const STEP_MS = 10;
const POLICY = 'next';
const RULES = { maxDifferentPercent: 0, maxSlowdownPercent: 10, confidencePercent: 95, minCompared: 100, learnNoise: true };

export interface AgentTrialOptions {
  readonly seed: number;
  readonly rate: number;
  readonly volume: number;
}

export interface AgentScore extends Found {
  readonly compared: number;
  /** Endpoints by the verdict on their latency, which is the same in both versions. */
  readonly latency: Readonly<Record<string, number>>;
  readonly report: PolicyReport;
}

/**
 * The same through the whole product: version 1, its mirror and a baseline in pods of their own, a hundred requests a second, and the agent that taps, pairs,
 * compares and judges. Needs root and a kernel with BPF. Time is real, so no two runs are quite the same.
 */
export async function runAgentTrial({ seed, rate, volume }: AgentTrialOptions): Promise<AgentScore> {
  await using network = await createNetwork();
  const pods = await Promise.all(['v1', 'v2', 'base'].map((name) => network.createPod({ name })));
  const [app, shadow, baseline] = pods as [Pod, Pod, Pod];
  await using _production = await startShop(app, { name: 'shop-v1-7d9f', seed: seed * 10 + 1, rate: 0 });
  await using mirror = await startShop(shadow, { name: 'shop-v2-c41a', seed: seed * 10 + 2, rate });
  await using _baseline = await startShop(baseline, { name: 'shop-v1-base', seed: seed * 10 + 3, rate: 0 });
  await using agent = await startAgent({
    spec: { workers: 1, endpoints: [{ name: 'shop/v1', ports: [PORT], netns: app.netns }] },
    policies: {
      [POLICY]: {
        selector: {},
        targets: [{ url: urlOf(shadow) }, { url: urlOf(baseline), role: 'Baseline' }],
        compare: { maxPerSecond: 0 },
      },
    },
  });
  using client = new Client(PORT, app.address);
  const requests = traffic(seed);
  for (let count = 0; count < volume; count++) {
    const startMs = performance.now();
    await client.ask(requests.next().value);
    await sleep(Math.max(0, STEP_MS - (performance.now() - startMs)));
  }
  const report = await reportOf(agent, volume);
  const latency: Record<string, number> = {};
  for (const { verdict } of report.endpoints.flatMap((endpoint) => endpoint.latency ?? [])) latency[verdict] = (latency[verdict] ?? 0) + 1;
  return { ...scoreOf(report, await mirror.planted()), compared: report.counts.compared, latency, report };
}

function urlOf(pod: Pod): string {
  return `http://${pod.address}:${PORT}`;
}

async function startShop(pod: Pod, options: InstanceOptions): Promise<{ planted(): Promise<Defect[]> } & AsyncDisposable> {
  const running = pod.start(process.execPath, [PROGRAM, JSON.stringify({ ...options, host: '0.0.0.0', port: PORT })], { ipc: true });
  const heard = () => new Promise<unknown>((resolve) => running.child.once('message', resolve));
  await heard();
  return {
    async planted() {
      const answer = heard();
      running.child.send('what was planted?');
      const { planted } = (await answer) as { planted: string[] };
      return DEFECTS.filter(({ name }) => planted.includes(name));
    },
    [Symbol.asyncDispose]: () => running[Symbol.asyncDispose](),
  };
}

/** Once every exchange is in it, or ten seconds have passed. */
async function reportOf(agent: AgentUnderTest, volume: number): Promise<PolicyReport> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const { compare } = (await (await agent.page('/insight')).json()) as InsightData;
    const report = judge(compare, () => RULES).policies.find(({ role }) => role === 'Mirror');
    const counted = report === undefined ? 0 : Object.values(report.counts.notCompared).reduce((sum, count) => sum + count, report.counts.compared);
    if (report !== undefined && (counted >= volume || Date.now() > deadline)) return report;
    if (Date.now() > deadline) throw new Error('the agent tells of no comparison');
    await sleep(200);
  }
}
