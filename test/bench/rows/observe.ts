import type { InsightData } from '../../../src/insight.ts';
import type { AgentUnderTest } from '../../support/agent.ts';
import { PRODUCTION_PORT } from '../arena.ts';
import type { Row } from '../context.ts';
import { figure, remark, type Figure } from '../figures.ts';
import { nameOf } from '../load.ts';
import { pairedCosts } from '../paired-agents.ts';

const NOBODY = { matches: [{ path: { type: 'Exact', value: '/nobody-asks-for-this' } }] };

/** What it costs to observe a pod whose traffic goes nowhere: rates, latency, findings; beside an agent that only decodes it. */
export const OBSERVE: Row = {
  name: 'observe',
  async measure(bench) {
    const targets = [{ url: bench.arena.mirrorUrl }];
    const loads = [bench.steadyGet, bench.flatOut];
    const agents = { off: { ...NOBODY, targets }, on: { ...NOBODY, targets, observe: true }, port: PRODUCTION_PORT, loads, countsOf };
    const costs = await pairedCosts(bench, agents);
    return costs.flatMap(({ off, on, counts }, load): Figure[] => {
      const what = nameOf(loads[load]!);
      const rise = on.map((cost, round) => cost - off[round]!);
      const shares = counts.map(({ requests, observed }) => (100 * observed) / requests);
      return [
        figure('observe', `tap, decoding, matching, per request, ${what}`, 'µs', off),
        figure('observe', 'the same, observed', 'µs', on),
        figure('observe', `observing, per request, ${what}`, 'µs', rise, { atMost: 10 }),
        remark('observe', `of what was seen, observed, ${what}`, `${Math.min(...shares).toFixed(1)} %`),
      ];
    });
  },
};

/** What was seen, and what was observed of it. */
async function countsOf(agent: AgentUnderTest): Promise<{ requests: number; observed: number }> {
  const { observe } = (await (await agent.page('/insight')).json()) as InsightData;
  const observed = observe.endpoints.reduce((sum, { requests }) => sum + requests, 0);
  return { requests: (await agent.stats()).ledger.seen, observed };
}
