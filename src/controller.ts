import { hostname } from 'node:os';
import { AdminServer, type AdminPage } from './admin/server.ts';
import { CONTROLLER_METRICS, type ControllerStats } from './controller/metrics.ts';
import { EventWriter, eventsBetween } from './controller/event-writer.ts';
import { PolicyHealth } from './controller/health.ts';
import { Importer, type RouteKind } from './controller/importer.ts';
import { Lease } from './controller/lease.ts';
import { POLICIES_WITH_STATUS, type PolicyObject } from './controller/policy-object.ts';
import { policyStatus } from './controller/policy-status.ts';
import { countsEveryMs, StatusWriter } from './controller/status-writer.ts';
import type { ListenAddress } from './config/listen.ts';
import { messageOf } from './errors.ts';
import { agentPods, type AgentPod } from './kube/agents.ts';
import type { ApiClient } from './kube/api-client.ts';
import { askAgents } from './kube/ask-agents.ts';
import { summarise, type AgentAnswer, type PolicySummary } from './kube/fleet.ts';
import { judge } from './kube/judge.ts';
import { keyOf, type GrantFacts, type ServiceFacts, type SliceFacts } from './kube/objects.ts';
import type { Permissions } from './kube/permissions.ts';
import type { PolicyStatus } from './kube/policy-status.ts';
import { Reflector, type Timing } from './kube/reflector.ts';
import { ENDPOINT_SLICES, REFERENCE_GRANTS, SERVICES } from './kube/resources.ts';
import { serviceIndex } from './kube/service-index.ts';
import { createLogger, type Logger, type LogLevel } from './log.ts';
import { MetricsPage } from './metrics.ts';
import { VERSION } from './version.ts';

export interface ControllerOptions {
  readonly admin: ListenAddress | null;
  readonly logLevel: LogLevel;
  readonly permissions: Permissions;
  /** Kinds of routes that are turned into policies. */
  readonly imports: readonly RouteKind[];
  /** How long after a change, or after the last look, the next one comes; milliseconds. */
  readonly lookMs?: number;
  readonly timing?: Timing;
}

