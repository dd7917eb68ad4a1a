import { AdminServer, type AdminPage } from './admin/server.ts';
import { Attachments } from './agent/attachments.ts';
import { startTap } from './agent/start-tap.ts';
import { WorkerPool } from './agent/worker-pool.ts';
import type { AgentConfig } from './config.ts';
import { ShadowtapError } from './errors.ts';
import { AccountBook } from './ledger/book.ts';
import { createLogger, type Logger } from './log.ts';
import { MetricsPage } from './metrics.ts';
import { buildSnapshot } from './policy/build-snapshot.ts';
import type { AgentStats } from './stats.ts';
import type { Endpoint, Tap } from './tap/tap.ts';
import { VERSION } from './version.ts';

/**
 * The agent: taps the configured endpoints and mirrors their requests by policy. Composition root: it makes the stages,
 * starts them from the far end of the line to the near one, and stops them the other way round.
 */
export class Agent {
  readonly #config: AgentConfig;
  readonly #log: Logger;
  readonly #startedMs = performance.now();
  readonly #metrics = new MetricsPage();
  #running: Running | null = null;

  constructor(config: AgentConfig) {
    this.#config = config;
    this.#log = createLogger(config.settings.logLevel);
  }

  /**
   * Resolves when workers run, endpoints have been tried and the admin port is open.
   * @throws ShadowtapError TAP_UNAVAILABLE, TAP_LOAD, WORKER or LISTEN; nothing is left behind then
   */
  async start(): Promise<void> {
    const { settings, endpoints, policies } = this.#config;
    const { workers, ringBytes, memoryBytes, markerHeader: marker } = settings;
    const tap = await startTap(settings.tap, { rings: workers, ringBytes }, endpoints, this.#log);
    const book = new AccountBook(tap.sources.length);
    const snapshot = buildSnapshot(1, policies, endpoints);
    const pool = new WorkerPool({ sources: tap.sources, memoryBytes, marker, book, log: this.#log }, snapshot);
    const attachments = new Attachments(tap, this.#log);
    const admin = settings.admin === null ? null : new AdminServer(this.#pages());
    this.#running = { tap, book, pool, attachments, admin };
    try {
      await pool.start();
      const selected = snapshot.endpoints.filter(({ ports }) => ports.length > 0);
      await attachments.want(selected.map(({ id, ports }) => ({ ...endpointOf(endpoints, id), ports })));
      if (admin !== null && settings.admin !== null) {
        const port = await admin.listen(settings.admin.host, settings.admin.port);
        this.#log.info({ host: settings.admin.host, port }, 'admin port open');
      }
    } catch (error) {
      await this.stop();
      throw error;
    }
    this.#log.info({ tap: tap.name, workers, endpoints: endpoints.length, policies: policies.length }, 'mirroring');
  }

  /** Lets go of production first, then finishes or counts what is under way. Idempotent. */
  async stop(): Promise<void> {
    const running = this.#running;
    this.#running = null;
    if (running === null) return;
    await running.attachments.stop();
    await running.pool.stop(this.#config.settings.drainGraceMs);
    await running.admin?.close();
    await running.tap.stop();
    this.#log.info({ ledger: running.book.sums() }, 'stopped');
  }

  /** @throws ShadowtapError INTERNAL when the agent is not running */
  stats(): AgentStats {
    const running = this.#running;
    if (running === null) throw new ShadowtapError('INTERNAL', 'the agent is not running');
    const counters: Record<string, number> = {};
    running.pool.addCounters(counters);
    const { user, system } = process.cpuUsage();
    return {
      version: VERSION,
      uptimeSeconds: (performance.now() - this.#startedMs) / 1000,
      tap: { name: running.tap.name, ...running.tap.stats() },
      ledger: running.book.sums(),
      counters,
      endpoints: running.attachments.status(),
      workers: { running: running.pool.running, restarts: running.pool.restarts },
      process: { cpuUs: user + system, rssBytes: process.memoryUsage.rss() },
    };
  }

  #pages(): Record<string, () => AdminPage | Promise<AdminPage>> {
    return {
      // Alive as long as this thread answers; ready when every worker runs and every endpoint is tapped.
      '/healthz': () => text(200, 'ok\n'),
      '/readyz': () => this.#ready(),
      '/metrics': async () => ({
        status: 200,
        contentType: this.#metrics.contentType,
        body: await this.#metrics.render(this.stats()),
      }),
      '/stats': () => ({ status: 200, contentType: 'application/json', body: `${JSON.stringify(this.stats())}\n` }),
    };
  }

  #ready(): AdminPage {
    const { workers, endpoints } = this.stats();
    const problems = endpoints.filter(({ attached }) => !attached).map(({ name, problem }) => `${name}: ${problem}`);
    if (workers.running === 0) problems.unshift('no worker runs');
    return problems.length === 0 ? text(200, 'ready\n') : text(503, `${problems.join('\n')}\n`);
  }
}

interface Running {
  readonly tap: Tap;
  readonly book: AccountBook;
  readonly pool: WorkerPool;
  readonly attachments: Attachments;
  readonly admin: AdminServer | null;
}

function endpointOf(endpoints: readonly Endpoint[], id: number): Endpoint {
  return endpoints.find((endpoint) => endpoint.id === id)!;
}

function text(status: 200 | 503, body: string): AdminPage {
  return { status, contentType: 'text/plain; charset=utf-8', body };
}
