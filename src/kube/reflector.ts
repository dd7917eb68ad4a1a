import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { messageOf, ShadowtapError } from '../errors.ts';
import type { WatchStats } from '../stats.ts';
import type { ApiClient } from './api-client.ts';
import { ApiError } from './api-error.ts';
import { BackOff } from './back-off.ts';
import { recordOf, textOf } from './json.ts';
import { inNamespace, listPages, openWatch, type Collection, type WatchEvent } from './list-watch.ts';

/** A type of objects to follow. */
export interface Resource<T> extends Collection {
  /**
   * What is kept of an object; null: nothing, as if it were not there. Must not throw and must not hold on to the object.
   * `previous` is what was kept of it before; to give it back says that nothing changed.
   */
  readonly pick: (object: unknown, previous: T | undefined) => T | null;
  /** The type may be missing from the cluster: that is no failure, and it is looked for again now and then. */
  readonly optional?: boolean;
  /** Given where there may be very many: they are listed in pages, and where more than this would be kept, none are. */
  readonly most?: number;
}

/** Which objects of the type are followed; all that are not given is all. */
export interface Selection {
  readonly namespace?: string;
  readonly fieldSelector?: string;
  readonly labelSelector?: string;
}

/** Objects that are kept, by `namespace/name`; of cluster-wide ones by `/name`. */
export type Store<T> = ReadonlyMap<string, T>;

export interface Timing {
  readonly backOffMs?: readonly [first: number, most: number];
  /** Pause before a type that was missing, or had too many objects, is looked for again. */
  readonly missingMs?: number;
  /** A watch is asked to end after a time between these, so that agents do not all begin anew together. Seconds. */
  readonly watchSeconds?: readonly [least: number, most: number];
  /** A watch of which nothing is heard for so long is begun anew: its connection may be dead. */
  readonly silenceMs?: number;
}

const TIMING: Required<Timing> = {
  backOffMs: [500, 30_000],
  missingMs: 600_000,
  watchSeconds: [300, 600],
  // API servers send a bookmark a minute.
  silenceMs: 180_000,
};
/** A watch that lived for so long was a good one, even if it had nothing to tell. */
const GOOD_MS = 10_000;
/** One that the server ends sooner is a fault somewhere. */
const SHORT_MS = 1_000;
/** Answers in a row that there is no such type, before that is believed: a server that has just started may not know it yet. */
const MISSES = 3;

/**
 * Keeps a copy of objects of one type: lists them, then watches from the version of the list (Kubernetes API concepts,
 * "Efficient detection of changes"). What is known stays until something newer is known: an API server that is away for
 * minutes, a broken watch or a new list drop nothing. Only a version that is too old (410 Gone) makes it list again.
 *
 * Callbacks run synchronously; what one throws ends the attempt as a failure that is told, never silently.
 */
export class Reflector<T> {
  readonly #api: ApiClient;
  readonly #resource: Resource<T>;
  readonly #onChange: () => void;
  readonly #timing: Required<Timing>;
  readonly #backOff: BackOff;
  #objects = new Map<string, T>();
  /** null: nothing is followed, and nothing asked for. */
  #selection: Selection | null;
  /** Ends the attempt under way: the selection changed, or all of it stops. */
  #attempt = new AbortController();
  #stopped = false;
  #running: Promise<void> = Promise.resolve();
  /** Up to which everything is known. A list must not be older, whatever the server has in memory. */
  #version = '';
  /** Whether the objects are those of the selection, as of some moment. */
  #settled = false;
  #synced = false;
  #mustList = true;
  /** The server could not list as of a version: ask for the newest. */
  #newest = false;
  #state: WatchStats['state'] = 'waiting';
  #problem = '';
  #misses = 0;
  #lists = 0;
  #watches = 0;
  #events = 0;

  /** @param onChange objects, or the state, may be different now */
  constructor(api: ApiClient, resource: Resource<T>, selection: Selection | null, onChange: () => void, timing: Timing = {}) {
    this.#api = api;
    this.#resource = resource;
    this.#selection = selection;
    if (selection === null) this.#state = 'idle';
    this.#onChange = onChange;
    this.#timing = { ...TIMING, ...timing };
    this.#backOff = new BackOff(...this.#timing.backOffMs);
  }

  get objects(): Store<T> {
    return this.#objects;
  }

  /** Whether all objects of a selection have been known, as of some moment; a missing type has none. */
  get synced(): boolean {
    return this.#synced;
  }

  /** Whether they are those of the selection that was asked for last. */
  get settled(): boolean {
    return this.#settled || this.#selection === null;
  }

