import { randomBytes } from 'node:crypto';
import { messageOf } from '../errors.ts';
import type { ApiClient } from '../kube/api-client.ts';
import { ApiError } from '../kube/api-error.ts';
import type { PolicyFacts } from '../kube/policy-facts.ts';
import type { PolicyStatus } from '../kube/policy-status.ts';
import type { Logger } from '../log.ts';
import { microTime } from './lease.ts';
import { FIELD_MANAGER } from './status-writer.ts';
import { WRITE_TIMEOUT_MS } from './write-budget.ts';

/** What happened to a policy, for `kubectl describe`. */
export interface PolicyEvent {
  readonly type: 'Normal' | 'Warning';
  /** Accepted, Refused, Degraded, Recovered, Unresolved, Resolved, Differs, LooksSafe; or a rule of findings, such as PathScan. */
  readonly reason: string;
  readonly note: string;
  /** What the controller did; `Judge` where not given. */
  readonly action?: string;
  /** Name of the Event, for one that is written once; not given: one of its own. */
  readonly name?: string;
  /** The pod that it is about besides. */
  readonly pod?: string;
}

/** API reference of events.k8s.io/v1: a kilobyte. A character that is cut in two becomes a replacement character of three. */
const MAX_NOTE_BYTES = 1024 - 3;

/** Conditions of which people are told, how they should be, and the reasons of the Events. */
const TOLD = [
  { type: 'Accepted', good: 'True', whenGood: 'Accepted', whenBad: 'Refused', evenAtFirst: true },
  { type: 'ResolvedRefs', good: 'True', whenGood: 'Resolved', whenBad: 'Unresolved', evenAtFirst: false },
  { type: 'Degraded', good: 'False', whenGood: 'Recovered', whenBad: 'Degraded', evenAtFirst: false },
  { type: 'Matches', good: 'True', whenGood: 'LooksSafe', whenBad: 'Differs', evenAtFirst: true },
] as const;

/** What a new status tells that the old one did not. Told once: a controller that is started anew reads what stands there. */
export function eventsBetween(before: PolicyStatus, after: PolicyStatus): PolicyEvent[] {
  return TOLD.flatMap(({ type, good, whenGood, whenBad, evenAtFirst }): PolicyEvent[] => {
    const now = conditionOf(after, type);
    if (now === undefined || now.status === 'Unknown') return [];
    const old = conditionOf(before, type);
    const isGood = now.status === good;
    // That nothing has ever been wrong is no news, but for the first word of a policy.
    if (old === undefined ? isGood && !evenAtFirst : old.status === now.status && (isGood || old.reason === now.reason)) return [];
    return [{ type: isGood ? 'Normal' : 'Warning', reason: isGood ? whenGood : whenBad, note: `${now.reason}: ${now.message}` }];
  });
}

/** Writes Events of events.k8s.io. They are for people: one that cannot be written is only logged. */
export class EventWriter {
  readonly #api: ApiClient;
  readonly #instance: string;
  readonly #log: Logger;

  /** @param instance name of the controller's pod */
  constructor(api: ApiClient, instance: string, log: Logger) {
    this.#api = api;
    this.#instance = instance;
    this.#log = log;
  }

  /** @returns whether it was written; an Event of this name that is there already is left as it is */
  async write({ namespace, name, uid }: PolicyFacts, { type, reason, note, action = 'Judge', name: own, pod }: PolicyEvent): Promise<boolean> {
    const body = {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { namespace, name: own ?? eventName(name) },
      eventTime: microTime(),
      reportingController: `shadowtap.dev/${FIELD_MANAGER}`,
      reportingInstance: this.#instance.slice(0, 128),
      action,
      regarding: { apiVersion: 'shadowtap.dev/v1alpha1', kind: 'MirrorPolicy', namespace, name, uid },
      ...(pod !== undefined && { related: { apiVersion: 'v1', kind: 'Pod', namespace, name: pod } }),
      type,
      reason,
      note: Buffer.from(note).subarray(0, MAX_NOTE_BYTES).toString(),
    };
    try {
      await this.#api.call({ method: 'POST', path: `/apis/events.k8s.io/v1/namespaces/${namespace}/events`, body, timeoutMs: WRITE_TIMEOUT_MS });
      return true;
    } catch (error) {
      if (own !== undefined && error instanceof ApiError && error.isConflict) return false;
      this.#log.warn({ policy: `${namespace}/${name}`, problem: messageOf(error) }, 'an event could not be written');
      return false;
    }
  }
}

/** As other controllers name them: the object's name, and something of its own behind it. @param tail hexadecimal digits */
export function eventName(name: string, tail = randomBytes(8).toString('hex')): string {
  return `${name.slice(0, 200).replace(/[.-]+$/, '')}.${tail}`;
}

function conditionOf({ conditions }: PolicyStatus, type: string): NonNullable<PolicyStatus['conditions']>[number] | undefined {
  return conditions?.find((condition) => condition.type === type);
}
