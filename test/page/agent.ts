import { Gate } from '../../src/admin/gate.ts';
import { AdminServer, type AdminPage } from '../../src/admin/server.ts';
import { LiveHub } from '../../src/agent/live-hub.ts';
import { pageRoutes } from '../../src/agent/page.ts';
import type { Report } from '../../src/compare/report.ts';
import type { InsightData } from '../../src/insight.ts';
import type { AgentStats } from '../../src/stats.ts';
import type { LiveExchange } from '../../src/worker/live-exchange.ts';
import type { Watcher } from '../../src/worker/messages.ts';
import { exchangeAt, fitsFilter, insightAt, reportAt, statsAt } from './figures.ts';

export interface SceneOptions {
  readonly port?: number;
  readonly token?: string | null;
  readonly stats?: (n: number) => AgentStats;
  readonly report?: (n: number) => Report;
  readonly insight?: (n: number) => InsightData;
  readonly exchange?: (n: number) => LiveExchange;
  /** Exchanges a second that the workers see. */
  readonly rate?: number;
}

const BATCH_MS = 250;
/** What workers let through at most, a second. */
const SHOWN = 50;

/** The admin port of an agent whose traffic is invented; all between it and the browser is ours. */
export class PageScene {
  readonly #server: AdminServer;
  readonly #hub: LiveHub;
  readonly #options: SceneOptions;
  #timer: NodeJS.Timeout | null = null;
  #n = 1_000;
  port = 0;
  watchers: readonly Watcher[] = [];

  private constructor(options: SceneOptions) {
    this.#options = options;
    const { stats = statsAt, report = reportAt, insight = insightAt, token = null } = options;
    this.#hub = new LiveHub({ tell: ({ watchers }) => (this.watchers = watchers), report: async () => report(this.#n) });
    const trustedOnly = (trusted: boolean, value: () => unknown): AdminPage => (trusted ? json(value()) : { status: 403, contentType: 'text/plain', body: 'no' });
    this.#server = new AdminServer(
      {
        ...pageRoutes(this.#hub, token !== null),
        '/stats': () => json(stats(this.#n)),
        '/report': ({ trusted }) => trustedOnly(trusted, () => report(this.#n)),
        '/insight': ({ trusted }) => trustedOnly(trusted, () => insight(this.#n)),
      },
      new Gate(token),
    );
  }

  static async start(options: SceneOptions = {}): Promise<PageScene> {
    const scene = new PageScene(options);
    scene.port = await scene.#server.listen('127.0.0.1', options.port ?? 0);
    scene.#timer = setInterval(() => scene.#flow(), BATCH_MS);
    return scene;
  }

  get url(): string {
    return `http://localhost:${this.port}/`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    await this.#server.close();
  }

  /** As workers do: of each batch's exchanges those that fit, thinned out. */
  #flow(): void {
    const { rate = 40, exchange = exchangeAt } = this.#options;
    const count = Math.ceil((rate * BATCH_MS) / 1000);
    const most = Math.ceil((SHOWN * BATCH_MS) / 1000);
    const looked = Math.min(count, most * 8);
    const seen = Array.from({ length: looked }, (_, i) => exchange(this.#n + i));
    this.#n += count;
    this.#hub.pass(
      this.watchers.map(({ id, filter }) => {
        const fitting = seen.filter((one) => fitsFilter(one, filter));
        const items = fitting.slice(0, most);
        const matched = Math.round((fitting.length / looked) * count);
        return { id, batch: { matched, left: matched - items.length, items } };
      }),
    );
  }
}

function json(value: unknown): AdminPage {
  return { status: 200, contentType: 'application/json', body: JSON.stringify(value) };
}