  status(): WatchStats {
    return {
      resource: this.#resource.name,
      state: this.#state,
      objects: this.#objects.size,
      lists: this.#lists,
      watches: this.#watches,
      events: this.#events,
      problem: this.#problem,
    };
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Follows other objects from now on; those known stay until the new list is there. null: none any more. */
  select(selection: Selection | null): void {
    if (isDeepStrictEqual(selection, this.#selection)) return;
    this.#selection = selection;
    this.#settled = false;
    this.#mustList = true;
    if (selection === null) this.#objects = new Map();
    this.#state = selection === null ? 'idle' : 'waiting';
    this.#problem = '';
    this.#attempt.abort();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#attempt.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const { signal } = (this.#attempt = new AbortController());
      try {
        await this.#follow(this.#selection, signal);
      } catch (thrown) {
        if (!signal.aborted) await pause(this.#fail(thrown), signal);
      }
    }
  }

  async #follow(selection: Selection | null, signal: AbortSignal): Promise<void> {
    if (selection === null) {
      await once(signal, 'abort');
      return;
    }
    if (this.#mustList) await this.#list(selection, signal);
    await this.#watch(selection, signal);
  }

  /** @returns how long to wait before the next attempt, ms */
  #fail(thrown: unknown): number {
    const error = thrown instanceof ApiError ? thrown : null;
    if (error !== null && (error.isGone || error.isTooNew)) {
      this.#newest = this.#mustList;
      this.#mustList = true;
    }
    this.#misses = error?.isNotFound === true ? this.#misses + 1 : 0;
    // Where nothing is known of it yet, nothing is lost by taking the first one's word.
    const missing = this.#misses >= (this.#version === '' ? 1 : MISSES);
    const tooMany = thrown instanceof TooMany;
    if (missing || tooMany) this.#forget();
    try {
      this.#say(missing ? 'missing' : 'failing', messageOf(thrown));
    } catch {
      // The callback is what fails, and `status` tells it.
    }
    if (tooMany || (this.#misses >= MISSES && this.#resource.optional === true)) return this.#timing.missingMs * (0.5 + Math.random());
    return this.#backOff.next(error?.retryAfterMs);
  }

  /** The type is gone, or too large to follow, and its objects with it. */
  #forget(): void {
    this.#mustList = true;
    this.#version = '';
    this.#settled = true;
    this.#synced = true;
    this.#objects = new Map();
  }

  async #list(selection: Selection, signal: AbortSignal): Promise<void> {
    const next = new Map<string, T>();
    let version = '';
    const inPages = this.#newest || this.#resource.most !== undefined;
    for await (const page of listPages(this.#api, ...this.#scope(selection), inPages ? null : this.#version || '0', signal)) {
      for (const item of page.items) this.#keep(next, item);
      this.#refuseMany(next);
      ({ version } = page);
    }
    // Another selection may have been asked for since the last page came.
    signal.throwIfAborted();
    this.#objects = next;
    this.#version = version;
    this.#mustList = false;
    this.#newest = false;
    this.#settled = true;
    this.#synced = true;
    this.#misses = 0;
    this.#lists += 1;
    this.#state = 'following';
    this.#problem = '';
    this.#onChange();
  }

  async #watch(selection: Selection, signal: AbortSignal): Promise<void> {
    const { watchSeconds: [least, most], silenceMs } = this.#timing;
    const seconds = Math.round(least + (most - least) * Math.random());
    const begun = performance.now();
    const ended = new AbortController();
    let heard = false;
    try {
      const options = { version: this.#version, seconds, silenceMs, signal: AbortSignal.any([signal, ended.signal]) };
      const events = await openWatch(this.#api, ...this.#scope(selection), options);
      this.#watches += 1;
      this.#misses = 0;
      this.#say('following', '');
      for await (const event of events) {
        signal.throwIfAborted();
        this.#take(event);
        heard = true;
      }
    } finally {
      ended.abort();
      if (heard || performance.now() - begun > GOOD_MS) this.#backOff.reset();
    }
    // Servers end watches as they were asked to. Where one ends at once, do not spin.
    if (performance.now() - begun < SHORT_MS) await pause(this.#backOff.next(), signal);
  }

  #take({ type, object, version }: WatchEvent): void {
    const changed = this.#apply(type, object);
    this.#refuseMany(this.#objects);
    this.#version = version;
    if (!changed) return;
    this.#events += 1;
    this.#onChange();
  }

  /** What is asked for. */
  #scope({ namespace, ...query }: Selection): readonly [Collection, Omit<Selection, 'namespace'>] {
    return [namespace === undefined ? this.#resource : inNamespace(this.#resource, namespace), query];
  }

  /** @throws TooMany */
  #refuseMany(objects: Store<T>): void {
    const { name, most = Infinity } = this.#resource;
    if (objects.size > most) throw new TooMany(`there are more than ${most} ${name}, more than an agent can follow`);
  }

  /** @returns whether something is different now */
  #apply(type: WatchEvent['type'], object: unknown): boolean {
    switch (type) {
      case 'ADDED':
      case 'MODIFIED':
        return this.#keep(this.#objects, object);
      case 'DELETED':
        return this.#objects.delete(objectKey(object));
      case 'BOOKMARK':
        return false;
    }
  }

  #keep(into: Map<string, T>, object: unknown): boolean {
    const key = objectKey(object);
    const previous = this.#objects.get(key);
    const kept = this.#resource.pick(object, previous);
    if (kept === null) return into.delete(key);
    into.set(key, kept);
    return kept !== previous;
  }

  #say(state: WatchStats['state'], problem: string): void {
    if (state === this.#state && problem === this.#problem) return;
    this.#state = state;
    this.#problem = problem;
    this.#onChange();
  }
}

class TooMany extends ShadowtapError {
  constructor(message: string) {
    super('KUBE_API', message);
  }
}

function objectKey(object: unknown): string {
  const { namespace, name } = recordOf(recordOf(object)['metadata']);
  return `${textOf(namespace)}/${textOf(name)}`;
}

/** Does not keep the process alive. Ends early, without a word, when it is aborted. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal, ref: false }).catch(() => {});
}
