import type { KubeObject } from '../objects.ts';
import { Collection } from './collection.ts';

/** All objects, under one counter of versions, as etcd has it: `resourceVersion` is the revision of a write. */
export class Store {
  readonly #collections = new Map<string, Collection>();
  #revision = 1;
  /** Versions before it are forgotten. */
  #compacted = 0;

  get revision(): number {
    return this.#revision;
  }

  /** @param key names the resource without its version, such as `pods` or `mirrorpolicies.shadowtap.dev` */
  collection(key: string): Collection {
    let collection = this.#collections.get(key);
    if (collection === undefined) {
      collection = new Collection(this.#compacted);
      this.#collections.set(key, collection);
    }
    return collection;
  }

  /** Writes an object, which from now on belongs to the store. @returns it with its new version */
  put(key: string, object: KubeObject): KubeObject {
    this.#revision++;
    object.metadata.resourceVersion = String(this.#revision);
    this.collection(key).put(object, this.#revision);
    return object;
  }

  /** @returns the last state, with the version of its removal */
  remove(key: string, object: KubeObject): KubeObject {
    this.#revision++;
    const last = { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#revision) } };
    this.collection(key).remove(last, this.#revision);
    return last;
  }

  /** Forgets a resource, its objects and its history, and ends its watches. */
  drop(key: string): void {
    this.#collections.get(key)?.close();
    this.#collections.set(key, new Collection(this.#revision));
  }

  /** Forgets all old versions. */
  compact(): void {
    this.#compacted = this.#revision;
    for (const collection of this.#collections.values()) collection.compact(this.#revision);
  }
}
