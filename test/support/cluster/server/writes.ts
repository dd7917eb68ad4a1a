import { randomBytes, randomUUID } from 'node:crypto';
import type { KubeObject, ObjectMeta } from '../objects.ts';
import type { Clock } from './clock.ts';
import { establish } from './custom.ts';
import { equal } from './json.ts';
import { type Manager, ownersAfterUpdate, setOwners, withoutOwners } from './managed-fields.ts';
import { checkMetadata } from './metadata-rules.ts';
import type { Registry } from './registry.ts';
import { apiVersionOf, type Resource } from './resource.ts';
import { alreadyExists, ApiError, badRequest, conflict, invalid, notFound, STALE } from './status.ts';
import type { Store } from './store.ts';

/** How a write is to be done. */
export interface WriteOptions {
  /** `fieldManager`, or the first word of the User-Agent. */
  readonly manager: string;
  /** Empty for the object itself. */
  readonly subresource: string;
  /** Everything but the storing. */
  readonly dryRun: boolean;
  /** Unknown fields are an error, instead of being dropped. */
  readonly strict: boolean;
}

export interface DeletePreconditions {
  readonly uid?: string;
  readonly resourceVersion?: string;
}

/** Does what writes do before and after storing: metadata, defaults, checks, owners, finalizers. Objects are in the stored version. */
export class Writes {
  readonly #store: Store;
  readonly #registry: Registry;
  readonly #clock: Clock;

  constructor(store: Store, registry: Registry, clock: Clock) {
    this.#store = store;
    this.#registry = registry;
    this.#clock = clock;
  }

  /** @returns the object as it is stored */
  get(resource: Resource, namespace: string, name: string): KubeObject {
    const stored = this.#store.collection(resource.storeKey).get(resource.namespaced ? `${namespace}/${name}` : name);
    if (stored === undefined) throw notFound(resource, name);
    return stored.object;
  }

