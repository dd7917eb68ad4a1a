import { createHash } from 'node:crypto';
import type { Finding } from '../findings/data.ts';
import { RULES, severityOf, type RuleId } from '../findings/rules.ts';
import type { AgentReport } from '../kube/agent-report.ts';
import { findingsReport } from '../kube/findings-report.ts';
import { keyOf } from '../kube/objects.ts';
import { eventName, type EventWriter, type PolicyEvent } from './event-writer.ts';
import type { PolicyObject } from './policy-object.ts';
import type { WriteBudget } from './write-budget.ts';

/** A finding is told once in so long, for each policy, pod and rule: as long as API servers keep Events. */
const PERIOD_MS = 3_600_000;
/** What is older was told, or is of no interest any more. */
const RECENT_MS = 600_000;
/** Events that are remembered as told, and that wait; more are looked up, or told in the next round. */
const MAX_TOLD = 10_000;
const MAX_WAITING = 200;
/** Events of one policy in a period, whoever finds what in which pod. */
const MAX_OF_POLICY = 20;

/** What was found in one pod by one rule. */
interface Tale {
  readonly policy: PolicyObject;
  readonly pod: string;
  readonly rule: RuleId;
  sources: number;
  count: number;
  last: Finding;
}

/**
 * Tells of findings by Events of the policy that has pods observed, with their pods. Agents are believed only for pods that they
 * say such a policy selects, in its own namespace; findings below `medium` are left to metrics and pages.
 */
export class FindingEvents {
  readonly #writer: Pick<EventWriter, 'write'>;
  readonly #waiting = new Map<string, Tale>();
  /** Names of Events of this period. */
  readonly #told = new Set<string>();
  readonly #byPolicy = new Map<string, number>();
  #period = -1;

  constructor(writer: Pick<EventWriter, 'write'>) {
    this.#writer = writer;
  }

  /**
   * An agent was asked for `/findings`.
   * @param policies by `namespace/name`
   */
  heard({ cluster }: AgentReport, value: unknown, policies: ReadonlyMap<string, PolicyObject>, nowMs = Date.now()): void {
    const report = findingsReport(value);
    if (report === null || cluster === null) return;
    const observed = new Map<string, PolicyObject>();
    for (const { policy: name, endpoints } of cluster.policies) {
      const policy = policies.get(name);
      if (policy === undefined || !isObserving(policy)) continue;
      for (const endpoint of endpoints) if (endpoint.startsWith(`${policy.facts.namespace}/`)) observed.set(endpoint, policy);
    }
    for (const finding of report.findings) {
      const policy = observed.get(finding.endpoint);
      if (policy !== undefined && isWorthAnEvent(finding, nowMs)) this.#add(policy, finding, nowMs);
    }
  }

  /** @returns how many Events were written */
  async write(budget: Pick<WriteBudget, 'take'>): Promise<number> {
    let written = 0;
    for (const [name, tale] of this.#waiting) {
      if (!(await budget.take())) return written;
      this.#waiting.delete(name);
      this.#told.add(name);
      if (await this.#writer.write(tale.policy.facts, eventOf(name, tale))) written += 1;
    }
    return written;
  }

  #add(policy: PolicyObject, finding: Finding, nowMs: number): void {
    const period = Math.floor(nowMs / PERIOD_MS);
    if (period !== this.#period) {
      this.#period = period;
      this.#told.clear();
      this.#byPolicy.clear();
    }
    const rule = finding.rule as RuleId;
    const name = nameOf(policy, finding, period);
    if (this.#told.has(name)) return;
    const tale = this.#waiting.get(name);
    if (tale === undefined) {
      const key = keyOf(policy.facts);
      const before = this.#byPolicy.get(key) ?? 0;
      if (before >= MAX_OF_POLICY || this.#waiting.size >= MAX_WAITING || this.#told.size >= MAX_TOLD) return;
      this.#byPolicy.set(key, before + 1);
      this.#waiting.set(name, { policy, pod: finding.endpoint.slice(policy.facts.namespace.length + 1), rule, sources: 1, count: finding.count, last: finding });
      return;
    }
    tale.sources += 1;
    tale.count += finding.count;
    if (finding.lastMs >= tale.last.lastMs) tale.last = finding;
  }
}

/** Whether a policy has its pods observed. */
export function isObserving({ facts }: PolicyObject): boolean {
  return facts.checked.value?.spec.observe === true;
}

function isWorthAnEvent({ rule, lastMs }: Finding, nowMs: number): boolean {
  const severity = severityOf(rule);
  return (severity === 'medium' || severity === 'high') && lastMs > nowMs - RECENT_MS;
}

/** The same for the same news: a controller that was started anew writes none twice. */
function nameOf({ facts }: PolicyObject, { rule, endpoint }: Finding, period: number): string {
  const tail = createHash('sha256').update(JSON.stringify([facts.uid, rule, endpoint, period])).digest('hex').slice(0, 16);
  return eventName(facts.name, tail);
}

function eventOf(name: string, { pod, rule, sources, count, last }: Tale): PolicyEvent {
  const from = last.source === '' ? 'many clients' : sources > 1 ? `${last.source} and others` : last.source;
  const times = count === 1 ? 'once' : `${count} times`;
  return {
    type: 'Warning',
    reason: rule.replace(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase()),
    note: `pod ${pod}: ${RULES[rule].sees}; ${times} so far, last from ${from}: ${last.evidence}; see docs/findings.md#${rule}`,
    action: 'Observe',
    name,
    pod,
  };
}
