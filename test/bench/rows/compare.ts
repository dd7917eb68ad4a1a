import type { InsightData } from '../../../src/insight.ts';
import { outcomes, type AgentUnderTest } from '../../support/agent.ts';
import { startNginx } from '../../support/servers/nginx.ts';
import type { Row } from '../context.ts';
import { figure, promise, remark, type Figure } from '../figures.ts';
import { nameOf } from '../load.ts';
import { pairedCosts } from '../paired-agents.ts';
import { median, pairedRatio } from '../statistics.ts';

const PORT = 8091;
/** By so much, in percent, the CPU for a mirrored request may rise. */
const MOST_PERCENT = 30;
const CONTENT_BYTES = 2048;

/** What comparing costs: both sides answer with 2 KiB of JSON that differ in an id and a time. */
export const COMPARE: Row = {
  name: 'compare',
  async measure(bench) {
    const { app, shadow } = bench.arena;
    const options = { port: PORT, log: false, server: () => `location / { default_type application/json; return 200 '${content()}'; }` };
    await using _production = await startNginx(app, options);
    await using _mirror = await startNginx(shadow, options);
    const targets = [{ url: `http://${shadow.address}:${PORT}` }];
    const loads = [bench.steadyGet, bench.flatOut];
    const costs = await pairedCosts(bench, { off: { targets }, on: { targets, compare: {} }, port: PORT, loads, countsOf });
    return costs.flatMap(({ off, on, counts }, load): Figure[] => {
      const what = nameOf(loads[load]!);
      const { ratio, low, high } = pairedRatio(off, on);
      const percent = 100 * (ratio - 1);
      const met = percent <= MOST_PERCENT ? 'yes' : 100 * (low - 1) > MOST_PERCENT ? 'no' : 'unclear';
      const shareOf = (name: 'compared' | 'different'): string => `${median(counts.map((round) => (100 * round[name]) / round.requests)).toFixed(1)} %`;
      return [
        figure('compare', `whole agent, per mirrored request, ${what}, not compared`, 'µs', off),
        figure('compare', `the same, answers compared`, 'µs', on),
        promise('compare', `so much more, ${what}`, `${percent.toFixed(0)} % (${(100 * (low - 1)).toFixed(0)} to ${(100 * (high - 1)).toFixed(0)})`, `≤ ${MOST_PERCENT} %`, met),
        remark('compare', `of what was mirrored, compared, and found to differ in the two places, ${what}`, `${shareOf('compared')}, ${shareOf('different')}`),
      ];
    });
  },
};

/** What was mirrored, and what of it was compared and found to differ in the two places that do. */
async function countsOf(agent: AgentUnderTest): Promise<{ requests: number; compared: number; different: number }> {
  const { compare } = (await (await agent.page('/insight')).json()) as InsightData;
  const endpoints = compare.policies.flatMap((policy) => policy.endpoints);
  const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
  return {
    requests: outcomes((await agent.stats()).ledger)['mirrored 2xx'] ?? 0,
    compared: sum(endpoints.map((endpoint) => endpoint.compared)),
    different: sum(endpoints.flatMap(({ signatures }) => signatures.filter(({ places }) => places.length === 2).map(({ count }) => count))),
  };
}

/** An order with an id and a time of its own: nginx fills them in. */
function content(): string {
  const order = { id: '$request_id', at: '$msec', customer: { name: 'Ada', city: 'London' }, items: [] as object[] };
  for (let i = 0; JSON.stringify(order).length < CONTENT_BYTES; i++) order.items.push({ sku: `A-${1000 + i}`, name: 'Teapot', price: 17.5 + i, count: i % 3, tags: ['kitchen', 'blue'] });
  return JSON.stringify(order);
}
