import { hostname } from 'node:os';
import { AdminServer, type AdminPage, type AdminRoutes } from './admin/server.ts';
import type { ListenAddress } from './config/listen.ts';
import { ClusterWatch, type Followed } from './controller/cluster-watch.ts';
import { isObserving } from './controller/finding-events.ts';
import { FleetPoll } from './controller/fleet-poll.ts';
import { Importer, type RouteKind } from './controller/importer.ts';
import { Lease } from './controller/lease.ts';
import { CONTROLLER_METRICS, type ControllerStats } from './controller/metrics.ts';
import { Rounds } from './controller/rounds.ts';
import { Teller } from './controller/teller.ts';
import type { ApiClient } from './kube/api-client.ts';
import { keyOf } from './kube/objects.ts';
import type { Permissions } from './kube/permissions.ts';
import type { Timing } from './kube/reflector.ts';
import { createLogger, type Logger, type LogLevel } from './log.ts';
import { MetricsPage } from './metrics.ts';
import { VERSION } from './version.ts';

export interface ControllerOptions {
  readonly admin: ListenAddress | null;
  readonly logLevel: LogLevel;
  readonly permissions: Permissions;
  /** Kinds of routes that are turned into policies. */
  readonly imports: readonly RouteKind[];
  /** Tells controllers apart; that of the pod by default. */
  readonly identity?: string;
  /** How often agents are asked, and policies looked at without a reason, milliseconds. */
  readonly lookMs?: number;
  readonly lease?: { readonly durationMs: number; readonly renewMs: number };
  readonly timing?: Timing;
}

const LEASE = 'shadowtap-controller';
const LOOK_MS = 5_000;
/** After a change: they come in bursts. */
const SOON_MS = 200;

/**
 * Tells people what becomes of their policies: judges them, asks the agents how they fare, and writes status and Events.
 * Agents need nothing from it. It has no privileges on nodes, and agents need no right to write to the cluster.
 */
export class Controller {
  readonly log: Logger;
  readonly #api: ApiClient;
  readonly #options: ControllerOptions;
  readonly #lease: Lease;
  readonly #cluster: ClusterWatch;
  readonly #importer: Importer;
  readonly #fleet: FleetPoll;
  readonly #teller: Teller;
  readonly #looks = new Rounds(() => this.#look());
  readonly #metrics = new MetricsPage(CONTROLLER_METRICS);
  #admin: AdminServer | null = null;
  #stopped = false;
  /** Why nothing can be said, as the log has it already. */
  #obstacle = '';

  /** @param api is closed with the controller */
  constructor(api: ApiClient, options: ControllerOptions) {
    const { imports, permissions, timing, lookMs = LOOK_MS, logLevel } = options;
    const log = createLogger(logLevel);
    this.log = log;
    this.#api = api;
    this.#options = options;
    const pod = process.env['POD_NAME'] ?? hostname();
    const holder = options.identity ?? `${pod}_${process.pid}`;
    const soon = (): void => this.#looks.hurry(SOON_MS);
    this.#lease = new Lease(api, { namespace: api.namespace, name: LEASE, holder, ...options.lease, onChange: soon }, log);
    this.#cluster = new ClusterWatch(api, soon, timing);
    this.#importer = new Importer(api, imports, soon, log, timing);
    this.#fleet = new FleetPoll({
      agents: () => (this.#mayWrite() && this.#cluster.synced ? this.#cluster.agents : null),
      onView: () => this.#looks.hurry(0),
      everyMs: lookMs,
      log,
      also: { page: () => (this.#observes() ? '/findings' : null), onAnswer: (stats, value) => this.#teller.found(stats, value) },
    });
    this.#teller = new Teller({ api, cluster: this.#cluster, importer: this.#importer, permissions, instance: pod, log, mayWrite: () => this.#mayWrite() });
  }

  /** Resolves when the admin port is open. @throws ShadowtapError LISTEN */
  async start(): Promise<void> {
    const { admin } = this.#options;
    if (admin !== null) {
      this.#admin = new AdminServer(this.#pages());
      const port = await this.#admin.listen(admin.host, admin.port);
      this.log.info({ host: admin.host, port }, 'admin port open');
    }
    this.#lease.start();
    for (const reflector of this.#reflectors()) reflector.start();
    this.log.info({ server: this.#api.server, namespace: this.#api.namespace }, 'controller started');
  }

  /** Nothing more is written; another controller may go on at once. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all([this.#looks.stop(), this.#fleet.stop()]);
    await Promise.all(this.#reflectors().map((reflector) => reflector.stop()));
    await this.#lease.stop();
    await this.#admin?.close();
    await this.#api.close();
    this.log.info('stopped');
  }

  stats(): ControllerStats {
    const { view } = this.#fleet;
    return {
      version: VERSION,
      leading: this.#lease.held,
      agents: { all: this.#cluster.agents.length, answering: view?.answered ?? 0 },
      conditions: [...this.#cluster.policies.values()].flatMap((object) =>
        this.#teller.conditionsOf(object).map(({ type, status, reason }) => ({ policy: keyOf(object.facts), type, status, reason })),
      ),
      statusWrites: this.#teller.statusWrites,
      events: this.#teller.eventWrites,
      imported: this.#importer.count,
      watches: this.#reflectors().map((reflector) => reflector.status()),
    };
  }

  async #look(): Promise<number> {
    const { lookMs = LOOK_MS } = this.#options;
    if (!this.#cluster.synced) this.#complain();
    if (!this.#mayWrite() || !this.#cluster.synced) return lookMs;
    const { view } = this.#fleet;
    // Before agents have been asked, what the status says of them is better than nothing.
    if (view === null) this.#fleet.hurry();
    if (view === null) return lookMs;
    try {
      const { isCut, hasNews } = await this.#teller.look(view);
      if (hasNews) this.#fleet.hurry();
      return isCut ? 0 : lookMs;
    } catch (error) {
      this.log.error({ err: error }, 'a look at the policies failed; the next one follows');
      return lookMs;
    }
  }

  /** Some policy has its pods observed. */
  #observes(): boolean {
    return [...this.#cluster.policies.values()].some(isObserving);
  }

  #mayWrite(): boolean {
    return this.#lease.held && !this.#stopped;
  }

  #reflectors(): readonly Followed[] {
    return [...this.#cluster.reflectors, ...this.#importer.reflectors];
  }

  /** Says once what stands in the way of following the cluster. */
  #complain(): void {
    const obstacle = this.#obstacleNow();
    if (obstacle !== '' && obstacle !== this.#obstacle) this.log.warn({ problem: obstacle }, 'the cluster cannot be followed; it is tried again');
    this.#obstacle = obstacle;
  }

  #obstacleNow(): string {
    return this.#cluster.reflectors.map((reflector) => reflector.status().problem).find((problem) => problem !== '') ?? '';
  }

  #pages(): AdminRoutes {
    return {
      '/healthz': () => ({ status: 200, contentType: 'text/plain; charset=utf-8', body: 'ok\n' }),
      '/readyz': () => this.#ready(),
      '/metrics': async () => ({ status: 200, contentType: this.#metrics.contentType, body: await this.#metrics.render(this.stats()) }),
      '/stats': () => ({ status: 200, contentType: 'application/json', body: `${JSON.stringify(this.stats())}\n` }),
    };
  }

  #ready(): AdminPage {
    const { synced } = this.#cluster;
    const body = synced ? 'ready\n' : `the cluster has not been heard yet: ${this.#obstacleNow() || 'it is being listed'}\n`;
    return { status: synced ? 200 : 503, contentType: 'text/plain; charset=utf-8', body };
  }
}
