import { messageOf } from '../errors.ts';
import type { ApiClient } from '../kube/api-client.ts';
import { ApiError } from '../kube/api-error.ts';
import { keyOf } from '../kube/objects.ts';
import type { PolicyFacts } from '../kube/policy-facts.ts';
import type { PolicyStatus } from '../kube/policy-status.ts';
import type { Logger } from '../log.ts';
import { countsTheSame, saysTheSame } from './policy-status.ts';

export const FIELD_MANAGER = 'shadowtap-controller';

/** Writes a second, at most: however many policies change at once. */
const WRITES_PER_SECOND = 20;

/**
 * How often the figures of a policy are written. Every agent watches policies, so that one write is an event for each of
 * them: in a large cluster figures are written more rarely, so that all of them together cause at most so many events a
 * second. What conditions say is written at once.
 */
const EVENTS_PER_SECOND = 2_000;
const SHORTEST_MS = 10_000;
const LONGEST_MS = 30 * 60_000;

export function countsEveryMs(policies: number, agents: number): number {
  return Math.min(LONGEST_MS, Math.max(SHORTEST_MS, (1000 * policies * agents) / EVENTS_PER_SECOND));
}

interface Written {
  readonly status: PolicyStatus;
  readonly atMs: number;
}

/** Brings the status of policies to what it should be, by server-side apply, no more often than need be. */
export class StatusWriter {
  readonly #api: ApiClient;
  readonly #log: Logger;
  /** By uid: what we wrote last, which the watch may not have shown yet. */
  readonly #written = new Map<string, Written>();

  constructor(api: ApiClient, log: Logger) {
    this.#api = api;
    this.#log = log;
  }

  /** What is known to stand there: what we wrote last, or else what was read. */
  standing({ uid }: PolicyFacts, read: PolicyStatus): PolicyStatus {
    return this.#written.get(uid)?.status ?? read;
  }

  /** Whether it is time to write. */
  isDue({ uid }: PolicyFacts, standing: PolicyStatus, wanted: PolicyStatus, everyMs: number): boolean {
    if (!saysTheSame(standing, wanted)) return true;
    if (countsTheSame(standing, wanted)) return false;
    return performance.now() - (this.#written.get(uid)?.atMs ?? -Infinity) >= everyMs;
  }

  /**
   * Writes one after the other. A policy that is gone or was made anew is left to the next round, and so is all when the
   * server is away.
   * @param mayWrite asked before each
   * @returns the policies that were written
   */
  async write(due: readonly { readonly facts: PolicyFacts; readonly status: PolicyStatus }[], mayWrite: () => boolean): Promise<Set<string>> {
    const done = new Set<string>();
    for (const { facts, status } of due) {
      if (!mayWrite()) break;
      try {
        await this.#apply(facts, status);
        this.#written.set(facts.uid, { status, atMs: performance.now() });
        done.add(facts.uid);
      } catch (error) {
        this.#log.warn({ policy: keyOf(facts), problem: messageOf(error) }, 'the status of a policy could not be written');
        if (!(error instanceof ApiError) || error.status === 0) break;
      }
      await new Promise((resolve) => setTimeout(resolve, 1000 / WRITES_PER_SECOND));
    }
    return done;
  }

  /** Forgets policies that are gone. */
  keep(uids: ReadonlySet<string>): void {
    for (const uid of this.#written.keys()) if (!uids.has(uid)) this.#written.delete(uid);
  }

  /** With its uid: the status of a policy must not land on another of the same name. */
  async #apply({ namespace, name, uid }: PolicyFacts, status: PolicyStatus): Promise<void> {
    await this.#api.call({
      method: 'PATCH',
      path: `/apis/shadowtap.dev/v1alpha1/namespaces/${namespace}/mirrorpolicies/${name}/status`,
      query: { fieldManager: FIELD_MANAGER, force: 'true' },
      contentType: 'application/apply-patch+yaml',
      body: { apiVersion: 'shadowtap.dev/v1alpha1', kind: 'MirrorPolicy', metadata: { namespace, name, uid }, status },
    });
  }
}
