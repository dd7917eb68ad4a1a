import type { InsightData } from '../../../src/insight.ts';
import type { AgentUnderTest } from '../../support/agent.ts';
import { PRODUCTION_PORT } from '../arena.ts';
import type { Row } from '../context.ts';
import { figure, remark, type Figure } from '../figures.ts';
import type { Load } from '../load.ts';
import { pairedCosts } from '../paired-agents.ts';

const NOBODY = { matches: [{ path: { type: 'Exact', value: '/nobody-asks-for-this' } }] };

/** What it costs to observe a pod whose traffic goes nowhere: rates, latency, findings; beside an agent that only decodes it. */
export const OBSERVE: Row = {
  name: 'observe',
  async measure(bench) {
    const targets = [{ url: bench.arena.mirrorUrl }];
    const measure = async (what: string, load: Load): Promise<Figure[]> => {
      const shares: number[] = [];
      const agents = { off: { ...NOBODY, targets }, on: { ...NOBODY, targets, observe: true }, port: PRODUCTION_PORT, countOf: seen, load };
      const { off, on } = await pairedCosts(bench, agents, async (agent) => void shares.push(await observedShare(agent)));
      const rise = on.map((cost, round) => cost - off[round]!);
      return [
        figure('observe', `tap, decoding, matching, per request, ${what}`, 'µs', off),
        figure('observe', 'the same, observed', 'µs', on),
        figure('observe', `observing, per request, ${what}`, 'µs', rise, { atMost: 10 }),
        remark('observe', `of what was seen, observed, ${what}`, `${Math.min(...shares).toFixed(1)} %`),
      ];
    };
    return [...(await measure('GET flat out', bench.flatOut)), ...(await measure('GET at 2,000/s', bench.steadyGet))];
  },
};

async function seen(agent: AgentUnderTest): Promise<number> {
  return (await agent.stats()).ledger.seen;
}

async function observedShare(agent: AgentUnderTest): Promise<number> {
  const { observe } = (await (await agent.page('/insight')).json()) as InsightData;
  return (100 * observe.endpoints.reduce((sum, { requests }) => sum + requests, 0)) / (await seen(agent));
}
