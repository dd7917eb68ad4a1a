import { hostname } from 'node:os';
import { isDeepStrictEqual } from 'node:util';
import { Gate } from './admin/gate.ts';
import { AdminServer, type AdminRoutes } from './admin/server.ts';
import { adminPages } from './agent/admin-pages.ts';
import { Alarms } from './agent/alarms.ts';
import { Attachments, type WantedEndpoint } from './agent/attachments.ts';
import { EndpointIds } from './agent/endpoint-ids.ts';
import { nextExpiry, unexpired } from './agent/expiry.ts';
import { Governor } from './agent/governor.ts';
import { LiveHub } from './agent/live-hub.ts';
import { pageAddress, pageRoutes } from './agent/page.ts';
import { Remembered } from './agent/remembered.ts';
import { Reporting } from './agent/reporting.ts';
import { locator, type Whereabouts } from './agent/locator.ts';
import { PodLocator, type PodLocatorOptions } from './kube/pod-location.ts';
import { startTap } from './agent/start-tap.ts';
import { Webhook } from './agent/webhook.ts';
import { WorkerPool } from './agent/worker-pool.ts';
import type { AgentConfig, AgentSettings, ConfiguredEndpoint } from './config.ts';
import { ShadowtapError } from './errors.ts';
import type { Finding } from './findings/data.ts';
import { AccountBook } from './ledger/book.ts';
import { mergeInsight, type InsightData } from './insight.ts';
import { createLogger, type Logger } from './log.ts';
import type { PlannedTarget } from './mirror/planner.ts';
import { buildSnapshot, type SnapshotOptions } from './policy/build-snapshot.ts';
import { policyName } from './policy/policy-name.ts';
import type { PolicySnapshot } from './policy/snapshot.ts';
import type { AgentStats, ClusterStats } from './stats.ts';
import type { Tap } from './tap/tap.ts';
import { VERSION } from './version.ts';
import type { WatchedExchanges } from './worker/messages.ts';

/** How old what is told of the traffic may be: however many ask, the workers are asked once. */
const INSIGHT_MS = 1_000;

/** What can stop mirroring: a file that exists, or a signal. */
export type KillSwitch = 'file' | 'signal';

export interface AgentOptions {
  /** Taps and matches, and counts what would be sent as `planned` instead of sending it. */
  readonly dryRun?: boolean;
  /** Of an agent in a cluster, which is told what to do by `follow`. */
  readonly cluster?: ClusterLink;
}

export interface ClusterLink {
  /** How pods of this node are found. */
  readonly places: Pick<PodLocatorOptions, 'proc' | 'cgroup'>;
  stats(): ClusterStats;
}

/** An endpoint to look for, configured or a pod. */
export type AssignedEndpoint = Omit<ConfiguredEndpoint, 'id' | 'where'> & { readonly uid?: string; readonly where: Whereabouts };

/** What is tapped, and by which policies it is mirrored, at one moment. */
export type Assignment = Pick<AgentConfig, 'policies' | 'pemFiles'> &
  Pick<SnapshotOptions, 'addressesOf' | 'peers'> & { readonly endpoints: readonly AssignedEndpoint[] };

/**
 * The agent: taps the configured endpoints and mirrors their requests by policy. Composition root: it makes the stages,
 * starts them from the far end of the line to the near one, and stops them the other way round.
 */
export class Agent {
  readonly log: Logger;
  readonly #dryRun: boolean;
  readonly #startedMs = performance.now();
  readonly #ids = new EndpointIds();
  readonly #reporting = new Reporting(() => this.insight(), () => this.#assignment.policies);
  readonly #insight = new Remembered(async () => mergeInsight(await this.#pool().insight()), INSIGHT_MS);
  readonly #live = new LiveHub({ tell: (message) => this.#running?.pool.watch(message), report: () => this.#reporting.report() });
  readonly #settings: AgentSettings;
  readonly #cluster: ClusterLink | null;
  #assignment: Assignment;
  /** Kill switches that are thrown: while there is one, taps may stay, nothing is mirrored. */
  readonly #thrown = new Set<KillSwitch>();
  #version = 0;
  #running: Running | null = null;
  #expiry: NodeJS.Timeout | null = null;
  /** Of the last snapshot: policies that had expired by then are not in it. Unix time in milliseconds. */
  #asOfMs = 0;
  /** Changes are applied one after the other. */
  #changing: Promise<void> = Promise.resolve();
  /** The one that waits for that under way: it brings about all that is asked for until it begins. */
  #waiting: Promise<void> | null = null;

  constructor(config: AgentConfig, options: AgentOptions = {}) {
    const { settings, endpoints, policies, pemFiles } = config;
    this.#settings = settings;
    this.#assignment = { endpoints, policies, pemFiles };
    this.#cluster = options.cluster ?? null;
    this.#dryRun = options.dryRun ?? false;
    this.log = createLogger(settings.logLevel);
  }

