import { startAgent, type AgentUnderTest } from '../support/agent.ts';
import { RATE, type Bench } from './context.ts';
import { apply, nameOf, type Load } from './load.ts';
import { cpuUs } from './process-usage.ts';

const FLAT_OUT_SECONDS = 2;

/** Two agents that differ in one setting, and what each pays for a request. */
export interface PairedAgents<Counts extends Counted> {
  /** `spec` of the policy, without its selector. */
  readonly off: object;
  readonly on: object;
  readonly port: number;
  readonly loads: readonly Load[];
  /** What the agent has counted since it began. */
  readonly countsOf: (agent: AgentUnderTest) => Promise<Counts>;
}

/** Requests that the cost is shared among, and whatever else is of interest. */
export interface Counted extends Readonly<Record<string, number>> {
  readonly requests: number;
}

/** Of one load, by round. */
export interface PairedCosts<Counts extends Counted> {
  /** CPU of the agent's process, microseconds for each request that was counted. */
  readonly off: readonly number[];
  readonly on: readonly number[];
  /** What was counted during the load with the setting on. */
  readonly counts: readonly Counts[];
}

interface Measured<Counts> {
  readonly us: number;
  readonly counts: Counts;
}

/** Rounds of one agent, then the other, in turned order, each started afresh. @returns by load */
export async function pairedCosts<Counts extends Counted>(bench: Bench, agents: PairedAgents<Counts>): Promise<PairedCosts<Counts>[]> {
  const measured: Record<'off' | 'on', Measured<Counts>[][]> = { off: [], on: [] };
  for (let round = 0; round < bench.effort.rounds; round++) {
    for (const which of round % 2 === 0 ? (['off', 'on'] as const) : (['on', 'off'] as const)) {
      measured[which].push(await costsOf(bench, agents, which));
    }
  }
  const us = (which: 'off' | 'on', load: number): number[] => measured[which].map((loads) => loads[load]!.us);
  return agents.loads.map((_, load) => ({ off: us('off', load), on: us('on', load), counts: measured.on.map((loads) => loads[load]!.counts) }));
}

async function costsOf<Counts extends Counted>(bench: Bench, agents: PairedAgents<Counts>, which: 'off' | 'on'): Promise<Measured<Counts>[]> {
  await using agent = await start(bench, agents.port, agents[which]);
  await runIn(bench, agent, agents.port);
  const measured: Measured<Counts>[] = [];
  for (const load of agents.loads) {
    measured.push(await costOf(bench, agent, agents, load));
    bench.say(`${which}, ${nameOf(load)}: ${measured.at(-1)!.us.toFixed(1)} µs`);
  }
  return measured;
}

/** What runs for weeks is not measured in its first seconds, in which V8 interprets and compiles. */
async function runIn(bench: Bench, agent: AgentUnderTest, port: number): Promise<void> {
  const { address } = bench.arena.app;
  await apply({ kind: 'flat out', seconds: FLAT_OUT_SECONDS }, address, port);
  await apply({ kind: 'steady', rate: RATE, count: RATE * bench.effort.runInSeconds, bodyBytes: 0 }, address, port);
  await settled(agent);
}

async function costOf<Counts extends Counted>(bench: Bench, agent: AgentUnderTest, { port, countsOf }: PairedAgents<Counts>, load: Load): Promise<Measured<Counts>> {
  const before = await countsOf(agent);
  const cpuBefore = cpuUs([agent.process.pid]);
  await apply(load, bench.arena.app.address, port);
  await settled(agent);
  const cpu = cpuUs([agent.process.pid]) - cpuBefore;
  const counts = Object.fromEntries(Object.entries(await countsOf(agent)).map(([name, count]) => [name, count - before[name]!])) as Counts;
  return { us: cpu / counts.requests, counts };
}

async function settled(agent: AgentUnderTest): Promise<void> {
  await agent.until(({ ledger }) => ledger.open === 0, 30_000);
}

function start({ arena }: Bench, port: number, policy: object): Promise<AgentUnderTest> {
  return startAgent({
    spec: { endpoints: [{ name: 'bench/app', labels: { app: 'bench' }, ports: [port], netns: arena.app.netns }], logLevel: 'info' },
    policies: { next: { selector: { matchLabels: { app: 'bench' } }, ...policy } },
  });
}
