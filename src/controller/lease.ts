import { messageOf } from '../errors.ts';
import type { ApiClient } from '../kube/api-client.ts';
import { ApiError } from '../kube/api-error.ts';
import { recordOf, textOf } from '../kube/json.ts';
import type { Logger } from '../log.ts';

export interface LeaseOptions {
  readonly namespace: string;
  readonly name: string;
  /** Who we are: unique among those who want the lease. */
  readonly holder: string;
  /** Without a sign of life for so long, a holder is taken for dead. Whole seconds. */
  readonly durationMs?: number;
  /** How often it is renewed, or looked at. */
  readonly renewMs?: number;
  /** It is ours now, or no longer. */
  readonly onChange?: () => void;
}

const DURATION_MS = 15_000;
const RENEW_MS = 5_000;

/**
 * Sees to it that one controller writes at a time, by a Lease of coordination.k8s.io. As in client-go, whether a holder
 * is alive is judged by how long *we* have seen its record unchanged, never by the times in it: clocks differ.
 */
export class Lease {
  readonly #api: ApiClient;
  readonly #options: LeaseOptions;
  readonly #durationMs: number;
  readonly #renewMs: number;
  readonly #log: Logger;
  #timer: NodeJS.Timeout | null = null;
  #stopped = false;
  #round: Promise<void> = Promise.resolve();
  /** What was last seen of another's record, and when, by our monotonic clock. */
  #seen = '';
  #seenAtMs = 0;
  /** When we last held it for sure: the time before the request that renewed it. */
  #heldAtMs = -Infinity;
  #wasHeld = false;

  constructor(api: ApiClient, options: LeaseOptions, log: Logger) {
    this.#api = api;
    this.#options = options;
    this.#durationMs = options.durationMs ?? DURATION_MS;
    this.#renewMs = options.renewMs ?? RENEW_MS;
    this.#log = log;
  }

  /** Ask before each write. It ends by itself, some seconds before anybody else may take the lease. */
  get held(): boolean {
    return performance.now() - this.#heldAtMs < this.#durationMs * (2 / 3);
  }

  start(): void {
    const next = async (): Promise<void> => {
      await this.#tend();
      if (!this.#stopped) this.#timer = setTimeout(() => (this.#round = next()), this.#renewMs);
    };
    this.#round = next();
  }

  /** Gives it back, so that another need not wait. */
  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#round;
    if (!this.held) return;
    this.#heldAtMs = -Infinity;
    try {
      const current = await this.#read();
      if (current !== null && holderOf(current) === this.#options.holder) await this.#write(current, '');
    } catch (error) {
      this.#log.warn({ problem: messageOf(error) }, 'the lease could not be given back; it ends by itself');
    }
  }

  async #tend(): Promise<void> {
    const beforeMs = performance.now();
    try {
      this.#heldAtMs = (await this.#take()) ? beforeMs : -Infinity;
    } catch (error) {
      // Somebody was quicker, which the next look shows, or the server is away: the lease that we hold lasts for a while.
      if (!(error instanceof ApiError && error.isConflict)) this.#log.warn({ problem: messageOf(error) }, 'the lease could not be renewed');
    }
    if (this.held === this.#wasHeld) return;
    this.#wasHeld = this.held;
    this.#log.info({ lease: this.#options.name }, this.held ? 'this controller writes now' : 'this controller does not write any more');
    this.#options.onChange?.();
  }

  async #take(): Promise<boolean> {
    const current = await this.#read();
    if (current === null) {
      await this.#create();
      return true;
    }
    if (!this.#isFree(current)) return false;
    await this.#write(current, this.#options.holder);
    return true;
  }

  #isFree(lease: unknown): boolean {
    const holder = holderOf(lease);
    if (holder === '' || holder === this.#options.holder) return true;
    const record = JSON.stringify(recordOf(lease)['spec']);
    if (record !== this.#seen) {
      this.#seen = record;
      this.#seenAtMs = performance.now();
    }
    return performance.now() - this.#seenAtMs > this.#durationMs;
  }

  async #read(): Promise<unknown> {
    try {
      return await this.#api.call({ path: this.#path(this.#options.name), timeoutMs: this.#renewMs });
    } catch (error) {
      if (error instanceof ApiError && error.isNotFound) return null;
      throw error;
    }
  }

  async #create(): Promise<void> {
    const { name, namespace, holder } = this.#options;
    const body = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name, namespace }, spec: this.#spec(holder, {}) };
    await this.#api.call({ method: 'POST', path: this.#path(), body, timeoutMs: this.#renewMs });
  }

  /** The version in `metadata` makes the server refuse it if anybody else wrote meanwhile. */
  async #write(lease: unknown, holder: string): Promise<void> {
    const body = { ...recordOf(lease), spec: this.#spec(holder, recordOf(recordOf(lease)['spec'])) };
    await this.#api.call({ method: 'PUT', path: this.#path(this.#options.name), body, timeoutMs: this.#renewMs });
  }

  #spec(holder: string, before: Readonly<Record<string, unknown>>): object {
    const now = microTime();
    const same = before['holderIdentity'] === holder;
    const transitions = Number(before['leaseTransitions'] ?? 0);
    return {
      holderIdentity: holder,
      leaseDurationSeconds: Math.ceil(this.#durationMs / 1000),
      acquireTime: same ? before['acquireTime'] : now,
      renewTime: now,
      leaseTransitions: same || holder === '' ? transitions : transitions + 1,
    };
  }

  #path(name?: string): string {
    const collection = `/apis/coordination.k8s.io/v1/namespaces/${this.#options.namespace}/leases`;
    return name === undefined ? collection : `${collection}/${name}`;
  }
}

function holderOf(lease: unknown): string {
  return textOf(recordOf(recordOf(lease)['spec'])['holderIdentity']);
}

/** metav1.MicroTime: six digits of a second. */
export function microTime(atMs = Date.now()): string {
  return new Date(atMs).toISOString().replace('Z', '000Z');
}
