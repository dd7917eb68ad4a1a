import { randomBytes } from 'node:crypto';
import { messageOf } from '../errors.ts';
import type { ApiClient } from '../kube/api-client.ts';
import type { PolicyFacts } from '../kube/policy-facts.ts';
import type { PolicyStatus } from '../kube/policy-status.ts';
import type { Logger } from '../log.ts';
import { microTime } from './lease.ts';
import { FIELD_MANAGER } from './status-writer.ts';

/** What happened to a policy, for `kubectl describe`. */
export interface PolicyEvent {
  readonly type: 'Normal' | 'Warning';
  /** Accepted, Refused, Degraded, Recovered, Unresolved, Resolved. */
  readonly reason: string;
  readonly note: string;
}

/** What a new status tells that the old one did not. Told once: a controller that is started anew reads what stands there. */
export function eventsBetween(before: PolicyStatus, after: PolicyStatus): PolicyEvent[] {
  const events: PolicyEvent[] = [];
  const tell = (type: string, whenTrue: PolicyEvent['reason'], whenFalse: string, good: 'True' | 'False', first: boolean): void => {
    const now = conditionOf(after, type);
    if (now === undefined || now.status === 'Unknown') return;
    const old = conditionOf(before, type);
    const isGood = now.status === good;
    // The good news that nothing has ever been wrong is no news, but for the first word of a policy.
    if (old === undefined ? isGood && !first : old.status === now.status && (isGood || old.reason === now.reason)) return;
    events.push({ type: isGood ? 'Normal' : 'Warning', reason: now.status === 'True' ? whenTrue : whenFalse, note: `${now.reason}: ${now.message}` });
  };
  tell('Accepted', 'Accepted', 'Refused', 'True', true);
  tell('ResolvedRefs', 'Resolved', 'Unresolved', 'True', false);
  tell('Degraded', 'Degraded', 'Recovered', 'False', false);
  return events;
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

  async write({ namespace, name, uid }: PolicyFacts, { type, reason, note }: PolicyEvent): Promise<void> {
    const body = {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { namespace, name: `${name.slice(0, 200)}.${randomBytes(8).toString('hex')}` },
      eventTime: microTime(),
      reportingController: `shadowtap.dev/${FIELD_MANAGER}`,
      reportingInstance: this.#instance.slice(0, 128),
      action: 'Judge',
      regarding: { apiVersion: 'shadowtap.dev/v1alpha1', kind: 'MirrorPolicy', namespace, name, uid },
      type,
      reason,
      note: note.slice(0, 1024),
    };
    try {
      await this.#api.call({ method: 'POST', path: `/apis/events.k8s.io/v1/namespaces/${namespace}/events`, body });
    } catch (error) {
      this.#log.debug({ policy: `${namespace}/${name}`, problem: messageOf(error) }, 'an event could not be written');
    }
  }
}

function conditionOf({ conditions }: PolicyStatus, type: string): NonNullable<PolicyStatus['conditions']>[number] | undefined {
  return conditions?.find((condition) => condition.type === type);
}
