import type { IncomingMessage } from 'node:http';
import type { Json, JsonObject, KubeObject } from '../objects.ts';
import type { Answer } from './answer.ts';
import type { User } from './authentication.ts';
import type { Authorizer } from './authorization.ts';
import type { Clock } from './clock.ts';
import { discover, VERSION } from './discovery.ts';
import { equal, isObject, objectOf } from './json.ts';
import type { Lists } from './lists.ts';
import { APPLY, applied, parseBody, patched, readApply } from './patches.ts';
import type { PodProxy } from './pod-proxy.ts';
import type { Registry } from './registry.ts';
import { isTrue, type RequestInfo } from './request.ts';
import { apiVersionOf, type Resource } from './resource.ts';
import { headersOf, requireJson, respond } from './respond.ts';
import { selectionOf } from './selection.ts';
import { badRequest, invalid, invalidValue, methodNotAllowed, notFound, success, unknownResource, unsupportedMediaType } from './status.ts';
import type { Store } from './store.ts';
import type { Tokens } from './tokens.ts';
import { requestToken, reviewAccess } from './virtual.ts';
import type { Watches } from './watches.ts';
import type { DeletePreconditions, WriteOptions, Writes } from './writes.ts';

/** A request whose sender may do what it asks for. */
export interface AllowedRequest {
  readonly info: RequestInfo;
  readonly user: User;
  readonly message: IncomingMessage;
  readonly answer: Answer;
  /** The body, whole. */
  readonly body: string;
}

/** What the API is made of. */
export interface ApiParts {
  readonly store: Store;
  readonly registry: Registry;
  readonly writes: Writes;
  readonly lists: Lists;
  readonly watches: Watches;
  readonly authorizer: Authorizer;
  readonly tokens: Tokens;
  readonly clock: Clock;
  readonly proxy: PodProxy;
}

interface Reply {
  readonly status: number;
  readonly text: string;
}

const PLAIN = 'text/plain; charset=utf-8';
const NO_PAGE: Reply = { status: 404, text: '404 page not found\n' };

/** Answers requests: each verb of each resource. */
export class Api {
  readonly #parts: ApiParts;

  constructor(parts: ApiParts) {
    this.#parts = parts;
  }

