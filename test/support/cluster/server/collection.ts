import type { KubeObject } from '../objects.ts';
import { Stored } from './stored.ts';

/** A change, as the history keeps it. */
export interface Change {
  readonly revision: number;
  /** Before it; null if the object is new. */
  readonly before: Stored | null;
  /** After it; for a removal the last state, with the revision of the removal. */
  readonly after: Stored;
  readonly removed: boolean;
}

/** Who is told of changes. */
export interface Watcher {
  /** Changes without this index key do not concern it: see `indexKeys`. */
  readonly indexKey: string;
  onChange(change: Change): void;
  /** The resource is no longer served. */
  onClose(): void;
}

/** Changes kept for watches that begin at an old version. */
const HISTORY = 20_000;

/** The index key of every object. */
export const EVERYTHING = '';

/** The keys by which objects and watchers find each other, so that a change costs nothing to watches of another node. */
function indexKeys(object: KubeObject): string[] {
  const { namespace = '', name = '' } = object.metadata;
  const spec = object['spec'] as { nodeName?: unknown } | undefined;
  const keys = [EVERYTHING, `metadata.namespace=${namespace}`, `metadata.name=${name}`];
  if (object.kind === 'Pod') keys.push(`spec.nodeName=${String(spec?.nodeName ?? '')}`);
  return keys;
}

/** `namespace/name`, or the name alone; sorts as etcd's keys do. */
export function keyOf(object: KubeObject): string {
  const { namespace, name = '' } = object.metadata;
  return namespace === undefined ? name : `${namespace}/${name}`;
}

/** The objects of one resource, their last changes, and who watches them. */
export class Collection {
  readonly #objects = new Map<string, Stored>();
  readonly #index = new Map<string, Map<string, Stored>>();
  readonly #sorted = new Map<string, Stored[]>();
  readonly #watchers = new Map<string, Set<Watcher>>();
  #history: Change[] = [];
  /** Changes up to this revision may be forgotten. */
  #forgotten: number;

  constructor(revision: number) {
    this.#forgotten = revision;
  }

  get(key: string): Stored | undefined {
    return this.#objects.get(key);
  }

  /** The objects with an index key, sorted by key. The array is shared and never changes. */
  list(indexKey = EVERYTHING): readonly Stored[] {
    let sorted = this.#sorted.get(indexKey);
    if (sorted === undefined) {
      sorted = [...(this.#index.get(indexKey)?.values() ?? [])].sort((a, b) => (a.key < b.key ? -1 : 1));
      this.#sorted.set(indexKey, sorted);
    }
    return sorted;
  }

  put(object: KubeObject, revision: number): void {
    const after = new Stored(keyOf(object), object, revision);
    const before = this.#objects.get(after.key) ?? null;
    if (before !== null) this.#unindex(before);
    this.#objects.set(after.key, after);
    for (const key of indexKeys(object)) {
      let entries = this.#index.get(key);
      if (entries === undefined) this.#index.set(key, (entries = new Map()));
      entries.set(after.key, after);
      this.#sorted.delete(key);
    }
    this.#tell({ revision, before, after, removed: false });
  }

  remove(last: KubeObject, revision: number): void {
    const before = this.#objects.get(keyOf(last));
    if (before === undefined) return;
    this.#unindex(before);
    this.#objects.delete(before.key);
    this.#tell({ revision, before, after: new Stored(before.key, last, revision), removed: true });
  }

  /** @returns the changes after a revision, oldest first, or null if some of them may be forgotten */
  since(revision: number): readonly Change[] | null {
    if (revision < this.#forgotten) return null;
    let start = this.#history.length;
    while (start > 0 && this.#history[start - 1]!.revision > revision) start--;
    return this.#history.slice(start);
  }

  /** The oldest revision at which a watch can begin. */
  get oldest(): number {
    return this.#forgotten;
  }

  compact(revision: number): void {
    this.#history = [];
    this.#forgotten = revision;
  }

  watch(watcher: Watcher): void {
    let watchers = this.#watchers.get(watcher.indexKey);
    if (watchers === undefined) this.#watchers.set(watcher.indexKey, (watchers = new Set()));
    watchers.add(watcher);
  }

  unwatch(watcher: Watcher): void {
    const watchers = this.#watchers.get(watcher.indexKey);
    watchers?.delete(watcher);
    if (watchers?.size === 0) this.#watchers.delete(watcher.indexKey);
  }

  close(): void {
    for (const watchers of this.#watchers.values()) for (const watcher of [...watchers]) watcher.onClose();
  }

  #unindex(stored: Stored): void {
    for (const key of indexKeys(stored.object)) {
      const entries = this.#index.get(key);
      entries?.delete(stored.key);
      if (entries?.size === 0) this.#index.delete(key);
      this.#sorted.delete(key);
    }
  }

  #tell(change: Change): void {
    this.#history.push(change);
    if (this.#history.length >= 2 * HISTORY) {
      this.#history = this.#history.slice(HISTORY);
      this.#forgotten = this.#history[0]!.revision - 1;
    }
    const keys = new Set([...(change.before === null ? [] : indexKeys(change.before.object)), ...indexKeys(change.after.object)]);
    for (const key of keys) {
      const watchers = this.#watchers.get(key);
      if (watchers !== undefined) for (const watcher of [...watchers]) watcher.onChange(change);
    }
  }
}