  /** @param owned its `managedFields` are right already: server-side apply made it */
  create(resource: Resource, namespace: string, input: KubeObject, options: WriteOptions, owned = false): KubeObject {
    const object = structuredClone(input);
    const { metadata } = object;
    if (metadata.resourceVersion) throw badRequest('resourceVersion should not be set on objects to be created');
    if (!metadata.name && metadata.generateName) metadata.name = metadata.generateName + randomBytes(4).toString('hex').slice(0, 5);
    const name = metadata.name ?? '';
    if (resource.namespaced) {
      this.#requireNamespace(resource, namespace, name);
      metadata.namespace = namespace;
    } else {
      delete metadata.namespace;
    }
    if (resource.subresources.includes('status') && resource.plural !== 'customresourcedefinitions') delete object['status'];
    setSystemFields(metadata, {
      uid: randomUUID(),
      creationTimestamp: this.#clock.timestamp(),
      ...(resource.hasGeneration && { generation: 1 }),
    });
    this.#complete(resource, object, null, options);
    if (!owned) this.#recordOwners(resource, null, object, options);
    if (this.#store.collection(resource.storeKey).get(keyOf(object)) !== undefined) throw alreadyExists(resource, name);
    if (resource.plural === 'customresourcedefinitions') establish(object, this.#clock.timestamp());
    if (options.dryRun) return object;
    this.#store.put(resource.storeKey, object);
    if (resource.plural === 'customresourcedefinitions') this.#registry.define(object);
    return object;
  }

  /** Stores an object as if it had been created and its status written, in one step. */
  load(resource: Resource, input: KubeObject, options: WriteOptions): void {
    const object = this.create(resource, input.metadata.namespace ?? '', resource.store(input), { ...options, dryRun: true });
    if (input['status'] !== undefined) object['status'] = structuredClone(input['status']);
    this.#put(resource, object);
  }

  /** @param owned its `managedFields` are right already: server-side apply made it */
  update(resource: Resource, before: KubeObject, input: KubeObject, options: WriteOptions, owned = false): KubeObject {
    const name = before.metadata.name ?? '';
    const { uid, resourceVersion } = input.metadata;
    if (uid && uid !== before.metadata.uid) {
      throw conflict(resource, name, `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${before.metadata.uid}`);
    }
    if (resourceVersion && resourceVersion !== before.metadata.resourceVersion) throw conflict(resource, name, STALE);
    const object = this.#writable(resource, before, structuredClone(input), options.subresource);
    this.#complete(resource, object, before, options);
    if (resource.hasGeneration && !equal(specOf(object), specOf(before)))
      object.metadata.generation = (before.metadata.generation ?? 0) + 1;
    if (!owned) this.#recordOwners(resource, before, object, options);
    if (equal(owned ? object : withoutOwners(object), owned ? before : withoutOwners(before))) return before;
    if (options.dryRun) return object;
    return this.#put(resource, object);
  }

  /**
   * Removes an object, or marks it where its finalizers or its grace period hold it.
   * @param gracePeriod seconds, null for the object's own
   * @returns the last state, and whether it is gone
   */
  remove(
    resource: Resource,
    before: KubeObject,
    gracePeriod: number | null,
    preconditions: DeletePreconditions = {},
    dryRun = false,
  ): { object: KubeObject; gone: boolean } {
    const { uid, resourceVersion } = preconditions;
    const { metadata } = before;
    if (uid !== undefined && uid !== metadata.uid) {
      const record = `the UID in record (${metadata.uid}). The object might have been deleted and then recreated`;
      throw conflict(resource, metadata.name ?? '', `the UID in the precondition (${uid}) does not match ${record}`);
    }
    if (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion) {
      const record = `the ResourceVersion in record (${metadata.resourceVersion}). The object might have been modified`;
      throw conflict(
        resource,
        metadata.name ?? '',
        `the ResourceVersion in the precondition (${resourceVersion}) does not match ${record}`,
      );
    }
    const grace = graceOf(before, gracePeriod);
    const isHeld = (metadata.finalizers ?? []).length > 0 || before.kind === 'Namespace';
    if (dryRun) return { object: before, gone: !isHeld && grace === 0 };
    const isMarked = metadata.deletionTimestamp !== undefined && (metadata.deletionGracePeriodSeconds ?? 0) <= grace;
    const marked = isMarked || (!isHeld && before.kind !== 'Pod') ? before : this.#mark(resource, before, grace);
    return isHeld || grace > 0 ? { object: marked, gone: false } : { object: this.#remove(resource, marked), gone: true };
  }

  /** Pods are marked even when they go at once: kube-apiserver's watches see MODIFIED and then DELETED. */
  #mark(resource: Resource, before: KubeObject, grace: number): KubeObject {
    const object = structuredClone(before);
    object.metadata.deletionTimestamp = this.#clock.timestamp(grace);
    object.metadata.deletionGracePeriodSeconds = grace;
    if (object.metadata.generation !== undefined) object.metadata.generation++;
    if (object.kind === 'Namespace') object['status'] = { phase: 'Terminating' };
    return this.#store.put(resource.storeKey, object);
  }

  #put(resource: Resource, object: KubeObject): KubeObject {
    const { deletionTimestamp, deletionGracePeriodSeconds = 0, finalizers = [] } = object.metadata;
    const isReleased = deletionTimestamp !== undefined && finalizers.length === 0 && deletionGracePeriodSeconds === 0;
    const stays = object.kind === 'Namespace' && finalizersOfNamespace(object).length > 0;
    if (isReleased && !stays) return this.#remove(resource, this.#store.put(resource.storeKey, object));
    const stored = this.#store.put(resource.storeKey, object);
    if (resource.plural === 'customresourcedefinitions') this.#registry.define(stored);
    return stored;
  }

  #remove(resource: Resource, object: KubeObject): KubeObject {
    if (resource.plural === 'customresourcedefinitions') {
      const key = object.metadata.name ?? '';
      for (const stored of this.#store.collection(key).list()) this.#store.remove(key, stored.object);
      this.#registry.undefine(object);
      this.#store.drop(key);
    }
    return this.#store.remove(resource.storeKey, object);
  }

  /** The new object with what this endpoint may not change taken from the old one. */
  #writable(resource: Resource, before: KubeObject, input: KubeObject, subresource: string): KubeObject {
    if (subresource === 'finalize') return { ...before, spec: input['spec'] };
    if (subresource === 'status') {
      const metadata = { ...before.metadata, ...(input.metadata.managedFields && { managedFields: input.metadata.managedFields }) };
      return { ...structuredClone(before), metadata: structuredClone(metadata), status: input['status'] };
    }
    const { uid, creationTimestamp, generation, deletionTimestamp, deletionGracePeriodSeconds, name, namespace, resourceVersion } =
      before.metadata;
    const kept = { name, namespace, uid, creationTimestamp, generation, deletionTimestamp, deletionGracePeriodSeconds, resourceVersion };
    setSystemFields(input.metadata, kept);
    if (!resource.subresources.includes('status')) return input;
    const { status: _, ...rest } = input;
    return before['status'] === undefined ? (rest as KubeObject) : ({ ...rest, status: structuredClone(before['status']) } as KubeObject);
  }