  /** @throws ApiError */
  async handle(request: AllowedRequest): Promise<void> {
    const { info, answer, message } = request;
    if (info.isResource && !this.#isKnown(info)) return this.#send(request, NO_PAGE, PLAIN);
    if (info.isResource && info.subresource === 'proxy') return this.#proxied(request);
    if (info.verb === 'watch') {
      requireJson(message.headers.accept);
      return this.#parts.watches.open(this.#resource(info), info, answer);
    }
    const plain = info.isResource ? null : plainText(info.path);
    if (plain !== null) return this.#send(request, { status: 200, text: plain }, PLAIN);
    requireJson(message.headers.accept);
    const reply = info.isResource ? this.#resourceReply(request) : this.#pathReply(info);
    return reply === null ? this.#send(request, NO_PAGE, PLAIN) : this.#send(request, reply, 'application/json');
  }

  #send({ answer, message }: AllowedRequest, { status, text }: Reply, contentType: string): Promise<void> {
    return respond(answer, message.headers, status, headersOf(this.#parts.clock, contentType), text);
  }

  #pathReply({ path, verb }: RequestInfo): Reply | null {
    if (verb !== 'get') throw methodNotAllowed();
    const body = path === '/version' || path === '/version/' ? VERSION : discover(this.#parts.registry, path);
    return body === null ? null : ok(body);
  }

  /** Whether somebody answers for the path at all; of a group of custom resources nobody does but for those that are served. */
  #isKnown({ group, version, plural }: RequestInfo): boolean {
    if (group === 'authorization.k8s.io' || this.#parts.registry.find(group, version, plural) !== undefined) return true;
    return this.#parts.registry.all.some((resource) => resource.group === group && resource.version === version && !resource.custom);
  }

  #resource({ group, version, plural }: RequestInfo): Resource {
    const resource = this.#parts.registry.find(group, version, plural);
    if (resource === undefined) throw unknownResource();
    return resource;
  }

  #resourceReply(request: AllowedRequest): Reply | null {
    const { info, user } = request;
    if (info.group === 'authorization.k8s.io' && info.plural === 'selfsubjectaccessreviews') {
      return created(reviewAccess(this.#parts.authorizer, user, bodyOf(request)));
    }
    const resource = this.#resource(info);
    if (info.subresource !== '' && !resource.subresources.includes(info.subresource)) throw unknownResource();
    if (info.subresource === 'token' || info.subresource === 'eviction') return this.#actionReply(resource, request);
    switch (info.verb) {
      case 'get':
        return this.#shown(200, resource, this.#parts.writes.get(resource, info.namespace, info.name));
      case 'list':
        return { status: 200, text: this.#parts.lists.list(resource, info) };
      case 'create':
        return this.#create(resource, request);
      case 'update':
        return this.#update(resource, request);
      case 'patch':
        return this.#patch(resource, request);
      case 'delete':
        return this.#delete(resource, request);
      case 'deletecollection':
        return this.#deleteCollection(resource, request);
      default:
        throw methodNotAllowed();
    }
  }

  #actionReply(resource: Resource, request: AllowedRequest): Reply {
    const { info } = request;
    if (info.verb !== 'create') throw methodNotAllowed();
    const { writes, tokens, clock } = this.#parts;
    const object = writes.get(resource, info.namespace, info.name);
    if (info.subresource === 'token') return created(requestToken(tokens, clock, object, bodyOf(request)));
    writes.remove(resource, object, null);
    return created(success(resource, info.name, object.metadata.uid ?? ''));
  }

  #create(resource: Resource, request: AllowedRequest): Reply {
    const { info } = request;
    if (info.name !== '') throw methodNotAllowed();
    if (resource.namespaced && info.namespace === '') throw methodNotAllowed();
    const object = this.#input(resource, request);
    return this.#shown(201, resource, this.#parts.writes.create(resource, info.namespace, resource.store(object), optionsOf(request)));
  }

  #update(resource: Resource, request: AllowedRequest): Reply {
    const { info } = request;
    const { writes } = this.#parts;
    const object = this.#input(resource, request);
    const { name, resourceVersion } = object.metadata;
    if (name !== info.name) throw badRequest(`the name of the object (${name ?? ''}) does not match the name on the URL (${info.name})`);
    const before = this.#find(resource, info);
    if (before === null && resource.createOnUpdate)
      return this.#shown(201, resource, writes.create(resource, info.namespace, resource.store(object), optionsOf(request)));
    if (before === null) throw notFound(resource, info.name);
    if (!resourceVersion && !resource.unconditionalUpdate) {
      throw invalid(resource.group, resource.plural, info.name, [
        invalidValue('metadata.resourceVersion', 0, 'must be specified for an update'),
      ]);
    }
    return this.#shown(200, resource, writes.update(resource, before, resource.store(object), optionsOf(request)));
  }

