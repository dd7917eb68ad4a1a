import type { AdminPage, AdminRoutes } from '../admin/server.ts';
import { withoutValues, type InsightData } from '../insight.ts';
import type { Logger } from '../log.ts';
import { MAX_OBSERVED } from '../metrics/observe.ts';
import { METRICS, MetricsPage } from '../metrics.ts';
import { ListedLoads } from '../observe/listed-loads.ts';
import type { AgentStats } from '../stats.ts';
import { json } from './json-page.ts';
import { nodeReport } from './node-report.ts';
import type { Reporting } from './reporting.ts';

/** Who can say what the pages tell. */
export interface Telling {
  readonly log: Logger;
  /** @throws ShadowtapError INTERNAL when the agent is not running */
  stats(): AgentStats;
  insight(): Promise<InsightData>;
}

/** For probes, scrapers and programs; values of the traffic go to trusted viewers alone. */
export function adminPages(agent: Telling, reporting: Reporting): AdminRoutes {
  const metrics = new MetricsPage(METRICS);
  const observed = new ListedLoads(MAX_OBSERVED);
  return {
    // Alive as long as this thread answers.
    '/healthz': () => text(200, 'ok\n'),
    '/readyz': () => ready(agent.stats()),
    '/metrics': async () => {
      const [insight, report] = await Promise.all([agent.insight(), reporting.report()]);
      const stats = { ...agent.stats(), insight, observed: observed.list(insight.observe.endpoints), report };
      return { status: 200, contentType: metrics.contentType, body: await metrics.render(stats) };
    },
    '/stats': async () => {
      // What the agent knows of itself does not depend on it.
      await reporting.report().catch((error: unknown) => agent.log.error({ err: error }, 'the report failed'));
      return json(agent.stats());
    },
    '/findings': async ({ trusted }) => json((trusted ? await agent.insight() : withoutValues(await agent.insight())).findings),
    '/insight': async ({ trusted }) => json(trusted ? await agent.insight() : withoutValues(await agent.insight())),
    '/doctor': () => json({ ...nodeReport(), inUse: agent.stats().tap.name }),
  };
}

/** Workers run, and every configured endpoint is tapped; in a cluster pods come and go, and one that is not says nothing of the agent. */
function ready({ workers, endpoints, cluster }: AgentStats): AdminPage {
  const problems = cluster === null ? endpoints.filter(({ attached }) => !attached).map(({ name, problem }) => `${name}: ${problem}`) : [];
  if (workers.running === 0) problems.unshift('no worker runs');
  if (cluster?.synced === false) {
    const failing = cluster.watches.find(({ problem }) => problem !== '');
    problems.push(`the cluster has not been heard yet: ${failing?.problem ?? 'it is being listed'}`);
  }
  return problems.length === 0 ? text(200, 'ready\n') : text(503, `${problems.join('\n')}\n`);
}

function text(status: 200 | 503, body: string): AdminPage {
  return { status, contentType: 'text/plain; charset=utf-8', body };
}
