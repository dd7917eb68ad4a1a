import { isDeepStrictEqual } from 'node:util';
import type { EndpointEntry } from '../config/agent-schema.ts';
import { locate } from '../config/locate.ts';
import { messageOf, ShadowtapError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { EndpointStatus } from '../stats.ts';
import type { Endpoint, EndpointLocation, Tap } from '../tap/tap.ts';
import { identityOf, startOfProcess } from './identity.ts';

/** How often endpoints are looked at: gone, come back, or not there yet. */
const CHECK_MS = 1000;

/** An endpoint and where to look for it. */
export type WantedEndpoint = Omit<Endpoint, 'location'> & { readonly where: EndpointEntry };

interface Attachment {
  readonly endpoint: WantedEndpoint;
  /** Where it is tapped; null while it is not. */
  location: EndpointLocation | null;
  /** What stood there when it was attached. */
  identity: string;
  /** Why it is not tapped; empty otherwise. */
  problem: string;
  /** For endpoints given by pid: when that process was started. Whoever gets the number later is somebody else. */
  startedAt: string | null;
}

/**
 * Keeps the tap attached to the wanted endpoints: those that are not there yet are tried again, those that vanish are
 * let go, those that come back under the same name (a new pod) are attached anew. An endpoint's trouble is its own.
 */
export class Attachments {
  readonly #tap: Tap;
  readonly #log: Logger;
  readonly #wanted = new Map<number, Attachment>();
  #timer: NodeJS.Timeout | null = null;
  #checking: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(tap: Tap, log: Logger) {
    this.#tap = tap;
    this.#log = log;
  }

  /** Sets the whole list of endpoints to tap; resolves when each has been tried once. */
  async want(endpoints: readonly WantedEndpoint[]): Promise<void> {
    if (this.#stopped) return;
    const next = new Set(endpoints.map(({ id }) => id));
    for (const [id, known] of this.#wanted) {
      if (next.has(id)) continue;
      this.#wanted.delete(id);
      await this.#detach(known);
    }
    for (const endpoint of endpoints) {
      const known = this.#wanted.get(endpoint.id);
      if (known !== undefined && isDeepStrictEqual(known.endpoint, endpoint)) continue;
      // Attaching again is how a known endpoint gets new ports; the tap sees to it that nothing is missed meanwhile.
      this.#wanted.set(endpoint.id, { endpoint, location: null, identity: '', problem: '', startedAt: null });
    }
    this.#timer ??= setInterval(() => void this.#check(), CHECK_MS).unref();
    await this.#check();
  }

  status(): EndpointStatus[] {
    return Array.from(this.#wanted.values(), ({ endpoint: { name, ports }, location, problem }) => ({
      name,
      ports,
      attached: location !== null,
      problem,
    }));
  }

  /** Lets go of all endpoints; nothing is attached from now on. */
  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    await this.#checking;
    for (const attachment of this.#wanted.values()) await this.#detach(attachment);
    this.#wanted.clear();
  }

  #check(): Promise<void> {
    this.#checking = this.#checking.then(async () => {
      for (const attachment of this.#wanted.values()) {
        if (!this.#stopped) await this.#checkOne(attachment);
      }
    });
    return this.#checking;
  }

  async #checkOne(attachment: Attachment): Promise<void> {
    const { location, identity, endpoint } = attachment;
    if (location !== null) {
      if (identityOf(location) === identity) return;
      this.#log.info({ endpoint: endpoint.name }, 'endpoint is gone');
      await this.#detach(attachment);
    }
    try {
      await this.#attach(attachment);
    } catch (error) {
      const problem = messageOf(error);
      if (problem !== attachment.problem) {
        this.#log.warn({ endpoint: endpoint.name, problem }, 'endpoint cannot be tapped; trying again every second');
      }
      attachment.problem = problem;
    }
  }

  async #attach(attachment: Attachment): Promise<void> {
    const { endpoint: { where, ...endpoint } } = attachment;
    if (where.pid !== undefined) {
      const startedAt = startOfProcess(where.pid);
      attachment.startedAt ??= startedAt;
      if (startedAt !== attachment.startedAt) {
        throw new ShadowtapError('ENDPOINT', `endpoint ${endpoint.name}: process ${where.pid} has ended; give the pid of another`);
      }
    }
    const location = locate(where);
    const identity = identityOf(location);
    await this.#tap.attach({ ...endpoint, location });
    attachment.location = location;
    attachment.identity = identity;
    attachment.problem = '';
    this.#log.info({ endpoint: endpoint.name, ports: endpoint.ports, tap: this.#tap.name }, 'endpoint tapped');
  }

  async #detach(attachment: Attachment): Promise<void> {
    attachment.location = null;
    try {
      await this.#tap.detach(attachment.endpoint.id);
    } catch (error) {
      this.#log.warn({ endpoint: attachment.endpoint.name, err: error }, 'endpoint could not be released cleanly');
    }
  }
}
