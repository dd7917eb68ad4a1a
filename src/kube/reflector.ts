import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { messageOf } from '../errors.ts';
import type { WatchStats } from '../stats.ts';
import type { ApiClient } from './api-client.ts';
import { ApiError, apiError } from './api-error.ts';
import { recordOf, textOf } from './json.ts';
import { BackOff } from './back-off.ts';
import { jsonLines } from './json-lines.ts';

/** A type of objects to follow. */
export interface Resource<T> {
  /** For people: `pods`. */
  readonly name: string;
  /** Such as `/api/v1/pods`. */
  readonly path: string;
  /**
   * What is kept of an object; null: nothing, as if it were not there. Must not throw and must not hold on to the object.
   * `previous` is what was kept of it before; to give it back says that nothing changed.
   */
  readonly pick: (object: unknown, previous: T | undefined) => T | null;
  /** The type may be missing from the cluster: that is no failure, and it is looked for again now and then. */
  readonly optional?: boolean;
}

/** Which objects of the type are followed; all that are not given is all. */
export interface Selection {
  readonly fieldSelector?: string;
  readonly labelSelector?: string;
}

/** Objects that are kept, by `namespace/name`; of cluster-wide ones by `/name`. */
export type Store<T> = ReadonlyMap<string, T>;

export interface Timing {
  readonly backOffMs: readonly [first: number, most: number];
  /** Pause before a type that was missing is looked for again. */
  readonly missingMs: number;
  /** A watch is asked to end after a time between these, so that agents do not all begin anew together. Seconds. */
  readonly watchSeconds: readonly [least: number, most: number];
}