  /**
   * Resolves when workers run, endpoints have been tried and the admin port is open.
   * @throws ShadowtapError TAP_UNAVAILABLE, TAP_LOAD, WORKER or LISTEN; nothing is left behind then
   */
  async start(): Promise<void> {
    const settings = this.#settings;
    const { endpoints, policies } = this.#assignment;
    const { workers, ringBytes, memoryBytes, markerHeader: marker } = settings;
    const tap = await startTap(settings.tap, { rings: workers, ringBytes }, endpoints, this.log);
    const book = new AccountBook(tap.sources.length);
    const governor = new Governor(settings);
    const alarms = new Alarms(this.log, this.#webhook());
    const { learnSeconds } = settings.findings;
    const live = { showBodies: settings.page.bodies, onExchanges: (batches: readonly WatchedExchanges[]) => this.#live.pass(batches) };
    const told = { live, learnSeconds, onFound: (findings: readonly Finding[]) => alarms.heard(findings) };
    const options = { sources: tap.sources, memoryBytes, marker, share: governor.buffer, book, log: this.log, dryRun: this.#dryRun, ...told };
    const pool = new WorkerPool(options, this.#snapshot(), !this.mirroring);
    const attachments = new Attachments(tap, locator(this.#podLocator(tap)), this.log);
    const admin = settings.admin === null ? null : new AdminServer(this.#pages(), new Gate(settings.page.token));
    this.#running = { tap, book, pool, attachments, admin, governor, alarms };
    try {
      await pool.start();
      governor.start();
      await this.#change();
      if (admin !== null && settings.admin !== null) {
        const port = await admin.listen(settings.admin.host, settings.admin.port);
        this.log.info({ host: settings.admin.host, port }, 'admin port open');
        if (settings.page.enabled) this.log.info({ address: pageAddress(settings.admin.host, port) }, 'the page is served');
      }
    } catch (error) {
      await this.stop();
      throw error;
    }
    this.log.info({ tap: tap.name, workers, endpoints: endpoints.length, policies: policies.length }, this.mirroring ? 'mirroring' : 'running with mirroring switched off');
  }

  /**
   * Takes over endpoints and policies without a restart; requests under way keep the policies that they began with.
   * Other settings need one, and are left as they are.
   */
  async reload(config: AgentConfig): Promise<void> {
    if (!isDeepStrictEqual(this.#settings, config.settings)) this.log.warn('changed settings of the Agent take effect at the next start');
    const { endpoints, policies, pemFiles } = config;
    await this.follow({ endpoints, policies, pemFiles });
    this.log.info({ endpoints: config.endpoints.length, policies: config.policies.length }, 'configuration reloaded');
  }

  /** Takes over another assignment, as `reload` does. */
  async follow(assignment: Assignment): Promise<void> {
    this.#assignment = assignment;
    await this.#change();
  }

  /**
   * A kill switch. While any is thrown nothing is sent, and what waits is given up; taps stay or are detached, as
   * configured.
   */
  async setKillSwitch(which: KillSwitch, thrown: boolean): Promise<void> {
    if (this.#thrown.has(which) === thrown) return;
    const before = this.mirroring;
    if (thrown) this.#thrown.add(which);
    else this.#thrown.delete(which);
    if (this.mirroring === before) return;
    this.log.warn({ by: which }, this.mirroring ? 'mirroring is on again' : 'mirroring is switched off');
    await this.#change();
  }

  isThrown(which: KillSwitch): boolean {
    return this.#thrown.has(which);
  }

  get mirroring(): boolean {
    return this.#thrown.size === 0;
  }

  /** Lets go of production first, then finishes or counts what is under way. Idempotent. */
  async stop(): Promise<void> {
    const running = this.#running;
    this.#running = null;
    if (this.#expiry !== null) clearTimeout(this.#expiry);
    if (running === null) return;
    running.governor.stop();
    await running.attachments.stop();
    await this.#changing.catch(() => {});
    await running.pool.stop(this.#settings.drainGraceMs);
    await running.alarms.stop();
    await running.admin?.close();
    await running.tap.stop();
    this.log.info({ ledger: running.book.sums() }, 'stopped');
  }

  /** What a dry run would have sent so far, worker by worker. */
  async plan(): Promise<PlannedTarget[]> {
    return (await this.#running?.pool.plan()) ?? [];
  }

  /** @throws ShadowtapError INTERNAL when the agent is not running */
  stats(): AgentStats {
    const running = this.#running;
    if (running === null) throw new ShadowtapError('INTERNAL', 'the agent is not running');
    const counters: Record<string, number> = {};
    running.pool.addCounters(counters);
    running.alarms.addCounters(counters);
    const { user, system } = process.cpuUsage();
    return {
      version: VERSION,
      uptimeSeconds: (performance.now() - this.#startedMs) / 1000,
      mirroring: this.mirroring,
      governorShare: running.governor.share,
      tap: { name: running.tap.name, ...running.tap.stats() },
      ledger: running.book.sums(),
      sampleShares: running.book.shares(),
      counters,
      endpoints: running.attachments.status(),
      comparisons: this.#reporting.summaries,
      cluster: this.#cluster?.stats() ?? null,
      workers: { running: running.pool.running, restarts: running.pool.restarts },
      process: { cpuUs: user + system, rssBytes: process.memoryUsage.rss() },
    };
  }

  /**
   * What has been learnt of the traffic, a second ago at most. Workers that died count with what they had said.
   * @throws ShadowtapError INTERNAL when the agent is not running
   */
  insight(): Promise<InsightData> {
    return this.#insight.get();
  }

  #pool(): WorkerPool {
    if (this.#running === null) throw new ShadowtapError('INTERNAL', 'the agent is not running');
    return this.#running.pool;
  }

  /** Brings workers and taps to what configuration, clock and switch say now. */
  #change(): Promise<void> {
    const change = async (): Promise<void> => {
      this.#waiting = null;
      const running = this.#running;
      if (running === null) return;
      const snapshot = this.#snapshot();
      // However long the change takes, or if it fails.
      this.#awaitExpiry();
      const detach = !this.mirroring && this.#settings.killSwitchTaps === 'Detach';
      // Letting go of production waits for no worker.
      if (detach) await running.attachments.want([]);
      await running.pool.apply(snapshot, !this.mirroring);
      if (!detach) await running.attachments.want(this.#tapped(snapshot));
      this.#warnOfIdle(snapshot);
    };
    // What went wrong with one change is that change's own affair.
    this.#waiting ??= this.#changing = this.#changing.then(change, change);
    return this.#waiting;
  }

  /** A policy that applies to nothing is a slip more often than a wish. */
  #warnOfIdle({ policies, endpoints }: PolicySnapshot): void {
    if (this.#cluster !== null) return; // Its pods are on other nodes.
    const busy = new Set(endpoints.flatMap((endpoint) => endpoint.policies.map(({ policy }) => policy)));
    for (const [index, policy] of policies.entries()) {
      if (busy.has(index)) continue;
      this.log.warn({ policy: policyName(policy) }, 'policy applies to no endpoint: no labels fit its selector, or no port its ports');
    }
  }

  #podLocator({ name }: Tap): PodLocator | null {
    if (this.#cluster === null) return null;
    return new PodLocator({ ...this.#cluster.places, hostNetworkBy: name === 'pcap' ? 'addresses' : 'cgroup' });
  }

  #snapshot(): PolicySnapshot {
    const { policies, pemFiles, addressesOf, peers } = this.#assignment;
    const endpoints = this.#ids.assign(this.#assignment.endpoints);
    const known = { ...(addressesOf && { addressesOf }), ...(peers && { peers }) };
    this.#asOfMs = this.#nowMs();
    return buildSnapshot(++this.#version, unexpired(policies, this.#asOfMs), endpoints, { keys: this.#settings.hashKeys, pemFiles, ...known });
  }

  /** Endpoints that a policy selects, with the ports that policies select. */
  #tapped(snapshot: PolicySnapshot): WantedEndpoint[] {
    const byName = new Map(this.#ids.assign(this.#assignment.endpoints).map((endpoint) => [endpoint.id, endpoint]));
    return snapshot.endpoints.flatMap(({ id, ports }) => {
      const endpoint = byName.get(id);
      if (endpoint === undefined || ports.length === 0) return [];
      const { name, labels, where } = endpoint;
      return [{ id, name, labels, where, ports }];
    });
  }

  /** Policies end by the API server's clock, so that they do on all nodes together. */
  #nowMs(): number {
    return Date.now() + (this.#cluster?.stats().clockSkewMs ?? 0);
  }

  #awaitExpiry(): void {
    if (this.#expiry !== null) clearTimeout(this.#expiry);
    const atMs = nextExpiry(this.#assignment.policies, this.#asOfMs);
    if (atMs === null) return;
    // Timers hold 2^31 - 1 ms at most; a longer wait is taken in steps.
    const waitMs = Math.min(Math.max(0, atMs - this.#nowMs()), 2 ** 31 - 1);
    this.#expiry = setTimeout(() => void this.#expire(), waitMs);
    this.#expiry.unref();
  }

  async #expire(): Promise<void> {
    const { policies } = this.#assignment;
    const left = unexpired(policies, this.#nowMs()).length;
    // By this clock a timer may come a millisecond early; and of a long wait this may be a step.
    if (left >= unexpired(policies, this.#asOfMs).length) return this.#awaitExpiry();
    this.log.info({ policies: left }, 'a policy has expired');
    await this.#change();
  }

  #webhook(): Webhook | null {
    const { webhook } = this.#settings.findings;
    return webhook === null ? null : new Webhook({ ...webhook, node: this.#cluster?.stats().node ?? hostname(), log: this.log });
  }

  #pages(): AdminRoutes {
    const { enabled, token } = this.#settings.page;
    return { ...(enabled && pageRoutes(this.#live, token !== null)), ...adminPages(this, this.#reporting), ...this.#reporting.pages() };
  }
}

interface Running {
  readonly tap: Tap;
  readonly book: AccountBook;
  readonly pool: WorkerPool;
  readonly attachments: Attachments;
  readonly admin: AdminServer | null;
  readonly governor: Governor;
  readonly alarms: Alarms;
}
