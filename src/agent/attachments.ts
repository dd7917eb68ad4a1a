import { setImmediate as otherWork } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { messageOf, ShadowtapError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { EndpointStatus } from '../stats.ts';
import type { Endpoint, EndpointLocation, Tap } from '../tap/tap.ts';
import { identityOf, inodeOf, startOfProcess } from './identity.ts';
import { isPod, samePlace, type Locate, type Whereabouts } from './locator.ts';

/** How often endpoints are looked at: gone, come back, or not there yet. */
const CHECK_MS = 1000;
/** Endpoints whose namespaces are entered at each look, in turn; of the others only the inode is looked at. */
const CLOSE_LOOKS = 16;

/** An endpoint and where to look for it. */
export type WantedEndpoint = Omit<Endpoint, 'location'> & { readonly where: Whereabouts };

interface Attachment {
  endpoint: WantedEndpoint;
  /** Where it is tapped; null while it is not. */
  location: EndpointLocation | null;
  /** What stood there when it was attached, and the part of it that is cheap to see. */
  identity: string;
  inode: string;
  /** The tap has been told the ports that are wanted now. */
  current: boolean;
  /** Why it is not tapped as wanted; empty otherwise. */
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
  readonly #locate: Locate;
  readonly #log: Logger;
  readonly #wanted = new Map<number, Attachment>();
  /** Whose turn it is to be looked at closely. */
  #turn = 0;
  #timer: NodeJS.Timeout | null = null;
  #checking: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(tap: Tap, locate: Locate, log: Logger) {
    this.#tap = tap;
    this.#locate = locate;
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
      if (known !== undefined && samePlace(known.endpoint.where, endpoint.where)) {
        // Attaching again is how a known endpoint gets new ports; the tap sees to it that nothing is missed meanwhile.
        known.current &&= isDeepStrictEqual(known.endpoint.ports, endpoint.ports);
        known.endpoint = endpoint;
        continue;
      }
      this.#wanted.set(endpoint.id, { endpoint, location: null, identity: '', inode: '', current: false, problem: '', startedAt: null });
      // A pod of the same name elsewhere is another: what was there is over, even if this one is not there yet.
      if (known !== undefined) await this.#detach(known);
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
      const count = this.#wanted.size;
      let index = -this.#turn;
      this.#turn = count === 0 ? 0 : (this.#turn + CLOSE_LOOKS) % count;
      for (const attachment of this.#wanted.values()) {
        const closely = (index++ + count) % count < CLOSE_LOOKS;
        if (!this.#stopped) await this.#checkOne(attachment, closely);
      }
    });
    return this.#checking;
  }

  async #checkOne(attachment: Attachment, closely: boolean): Promise<void> {
    const { name } = attachment.endpoint;
    if (attachment.location !== null && !this.#isStillThere(attachment, attachment.location, closely)) {
      this.#log.info({ endpoint: name }, 'endpoint is gone');
      await this.#detach(attachment);
    }
    if (attachment.location !== null && attachment.current) return;
    try {
      await this.#attach(attachment);
    } catch (error) {
      const problem = messageOf(error);
      if (problem !== attachment.problem) {
        this.#log.warn({ endpoint: name, problem }, 'endpoint cannot be tapped; trying again every second');
      }
      if (attachment.location !== null) await this.#detach(attachment);
      attachment.problem = problem;
    }
    // Loading programs takes the main thread some ten milliseconds for each endpoint: admin pages and signals in between.
    await otherWork();
  }

  /** Also where the path by which it was found leads nowhere any more, but another leads there. */
  #isStillThere(attachment: Attachment, location: EndpointLocation, closely: boolean): boolean {
    const { endpoint: { id, where }, inode, identity } = attachment;
    if (inodeOf(location) === inode && (!closely || identityOf(location) === identity)) return true;
    let found: EndpointLocation;
    try {
      found = this.#locate(where);
    } catch {
      // Between two runs of its containers a pod may have no process at all while its network stays. Whoever keeps the
      // list of pods knows when it ends.
      return isPod(where);
    }
    if (identityOf(found) !== identity) return false;
    this.#tap.moved(id, found);
    attachment.location = found;
    return true;
  }

  async #attach(attachment: Attachment): Promise<void> {
    const { endpoint } = attachment;
    const { where, ...tapped } = endpoint;
    const isNew = attachment.location === null;
    const location = attachment.location ?? this.#find(attachment);
    if (isNew) {
      attachment.identity = identityOf(location);
      attachment.inode = inodeOf(location);
    }
    attachment.current = true;
    await this.#tap.attach({ ...tapped, location });
    if (this.#wanted.get(endpoint.id) !== attachment) {
      // No longer wanted, which the tap was told before this was done.
      await this.#detach(attachment);
      return;
    }
    attachment.location = location;
    attachment.problem = '';
    if (isNew) this.#log.info({ endpoint: endpoint.name, ports: endpoint.ports, tap: this.#tap.name }, 'endpoint tapped');
  }

  /** @throws ShadowtapError ENDPOINT */
  #find(attachment: Attachment): EndpointLocation {
    const { endpoint: { name, where } } = attachment;
    if (!isPod(where) && where.pid !== undefined) {
      const startedAt = startOfProcess(where.pid);
      attachment.startedAt ??= startedAt;
      if (startedAt !== attachment.startedAt) {
        throw new ShadowtapError('ENDPOINT', `endpoint ${name}: process ${where.pid} has ended; give the pid of another`);
      }
    }
    return this.#locate(where);
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