  #complete(resource: Resource, object: KubeObject, before: KubeObject | null, options: WriteOptions): void {
    dropEmpty(object.metadata);
    const unknown = resource.complete(object);
    if (options.strict && unknown.length > 0) {
      const list = unknown.map((path) => `unknown field ${JSON.stringify(path)}`).join(', ');
      throw badRequest(
        `${resource.kind} in version "${resource.version}" cannot be handled as a ${resource.kind}: strict decoding error: ${list}`,
      );
    }
    const causes = [...checkMetadata(object.metadata, before?.metadata ?? null), ...resource.validate(object, before)];
    if (causes.length > 0) throw invalid(resource.group, resource.kind, object.metadata.name ?? '', causes);
  }

  #recordOwners(resource: Resource, before: KubeObject | null, object: KubeObject, options: WriteOptions): void {
    const manager: Manager = {
      name: options.manager,
      operation: 'Update',
      apiVersion: apiVersionOf(resource),
      subresource: options.subresource,
    };
    setOwners(object, ownersAfterUpdate(before, object, resource.structure, manager, this.#clock.timestamp()));
  }

  #requireNamespace(resource: Resource, namespace: string, name: string): void {
    const stored = this.#store.collection('namespaces').get(namespace);
    if (stored === undefined) throw notFound({ group: '', plural: 'namespaces' }, namespace);
    if (stored.object.metadata.deletionTimestamp === undefined) return;
    const why = `unable to create new content in namespace ${namespace} because it is being terminated`;
    throw new ApiError(403, 'Forbidden', `${resource.plural} ${JSON.stringify(name)} is forbidden: ${why}`, {
      name,
      kind: resource.plural,
    });
  }
}

function keyOf({ metadata: { namespace, name = '' } }: KubeObject): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

/** Sets fields that clients cannot, and takes out those that are not given. */
function setSystemFields(metadata: ObjectMeta, values: { readonly [field in keyof ObjectMeta]?: ObjectMeta[field] | undefined }): void {
  const fields = ['uid', 'creationTimestamp', 'generation', 'deletionTimestamp', 'deletionGracePeriodSeconds', 'resourceVersion'] as const;
  for (const field of fields) delete metadata[field];
  delete (metadata as { selfLink?: string }).selfLink;
  for (const [field, value] of Object.entries(values)) if (value !== undefined) Object.assign(metadata, { [field]: value });
}

/** Go leaves empty lists and maps of the metadata out. */
function dropEmpty(metadata: ObjectMeta): void {
  for (const field of ['labels', 'annotations', 'finalizers', 'ownerReferences', 'managedFields'] as const) {
    if (Object.keys(metadata[field] ?? {}).length === 0) delete metadata[field];
  }
}

/** Everything but metadata and status: what generations count. */
function specOf(object: KubeObject): unknown {
  const { metadata: _, status: __, apiVersion: ___, ...spec } = object;
  return spec;
}

/** Seconds that an object gets: only a pod that has a node and has not ended gets any. */
function graceOf(object: KubeObject, asked: number | null): number {
  if (object.kind !== 'Pod') return 0;
  const spec = object['spec'] as { nodeName?: string; terminationGracePeriodSeconds?: number };
  const { phase } = object['status'] as { phase?: string };
  if (!spec.nodeName || phase === 'Succeeded' || phase === 'Failed') return 0;
  return asked ?? spec.terminationGracePeriodSeconds ?? 30;
}

function finalizersOfNamespace(namespace: KubeObject): readonly string[] {
  return (namespace['spec'] as { finalizers?: string[] } | undefined)?.finalizers ?? [];
}
