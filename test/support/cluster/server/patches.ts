import { parse } from 'yaml';
import type { Json, JsonObject, KubeObject } from '../objects.ts';
import { applyTo } from './apply.ts';
import type { Clock } from './clock.ts';
import { isObject, mergePatch, objectOf, treeOf } from './json.ts';
import { jsonPatch } from './json-patch.ts';
import { apiVersionOf, type Resource } from './resource.ts';
import { badRequest, conflict, invalid, required, STALE, unsupportedMediaType } from './status.ts';
import { strategicPatch } from './strategic.ts';
import type { WriteOptions } from './writes.ts';

export const APPLY = 'application/apply-patch+yaml';
const MERGE = 'application/merge-patch+json';
const JSON_PATCH = 'application/json-patch+json';
const STRATEGIC = 'application/strategic-merge-patch+json';

/**
 * What an object becomes by a patch that is no apply. Takes and gives it in the resource's version.
 * @throws ApiError 415 for a kind of patch that is not known; strategic ones are not for custom resources
 */
export function patched(resource: Resource, before: KubeObject, contentType: string, body: string): KubeObject {
  const patch = parseBody(body) as Json;
  const target = treeOf(before);
  switch (contentType) {
    case MERGE:
      return checked(before, mergePatch(target, patch));
    case JSON_PATCH:
      return checked(before, jsonPatch(target, patch));
    case STRATEGIC:
      if (!resource.custom) return checked(before, strategicPatch(target, patch, resource.structure));
  }
  const known = [JSON_PATCH, MERGE, ...(resource.custom ? [] : [STRATEGIC]), APPLY];
  throw unsupportedMediaType(`the body of the request was in an unknown format - accepted media types include: ${known.join(', ')}`);
}

function checked(before: KubeObject, after: Json): KubeObject {
  if (!isObject(after) || !isObject(after['metadata'])) throw badRequest('the patch leaves no object');
  const object = structuredClone(objectOf(after));
  if (object.metadata.name !== before.metadata.name) {
    throw badRequest(`the name of the object (${object.metadata.name}) does not match the name on the URL (${before.metadata.name})`);
  }
  return object;
}

/** A server-side apply, read from a request. */
export interface ApplyRequest {
  readonly wanted: KubeObject;
  readonly force: boolean;
}

export function readApply(resource: Resource, namespace: string, name: string, body: string, params: URLSearchParams): ApplyRequest {
  const wanted = parseBody(body);
  if (!params.get('fieldManager'))
    throw invalid('meta.k8s.io', 'PatchOptions', '', [required('fieldManager', 'is required for apply patch')]);
  if (!isObject(wanted)) throw badRequest('the body is no object');
  const object = objectOf({ ...wanted, metadata: { ...(wanted['metadata'] as JsonObject | undefined) } });
  if (object.kind !== resource.kind || object.apiVersion !== apiVersionOf(resource)) {
    throw badRequest(`invalid object type: ${object.apiVersion}, Kind=${object.kind}`);
  }
  const { metadata } = object;
  if (metadata.managedFields !== undefined) throw badRequest('metadata.managedFields must be nil');
  if ((metadata.name ?? name) !== name)
    throw badRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${name})`);
  if (resource.namespaced && (metadata.namespace ?? namespace) !== namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
  metadata.name = name;
  return { wanted: object, force: params.get('force') === 'true' };
}

/**
 * What an object becomes by server-side apply, in the stored version.
 * @param live null where there is none
 */
export function applied(
  resource: Resource,
  live: KubeObject | null,
  { wanted, force }: ApplyRequest,
  options: WriteOptions,
  clock: Clock,
): KubeObject {
  const { resourceVersion, uid } = wanted.metadata;
  const name = wanted.metadata.name ?? '';
  if (live === null && uid)
    throw conflict(resource, name, `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`);
  if (live !== null && resourceVersion && resourceVersion !== live.metadata.resourceVersion) throw conflict(resource, name, STALE);
  const own = ownPart(resource, wanted, options.subresource);
  delete own.metadata.resourceVersion;
  const manager = {
    name: options.manager,
    operation: 'Apply',
    apiVersion: apiVersionOf(resource),
    subresource: options.subresource,
  } as const;
  return applyTo(live, resource.store(own), resource.structure, manager, force, clock.timestamp());
}

/** What this endpoint can apply: the status and nothing else, or all but the status. */
function ownPart(resource: Resource, wanted: KubeObject, subresource: string): KubeObject {
  const { status, ...rest } = wanted;
  if (subresource !== 'status') return resource.subresources.includes('status') ? (rest as KubeObject) : wanted;
  const { apiVersion, kind, metadata } = wanted;
  return { apiVersion, kind, metadata: { name: metadata.name ?? '' }, ...(status !== undefined && { status }) };
}

/** Reads JSON or YAML. */
export function parseBody(body: string): unknown {
  try {
    return /^\s*[{[]/.test(body) ? JSON.parse(body) : parse(body);
  } catch (error) {
    throw badRequest(`error decoding the body: ${error instanceof Error ? error.message : String(error)}`);
  }
}
