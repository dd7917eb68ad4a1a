import { startAgent, type AgentUnderTest } from '../support/agent.ts';
import type { Bench } from './context.ts';
import { apply, nameOf, type Load } from './load.ts';
import { cpuUs } from './process-usage.ts';

/** Runs before what counts: what runs for weeks is not measured in its first seconds. */
const RUN_IN_SECONDS = 2;

/** Two agents that differ in one setting, and what each pays for a request. */
export interface PairedAgents {
  /** `spec` of the policy, without its selector. */
  readonly off: object;
  readonly on: object;
  readonly port: number;
  /** Requests that the cost is shared among. */
  readonly countOf: (agent: AgentUnderTest) => Promise<number>;
  readonly load: Load;
}

export interface PairedCosts {
  /** CPU of the agent's process, microseconds for each request that was counted; by round. */
  readonly off: readonly number[];
  readonly on: readonly number[];
}

/** Rounds of one agent, then the other, in turned order, each started afresh. @param also asked of the second one at the end of its round */
export async function pairedCosts(bench: Bench, { off, on, port, countOf, load }: PairedAgents, also: (agent: AgentUnderTest) => Promise<void> = async () => {}): Promise<PairedCosts> {
  const costs = { off: [] as number[], on: [] as number[] };
  for (let round = 0; round < bench.effort.repeats; round++) {
    for (const which of round % 2 === 0 ? (['off', 'on'] as const) : (['on', 'off'] as const)) {
      await using agent = await start(bench, port, which === 'on' ? on : off);
      costs[which].push(await costOf(bench, agent, port, countOf, load));
      bench.say(`${which}, ${nameOf(load)}: ${costs[which].at(-1)!.toFixed(1)} µs`);
      if (which === 'on') await also(agent);
    }
  }
  return costs;
}

async function costOf(bench: Bench, agent: AgentUnderTest, port: number, countOf: PairedAgents['countOf'], load: Load): Promise<number> {
  const { address } = bench.arena.app;
  await apply({ kind: 'flat out', seconds: RUN_IN_SECONDS }, address, port);
  await agent.until(({ ledger }) => ledger.open === 0, 30_000);
  const [before, cpuBefore] = [await countOf(agent), cpuUs([agent.process.pid])];
  await apply(load, address, port);
  await agent.until(({ ledger }) => ledger.open === 0, 30_000);
  return (cpuUs([agent.process.pid]) - cpuBefore) / ((await countOf(agent)) - before);
}

function start({ arena }: Bench, port: number, policy: object): Promise<AgentUnderTest> {
  return startAgent({
    spec: { endpoints: [{ name: 'bench/app', labels: { app: 'bench' }, ports: [port], netns: arena.app.netns }], logLevel: 'info' },
    policies: { next: { selector: { matchLabels: { app: 'bench' } }, ...policy } },
  });
}
