import { statSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { messageOf } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { EndpointStatus } from '../stats.ts';
import type { Endpoint, Tap } from '../tap/tap.ts';

/** How often endpoints are looked at: gone, come back, or not there yet. */
const CHECK_MS = 1000;

interface Attachment {
  readonly endpoint: Endpoint;
  attached: boolean;
  problem: string;
  /** Inode of the namespace file or cgroup directory at attach time: another one under the same name is another pod. */
  identity: string;
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

  constructor(tap: Tap, log: Logger) {
    this.#tap = tap;
    this.#log = log;
  }

  /** Sets the whole list of endpoints to tap; resolves when each has been tried once. */
  async want(endpoints: readonly Endpoint[]): Promise<void> {
    const next = new Map(endpoints.map((endpoint) => [endpoint.id, endpoint]));
    for (const [id, known] of this.#wanted) {
      if (next.has(id)) continue;
      this.#wanted.delete(id);
      await this.#detach(known);
    }
    for (const endpoint of endpoints) {
      const known = this.#wanted.get(endpoint.id);
      if (known !== undefined && isDeepStrictEqual(known.endpoint, endpoint)) continue;
      // Attaching again is how a known endpoint gets new ports; the tap sees to it that nothing is missed meanwhile.
      this.#wanted.set(endpoint.id, { endpoint, attached: false, problem: '', identity: '' });
    }
    this.#timer ??= setInterval(() => this.#check(), CHECK_MS).unref();
    await this.#check();
  }

  status(): EndpointStatus[] {
    return Array.from(this.#wanted.values(), ({ endpoint, attached, problem }) => ({
      name: endpoint.name,
      ports: endpoint.ports,
      attached,
      problem,
    }));
  }

  async stop(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    await this.#checking;
    for (const attachment of this.#wanted.values()) await this.#detach(attachment);
    this.#wanted.clear();
  }

  #check(): Promise<void> {
    this.#checking = this.#checking.then(async () => {
      for (const attachment of this.#wanted.values()) await this.#checkOne(attachment);
    });
    return this.#checking;
  }

  async #checkOne(attachment: Attachment): Promise<void> {
    const identity = identityOf(attachment.endpoint);
    if (attachment.attached && identity !== attachment.identity) {
      this.#log.info({ endpoint: attachment.endpoint.name }, 'endpoint is gone');
      await this.#detach(attachment);
    }
    if (attachment.attached) return;
    try {
      await this.#tap.attach(attachment.endpoint);
      attachment.attached = true;
      attachment.identity = identity;
      attachment.problem = '';
      this.#log.info({ endpoint: attachment.endpoint.name, ports: attachment.endpoint.ports, tap: this.#tap.name }, 'endpoint tapped');
    } catch (error) {
      const problem = messageOf(error);
      if (problem !== attachment.problem) {
        this.#log.warn({ endpoint: attachment.endpoint.name, err: error }, 'endpoint cannot be tapped; trying again every second');
      }
      attachment.problem = problem;
    }
  }

  async #detach(attachment: Attachment): Promise<void> {
    attachment.attached = false;
    try {
      await this.#tap.detach(attachment.endpoint.id);
    } catch (error) {
      this.#log.warn({ endpoint: attachment.endpoint.name, err: error }, 'endpoint could not be released cleanly');
    }
  }
}

/** Changes when what is behind the endpoint's name changes; empty while nothing is there. */
function identityOf({ location }: Endpoint): string {
  return [location.netns, location.cgroup].map((path) => (path === undefined ? '' : inode(path))).join(':');
}

function inode(path: string): string {
  try {
    const { dev, ino } = statSync(path);
    return `${dev}-${ino}`;
  } catch {
    // Not there, or not readable just now: attaching will say which.
    return '';
  }
}
