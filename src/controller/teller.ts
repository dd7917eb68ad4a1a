import type { AgentReport } from '../kube/agent-report.ts';
import type { ApiClient } from '../kube/api-client.ts';
import type { ServiceLookup } from '../kube/backend.ts';
import { judge } from '../kube/judge.ts';
import { keyOf } from '../kube/objects.ts';
import type { Permissions } from '../kube/permissions.ts';
import type { PolicyFacts } from '../kube/policy-facts.ts';
import type { PolicyCondition, PolicyStatus } from '../kube/policy-status.ts';
import type { Logger } from '../log.ts';
import type { ClusterWatch } from './cluster-watch.ts';
import { EventWriter, eventsBetween } from './event-writer.ts';
import { FindingEvents } from './finding-events.ts';
import type { FleetView } from './fleet-poll.ts';
import { PolicyHealth } from './health.ts';
import type { Importer } from './importer.ts';
import type { PolicyObject } from './policy-object.ts';
import { policyStatus } from './policy-status.ts';
import { StatusWriter, type StatusWrite } from './status-writer.ts';
import { countsEveryMs, WriteBudget, writesPerSecond } from './write-budget.ts';

export interface TellerOptions {
  readonly api: ApiClient;
  readonly cluster: ClusterWatch;
  readonly importer: Importer;
  readonly permissions: Permissions;
  /** Name of the controller's pod, for Events. */
  readonly instance: string;
  readonly log: Logger;
  /** Asked before each write. */
  readonly mayWrite: () => boolean;
}

/** A policy that was looked at before. */
interface Known {
  facts: PolicyFacts;
  readonly health: PolicyHealth;
}

interface Due extends StatusWrite {
  readonly before: PolicyStatus;
}

/** Tells people what becomes of their policies: by their status, and by Events where it changes for good or bad. */
export class Teller {
  readonly #options: TellerOptions;
  readonly #statuses: StatusWriter;
  readonly #events: EventWriter;
  readonly #findings: FindingEvents;
  /** By uid. */
  readonly #known = new Map<string, Known>();
  #statusWrites = 0;
  #eventWrites = 0;

  constructor(options: TellerOptions) {
    this.#options = options;
    this.#statuses = new StatusWriter(options.api, options.log);
    this.#events = new EventWriter(options.api, options.instance, options.log);
    this.#findings = new FindingEvents(this.#events);
  }

  get statusWrites(): number {
    return this.#statusWrites;
  }

  get eventWrites(): number {
    return this.#eventWrites;
  }

  /** An agent has said what it found in the traffic of observed pods. */
  found(stats: AgentReport, findings: unknown): void {
    this.#findings.heard(stats, findings, this.#options.cluster.policies);
  }

  /** What is said of a policy at present. */
  conditionsOf(object: PolicyObject): readonly PolicyCondition[] {
    return this.#statuses.standing(object).conditions ?? [];
  }

  /**
   * Looks at every policy and writes what is due; with many, a part of it.
   * @returns `isCut`: there may be more to write; `hasNews`: policies have changed, which agents are going to follow
   */
  async look(view: FleetView): Promise<{ readonly isCut: boolean; readonly hasNews: boolean }> {
    const { cluster, importer, mayWrite } = this.#options;
    const lookup = cluster.lookup();
    cluster.followTargets();
    const budget = new WriteBudget(writesPerSecond(view.all), mayWrite);
    await importer.reconcile(cluster.policies, lookup, budget);
    const everyMs = countsEveryMs(cluster.policies.size, view.all);
    const due: { readonly now: Due[]; readonly later: Due[] } = { now: [], later: [] };
    let hasNews = false;
    for (const object of cluster.policies.values()) {
      if (!importer.knows(object)) continue;
      const before = this.#statuses.standing(object);
      const { known, isNew } = this.#know(object, before);
      hasNews ||= isNew;
      const status = this.#statusOf(object, known.health, before, view, lookup);
      const urgency = this.#statuses.urgency(object, before, status, everyMs);
      if (urgency !== null) due[urgency].push({ facts: object.facts, status, before });
    }
    this.#forgetGone();
    const written = await this.#statuses.write([...due.now, ...due.later], budget);
    this.#statusWrites += written.length;
    for (const one of written) await this.#tellChange(one);
    this.#eventWrites += await this.#findings.write(budget);
    return { isCut: budget.isSpent, hasNews };
  }

  #statusOf(object: PolicyObject, health: PolicyHealth, before: PolicyStatus, view: FleetView, lookup: ServiceLookup): PolicyStatus {
    const { permissions, importer, cluster } = this.#options;
    const { facts } = object;
    const judgement = importer.judge(object, judge(facts, lookup, permissions));
    const summary = view.summaries.get(keyOf(facts)) ?? null;
    if (view.answered > 0) health.look(summary, judgement.verdicts);
    return policyStatus({
      generation: facts.generation,
      judgement,
      summary,
      agents: [view.answered, view.all],
      endpointsKnown: cluster.endpointsKnown,
      ailment: health.ailment,
      before,
      now: `${new Date().toISOString().slice(0, 19)}Z`,
    });
  }

  #know({ facts }: PolicyObject, standing: PolicyStatus): { known: Known; isNew: boolean } {
    let known = this.#known.get(facts.uid);
    const isNew = known?.facts !== facts;
    if (known === undefined) this.#known.set(facts.uid, (known = { facts, health: new PolicyHealth(standing) }));
    known.facts = facts;
    return { known, isNew };
  }

  async #tellChange({ facts, before, status }: Due): Promise<void> {
    for (const event of eventsBetween(before, status)) if (await this.#events.write(facts, event)) this.#eventWrites += 1;
  }

  #forgetGone(): void {
    const uids = new Set(Array.from(this.#options.cluster.policies.values(), ({ facts }) => facts.uid));
    this.#statuses.keep(uids);
    for (const uid of this.#known.keys()) if (!uids.has(uid)) this.#known.delete(uid);
  }
}