const TIMING: Timing = { backOffMs: [500, 30_000], missingMs: 600_000, watchSeconds: [300, 600] };
const PAGE = '500';
/** Beyond the time that the server was asked for, a watch is taken for dead. */
const WATCH_GRACE_MS = 30_000;

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
  readonly #timing: Timing;
  readonly #backOff: BackOff;
  #objects = new Map<string, T>();
  /** null: nothing is followed, and nothing asked for. */
  #selection: Selection | null;
  /** Ends the attempt under way: the selection changed, or all of it stops. */
  #attempt = new AbortController();
  #stopped = false;
  #running: Promise<void> = Promise.resolve();
  /** Version to go on from; empty: list first. */
  #version = '';
  /** The last list was refused as too old: ask for the newest instead of any. */
  #stale = false;
  #state: WatchStats['state'] = 'waiting';
  #problem = '';
  /** Answers in a row that there is no such type. */
  #misses = 0;
  #lists = 0;
  #watches = 0;
  #events = 0;

  /** @param onChange objects, or the state, may be different now */
  constructor(api: ApiClient, resource: Resource<T>, selection: Selection | null, onChange: () => void, timing: Timing = TIMING) {
    this.#api = api;
    this.#resource = resource;
    this.#selection = selection;
    if (selection === null) this.#state = 'idle';
    this.#onChange = onChange;
    this.#timing = timing;
    this.#backOff = new BackOff(...timing.backOffMs);
  }

  get objects(): Store<T> {
    return this.#objects;
  }

  /** Whether all objects of the selection are known, as of some moment; a missing type has none. */
  get synced(): boolean {
    return this.#lists > 0;
  }

  /** Whether they are those of the selection that was asked for last. */
  get settled(): boolean {
    return this.#version !== '' || this.#state === 'missing' || this.#selection === null;
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
    this.#version = '';
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
      this.#attempt = new AbortController();
      const { signal } = this.#attempt;
      if (this.#selection === null) {
        await once(signal, 'abort');
        continue;
      }
      try {
        if (this.#version === '') await this.#list(this.#selection, signal);
        await this.#watch(this.#selection, signal);
      } catch (thrown) {
        if (signal.aborted) continue;
        await this.#recover(thrown, signal);
      }
    }
  }

  async #recover(thrown: unknown, signal: AbortSignal): Promise<void> {
    if (thrown instanceof ApiError && thrown.isGone) {
      this.#version = '';
      this.#stale = true;
    }
    this.#misses = thrown instanceof ApiError && thrown.isNotFound ? this.#misses + 1 : 0;
    // An API server that has just been started may not know yet which types it has: once is not enough.
    const missing = this.#misses > (this.#lists === 0 ? 0 : 2);
    if (missing) this.#forget();
    this.#say(missing ? 'missing' : 'failing', messageOf(thrown));
    const waitMs = missing && this.#resource.optional === true
      ? this.#timing.missingMs * (0.5 + Math.random())
      : this.#backOff.next(thrown instanceof ApiError ? thrown.retryAfterMs : 0);
    await sleep(waitMs, undefined, { signal, ref: false }).catch(() => {});
  }

  /** The type is gone, and its objects with it. */
  #forget(): void {
    this.#version = '';
    this.#lists += 1;
    this.#objects = new Map();
  }

  /**
   * Any version will do at first: the API server answers from memory and by an index of pods by node. After 410 the
   * newest is asked for, in pages.
   */
  async #list(selection: Selection, signal: AbortSignal): Promise<void> {
    const next = new Map<string, T>();
    let version = '';
    let continueAt: string | undefined;
    do {
      const where = this.#stale ? { limit: PAGE, continue: continueAt } : { resourceVersion: '0' };
      const page = await this.#api.call({ path: this.#resource.path, query: { ...selection, ...where }, signal });
      const { metadata, items } = recordOf(page);
      const meta = recordOf(metadata);
      if (!Array.isArray(items)) throw new ApiError(`the answer to a list of ${this.#resource.name} has no items`);
      for (const item of items) this.#keep(next, item);
      version = textOf(meta['resourceVersion']);
      continueAt = this.#stale && meta['continue'] !== '' ? textOf(meta['continue']) || undefined : undefined;
    } while (continueAt !== undefined);
    if (version === '') throw new ApiError(`the answer to a list of ${this.#resource.name} has no resourceVersion`);
    this.#objects = next;
    this.#version = version;
    this.#stale = false;
    this.#misses = 0;
    this.#lists += 1;
    this.#say('following', '');
  }

  async #watch(selection: Selection, signal: AbortSignal): Promise<void> {
    const [least, most] = this.#timing.watchSeconds;
    const seconds = Math.round(least + (most - least) * Math.random());
    const deadline = AbortSignal.timeout(seconds * 1000 + WATCH_GRACE_MS);
    const stream = await this.#api.stream({
      path: this.#resource.path,
      query: { ...selection, watch: '1', resourceVersion: this.#version, allowWatchBookmarks: 'true', timeoutSeconds: String(seconds) },
      signal: AbortSignal.any([signal, deadline]),
    });
    this.#watches += 1;
    this.#say('following', '');
    const begun = performance.now();
    let heard = false;
    try {
      for await (const event of jsonLines(stream.chunks)) {
        heard = true;
        this.#take(event);
      }
    } finally {
      // One that told something, or lived a while, was a good one.
      if (heard || performance.now() - begun > 10_000) this.#backOff.reset();
    }
    // The server ends watches as it was asked to. One that ends at once is a fault somewhere: do not spin.
    if (!signal.aborted && performance.now() - begun < 1000) await sleep(this.#backOff.next(), undefined, { signal, ref: false }).catch(() => {});
  }

  #take(event: unknown): void {
    const { type, object } = recordOf(event);
    if (type === 'ERROR') throw apiError(`watch ${this.#resource.path}`, statusOf(object), object);
    const version = textOf(recordOf(recordOf(object)['metadata'])['resourceVersion']);
    if (version === '') throw new ApiError(`a watch of ${this.#resource.name} sent an event without resourceVersion`);
    const changed = this.#apply(textOf(type), object);
    this.#version = version;
    if (!changed) return;
    this.#events += 1;
    this.#onChange();
  }

  /** @returns whether something is different now */
  #apply(type: string, object: unknown): boolean {
    switch (type) {
      case 'ADDED':
      case 'MODIFIED':
        return this.#keep(this.#objects, object);
      case 'DELETED':
        return this.#objects.delete(objectKey(object));
      case 'BOOKMARK':
        return false;
      default:
        throw new ApiError(`a watch of ${this.#resource.name} sent an event of type ${JSON.stringify(type).slice(0, 50)}`);
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
    if (state === this.#state && problem === this.#problem && state !== 'following') return;
    this.#state = state;
    this.#problem = problem;
    this.#onChange();
  }
}

function objectKey(object: unknown): string {
  const { namespace, name } = recordOf(recordOf(object)['metadata']);
  return `${textOf(namespace)}/${textOf(name)}`;
}

function statusOf(object: unknown): number {
  const { code } = recordOf(object);
  return typeof code === 'number' ? code : 0;
}