/** Agents that are asked a second, at most. */
const ASKED_PER_SECOND = 100;
const LOOK_MS = 5_000;
/** After a change: soon, and once more when agents have had the time to follow. */
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
  readonly #statuses: StatusWriter;
  readonly #events: EventWriter;
  readonly #importer: Importer;
  readonly #policies: Reflector<PolicyObject>;
  readonly #services: Reflector<ServiceFacts>;
  readonly #slices: Reflector<SliceFacts>;
  readonly #grants: Reflector<GrantFacts>;
  readonly #agents: Reflector<AgentPod>;
  readonly #health = new Map<string, PolicyHealth>();
  readonly #metrics = new MetricsPage(CONTROLLER_METRICS);
  #answers: readonly AgentAnswer[] = [];
  #statusWrites = 0;
  #eventWrites = 0;
  #admin: AdminServer | null = null;
  #timer: NodeJS.Timeout | null = null;
  /** When the timer is due, by the monotonic clock. */
  #dueMs = Infinity;
  #looking: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(api: ApiClient, options: ControllerOptions) {
    this.log = createLogger(options.logLevel);
    this.#api = api;
    this.#options = options;
    const { timing } = options;
    const holder = process.env['POD_NAME'] ?? hostname();
    this.#lease = new Lease(api, { namespace: api.namespace, name: 'shadowtap-controller', holder: `${holder}_${process.pid}` }, this.log);
    this.#statuses = new StatusWriter(api, this.log);
    this.#events = new EventWriter(api, holder, this.log);
    const soon = (): void => this.#lookIn(SOON_MS);
    this.#policies = new Reflector(api, POLICIES_WITH_STATUS, {}, soon, timing);
    this.#services = new Reflector(api, SERVICES, {}, soon, timing);
    this.#slices = new Reflector(api, ENDPOINT_SLICES, {}, soon, timing);
    this.#grants = new Reflector(api, REFERENCE_GRANTS, {}, soon, timing);
    const { resource, selection } = agentPods(api.namespace);
    this.#agents = new Reflector(api, resource, selection, soon, timing);
    this.#importer = new Importer(api, options.imports, soon, this.log, timing);
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

  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#looking;
    await Promise.all(this.#reflectors().map((reflector) => reflector.stop()));
    await this.#lease.stop();
    await this.#admin?.close();
    await this.#api.close();
    this.log.info('stopped');
  }

  #reflectors(): readonly Pick<Reflector<unknown>, 'start' | 'stop' | 'status'>[] {
    return [this.#policies, this.#services, this.#slices, this.#grants, this.#agents, ...this.#importer.reflectors];
  }

  /** The sooner of what was planned and this. */
  #lookIn(ms: number): void {
    const dueMs = performance.now() + ms;
    if (this.#stopped || dueMs >= this.#dueMs) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#dueMs = dueMs;
    this.#timer = setTimeout(() => {
      this.#dueMs = Infinity;
      this.#looking = this.#looking.then(() => this.#look());
    }, ms);
  }

  async #look(): Promise<void> {
    const begun = performance.now();
    try {
      if (this.#lease.held && [this.#policies, this.#services].every(({ synced }) => synced)) await this.#tellAll();
    } catch (error) {
      this.log.error({ err: error }, 'a look at the policies failed; the next one follows');
    }
    const { lookMs = LOOK_MS } = this.#options;
    const spare = (1000 * this.#agents.objects.size) / ASKED_PER_SECOND;
    this.#lookIn(Math.max(lookMs, spare - (performance.now() - begun)));
  }

  async #tellAll(): Promise<void> {
    const lookup = serviceIndex(this.#services.objects, this.#slices.objects, this.#grants.objects);
    await this.#importer.reconcile(lookup, (key) => this.#policies.objects.has(key), () => this.#lease.held);
    const agents = [...this.#agents.objects.values()].filter(({ address }) => address !== '');
    this.#answers = await askAgents(agents, statsOf);
    const summaries = new Map(summarise(this.#answers).map((summary) => [summary.policy, summary]));
    const everyMs = countsEveryMs(this.#policies.objects.size, agents.length);
    const due: { facts: PolicyObject['facts']; status: PolicyStatus; before: PolicyStatus }[] = [];
    for (const object of this.#policies.objects.values()) {
      const before = this.#statuses.standing(object.facts, object.status);
      const status = this.#statusOf(object, before, summaries.get(keyOf(object.facts)) ?? null, lookup);
      if (this.#statuses.isDue(object.facts, before, status, everyMs)) due.push({ facts: object.facts, status, before });
    }
    const written = await this.#statuses.write(due, () => this.#lease.held);
    this.#statusWrites += written.size;
    for (const { facts, status, before } of due) {
      if (!written.has(facts.uid)) continue;
      for (const event of eventsBetween(before, status)) {
        await this.#events.write(facts, event);
        this.#eventWrites += 1;
      }
    }
    this.#forgetGone();
  }

  #statusOf({ facts }: PolicyObject, before: PolicyStatus, summary: PolicySummary | null, lookup: Parameters<typeof judge>[1]): PolicyStatus {
    let health = this.#health.get(facts.uid);
    if (health === undefined) this.#health.set(facts.uid, (health = new PolicyHealth()));
    const answered = this.#answers.filter(({ stats }) => stats !== null).length;
    return policyStatus({
      generation: facts.generation,
      judgement: this.#importer.judge(facts, judge(facts, lookup, this.#options.permissions)),
      summary,
      agents: [answered, this.#agents.objects.size],
      ailment: summary === null ? null : health.look(summary),
      before,
      now: `${new Date().toISOString().slice(0, 19)}Z`,
    });
  }

  #forgetGone(): void {
    const uids = new Set(Array.from(this.#policies.objects.values(), ({ facts }) => facts.uid));
    this.#statuses.keep(uids);
    for (const uid of this.#health.keys()) if (!uids.has(uid)) this.#health.delete(uid);
  }

  #stats(): ControllerStats {
    return {
      version: VERSION,
      leading: this.#lease.held,
      agents: { all: this.#agents.objects.size, answering: this.#answers.filter(({ stats }) => stats !== null).length },
      conditions: [...this.#policies.objects.values()].flatMap(({ facts, status }) =>
        (this.#statuses.standing(facts, status).conditions ?? []).map(({ type, status: holds, reason }) => ({ policy: keyOf(facts), type, status: holds, reason })),
      ),
      statusWrites: this.#statusWrites,
      events: this.#eventWrites,
      imported: this.#importer.count,
      watches: this.#reflectors().map((reflector) => reflector.status()),
    };
  }

  #pages(): Record<string, () => AdminPage | Promise<AdminPage>> {
    return {
      '/healthz': () => ({ status: 200, contentType: 'text/plain; charset=utf-8', body: 'ok\n' }),
      '/readyz': () => this.#ready(),
      '/metrics': async () => ({ status: 200, contentType: this.#metrics.contentType, body: await this.#metrics.render(this.#stats()) }),
      '/stats': () => ({ status: 200, contentType: 'application/json', body: `${JSON.stringify(this.#stats())}\n` }),
    };
  }

  #ready(): AdminPage {
    const synced = this.#policies.synced && this.#services.synced;
    const { problem } = this.#policies.status();
    const body = synced ? 'ready\n' : `the cluster has not been heard yet: ${problem || 'it is being listed'}\n`;
    return { status: synced ? 200 : 503, contentType: 'text/plain; charset=utf-8', body };
  }
}

const ASK_TIMEOUT_MS = 3_000;

/** On the cluster's network, past the API server. */
async function statsOf({ address, port }: AgentPod): Promise<unknown> {
  const host = address.includes(':') ? `[${address}]` : address;
  try {
    const response = await fetch(`http://${host}:${port}/stats`, { signal: AbortSignal.timeout(ASK_TIMEOUT_MS) });
    return await response.json();
  } catch (cause) {
    throw new Error(`its admin port ${host}:${port} does not answer (${messageOf(cause)}); does a NetworkPolicy stand between?`, { cause });
  }
}