  #patch(resource: Resource, request: AllowedRequest): Reply {
    const { info, body, message } = request;
    const { writes } = this.#parts;
    const contentType = contentTypeOf(message);
    const options = optionsOf(request);
    if (contentType === APPLY) return this.#apply(resource, request, options);
    const before = writes.get(resource, info.namespace, info.name);
    const after = patched(resource, resource.view.show(before), contentType, body);
    return this.#shown(200, resource, writes.update(resource, before, resource.store(after), options));
  }

  #apply(resource: Resource, { info, body, user }: AllowedRequest, options: WriteOptions): Reply {
    const { writes, clock, authorizer } = this.#parts;
    const wanted = readApply(resource, info.namespace, info.name, body, info.params);
    const live = this.#find(resource, info);
    if (live === null && info.subresource !== '') throw notFound(resource, info.name);
    if (live === null) authorizer.require(user, { ...info, verb: 'create' });
    const object = applied(resource, live, wanted, options, clock);
    if (live === null) return this.#shown(201, resource, writes.create(resource, info.namespace, object, options, true));
    return this.#shown(200, resource, writes.update(resource, live, object, options, true));
  }

  #delete(resource: Resource, { info, body }: AllowedRequest): Reply {
    const { writes } = this.#parts;
    const before = writes.get(resource, info.namespace, info.name);
    const { gracePeriod, preconditions, dryRun } = deleteOptions(body, info.params);
    const { object, gone } = writes.remove(resource, before, gracePeriod, preconditions, dryRun);
    // Of these the object is shown, as it was or as it waits for its end.
    if (!gone || ['pods', 'services', 'serviceaccounts'].includes(resource.plural)) return this.#shown(200, resource, object);
    return ok(success(resource, info.name, object.metadata.uid ?? ''));
  }

  #deleteCollection(resource: Resource, { info, body }: AllowedRequest): Reply {
    const { store, writes } = this.#parts;
    const { gracePeriod, dryRun } = deleteOptions(body, info.params);
    const { indexKey, matches } = selectionOf(resource, info);
    const found = store
      .collection(resource.storeKey)
      .list(indexKey)
      .filter(({ object }) => matches(object));
    const items = found.map(({ object }) => resource.itemView.show(writes.remove(resource, object, gracePeriod, {}, dryRun).object));
    return ok({
      kind: `${resource.kind}List`,
      apiVersion: apiVersionOf(resource),
      metadata: { resourceVersion: String(store.revision) },
      items,
    });
  }

  #find(resource: Resource, { namespace, name }: RequestInfo): KubeObject | null {
    const key = resource.namespaced ? `${namespace}/${name}` : name;
    return this.#parts.store.collection(resource.storeKey).get(key)?.object ?? null;
  }

  #shown(status: number, resource: Resource, object: KubeObject): Reply {
    return { status, text: JSON.stringify(resource.view.show(object)) };
  }

  /** The object in a request's body, in the resource's version. */
  #input(resource: Resource, request: AllowedRequest): KubeObject {
    const { info } = request;
    const tree = bodyOf(request);
    const { kind } = resource;
    const apiVersion = apiVersionOf(resource);
    if ((tree['kind'] ?? kind) !== kind || !equal(tree['apiVersion'] ?? apiVersion, apiVersion)) {
      throw badRequest(
        `the object provided is unrecognized (must be of type ${kind} in ${apiVersion}, not ${String(tree['kind'])} in ${String(tree['apiVersion'])})`,
      );
    }
    const metadata = isObject(tree['metadata']) ? tree['metadata'] : {};
    if (resource.namespaced && metadata['namespace'] && metadata['namespace'] !== info.namespace) {
      throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
    }
    if (resource.namespaced) metadata['namespace'] = info.namespace;
    return objectOf({ ...tree, apiVersion, kind, metadata });
  }

  #proxied({ info, message, answer, body }: AllowedRequest): Promise<void> {
    const resource = this.#resource(info);
    if (resource.plural !== 'pods') throw unknownResource();
    return this.#parts.proxy.forward((pod) => this.#parts.writes.get(resource, info.namespace, pod), info, message, answer, body);
  }
}

function plainText(path: string): string | null {
  return /^\/(healthz|livez|readyz)(\/.*)?$/.test(path) ? 'ok' : null;
}

function ok(body: object): Reply {
  return { status: 200, text: JSON.stringify(body) };
}

function created(body: object): Reply {
  return { status: 201, text: JSON.stringify(body) };
}

/** @throws ApiError 415 for what is neither JSON nor YAML */
function bodyOf({ message, body }: AllowedRequest): JsonObject {
  if (['application/json', 'application/yaml', ''].includes(contentTypeOf(message))) return bodyObject(body);
  throw unsupportedMediaType(
    'the body of the request was in an unknown format - accepted media types include: application/json, application/yaml',
  );
}

function bodyObject(body: string): JsonObject {
  const value = body === '' ? {} : (parseBody(body) as Json);
  if (!isObject(value)) throw badRequest('the body of the request is no object');
  return value;
}

function contentTypeOf(message: IncomingMessage): string {
  return (message.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
}

function optionsOf({ info, message }: AllowedRequest): WriteOptions {
  const { params, subresource } = info;
  const agent = (message.headers['user-agent'] ?? '').split('/')[0] || 'unknown';
  return {
    manager: params.get('fieldManager') || agent,
    subresource,
    dryRun: params.get('dryRun') === 'All',
    strict: params.get('fieldValidation') === 'Strict',
  };
}

interface DeleteRequest {
  readonly gracePeriod: number | null;
  readonly preconditions: DeletePreconditions;
  readonly dryRun: boolean;
}

function deleteOptions(body: string, params: URLSearchParams): DeleteRequest {
  const options = bodyObject(body) as { gracePeriodSeconds?: number; preconditions?: DeletePreconditions; dryRun?: string[] };
  const inQuery = params.get('gracePeriodSeconds');
  return {
    gracePeriod: options.gracePeriodSeconds ?? (inQuery === null ? null : Number(inQuery)),
    preconditions: options.preconditions ?? {},
    dryRun: options.dryRun?.includes('All') === true || isTrue(params.get('dryRun')) || params.get('dryRun') === 'All',
  };
}
