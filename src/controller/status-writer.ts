import { messageOf } from '../errors.ts';
import type { ApiClient } from '../kube/api-client.ts';
import { ApiError } from '../kube/api-error.ts';
import { recordOf, textOf } from '../kube/json.ts';
import { keyOf } from '../kube/objects.ts';
import type { PolicyFacts } from '../kube/policy-facts.ts';
import type { PolicyStatus } from '../kube/policy-status.ts';
import type { Logger } from '../log.ts';
import type { PolicyObject } from './policy-object.ts';
import { countsTheSame, saysTheSame } from './policy-status.ts';
import { WRITE_TIMEOUT_MS, type WriteBudget } from './write-budget.ts';

export const FIELD_MANAGER = 'shadowtap-controller';

/** A watch that has not shown a write by then has passed it over. */
const WATCH_LAG_MS = 30_000;

interface Written {
  readonly status: PolicyStatus;
  /** `resourceVersion` that came of it. */
  readonly version: string;
  readonly atMs: number;
  /** The watch has shown it: from then on, what the watch shows counts. */
  shown: boolean;
}

export interface StatusWrite {
  readonly facts: PolicyFacts;
  readonly status: PolicyStatus;
}

/** Brings the status of policies to what it should be, by server-side apply, no more often than need be. */
export class StatusWriter {
  readonly #api: ApiClient;
  readonly #log: Logger;
  /** By uid: what was written last. */
  readonly #written = new Map<string, Written>();

  constructor(api: ApiClient, log: Logger) {
    this.#api = api;
    this.#log = log;
  }

  /** What stands there as far as is known: what was written last, until the watch has shown it. */
  standing({ facts, status, versions }: PolicyObject): PolicyStatus {
    const written = this.#written.get(facts.uid);
    if (written === undefined || written.shown) return status;
    if (!versions.includes(written.version) && performance.now() - written.atMs < WATCH_LAG_MS) return written.status;
    written.shown = true;
    return status;
  }

  /**
   * @param everyMs how often figures are written
   * @returns `now`: what it says changes; `later`: its figures do, and it is their time; null: leave it
   */
  urgency({ facts, status }: PolicyObject, standing: PolicyStatus, wanted: PolicyStatus, everyMs: number): 'now' | 'later' | null {
    if (!saysTheSame(standing, wanted)) return 'now';
    const written = this.#written.get(facts.uid);
    // When it was written by the controller before us is not known: at any time, so that not all are due at once.
    if (written === undefined) this.#written.set(facts.uid, { status, version: '', atMs: performance.now() - everyMs * Math.random(), shown: true });
    else if (!countsTheSame(standing, wanted) && performance.now() - written.atMs >= everyMs) return 'later';
    return null;
  }

  /**
   * Writes one after the other, as far as the budget goes. A policy that is gone or was made anew is left to the next
   * look, and so is all when the server is away.
   * @returns those that were written
   */
  async write<T extends StatusWrite>(due: readonly T[], budget: WriteBudget): Promise<T[]> {
    const done: T[] = [];
    for (const one of due) {
      if (!(await budget.take())) break;
      try {
        await this.#apply(one);
        done.push(one);
      } catch (error) {
        this.#log.warn({ policy: keyOf(one.facts), problem: messageOf(error) }, 'the status of a policy could not be written');
        if (!(error instanceof ApiError) || error.status === 0) break;
      }
    }
    return done;
  }

  /** Forgets policies that are gone. */
  keep(uids: ReadonlySet<string>): void {
    for (const uid of this.#written.keys()) if (!uids.has(uid)) this.#written.delete(uid);
  }

  /** With its uid: the status of a policy must not land on another of the same name. */
  async #apply({ facts: { namespace, name, uid }, status }: StatusWrite): Promise<void> {
    const object = await this.#api.call({
      method: 'PATCH',
      path: `/apis/shadowtap.dev/v1alpha1/namespaces/${namespace}/mirrorpolicies/${name}/status`,
      query: { fieldManager: FIELD_MANAGER, force: 'true' },
      contentType: 'application/apply-patch+yaml',
      body: { apiVersion: 'shadowtap.dev/v1alpha1', kind: 'MirrorPolicy', metadata: { namespace, name, uid }, status },
      timeoutMs: WRITE_TIMEOUT_MS,
    });
    const version = textOf(recordOf(recordOf(object)['metadata'])['resourceVersion']);
    this.#written.set(uid, { status, version, atMs: performance.now(), shown: false });
  }
}
