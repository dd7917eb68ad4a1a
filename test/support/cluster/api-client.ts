import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import type { DeleteOptions, ListOptions, PatchOptions } from './cluster.ts';
import type { JsonObject, KindRef, KubeObject, ObjectMeta, ObjectRef } from './objects.ts';
import type { Identity } from './pki.ts';

const MANAGER = 'shadowtap-test';
/** Stands for the kubelet and controllers: older servers take from a manager what its last request to any part does not name. */
const STATUS_MANAGER = 'shadowtap-test-status';
const SERVED_WITHIN_MS = 20_000;

/** An answer that is no success. */
export class RequestFailed extends Error {
  readonly status: number;
  readonly body: string;

  constructor(what: string, status: number, body: string) {
    super(`${what}: ${status} ${body.slice(0, 500)}`);
    this.status = status;
    this.body = body;
  }
}

interface ServedResource {
  readonly name: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

/** A client of the administrator, which speaks to either kind of cluster. */
export class ApiClient {
  readonly url: string;
  readonly #agent: Agent;
  /** Resources by group and version. */
  readonly #served = new Map<string, readonly ServedResource[]>();

  constructor(url: string, ca: string, { cert, key }: Identity) {
    this.url = url;
    this.#agent = new Agent({ connect: { ca, cert, key }, allowH2: false, connections: 16 });
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  /** @throws RequestFailed unless the answer is a success */
  async request(method: string, path: string, body?: unknown, contentType = 'application/json'): Promise<unknown> {
    const headers = {
      'user-agent': `${MANAGER}/1`,
      accept: 'application/json',
      ...(body !== undefined && { 'content-type': contentType }),
    };
    const text = body === undefined ? null : JSON.stringify(body);
    const response = await request(this.url + path, { method: method as 'GET', headers, body: text, dispatcher: this.#agent });
    const answer = await response.body.text();
    if (response.statusCode >= 300) throw new RequestFailed(`${method} ${path}`, response.statusCode, answer);
    return answer === '' ? null : isJson(response.headers['content-type']) ? JSON.parse(answer) : answer;
  }

  async apply(object: KubeObject): Promise<KubeObject> {
    const { status: _, ...rest } = object;
    const applied = await this.#applyTo(rest as KubeObject, '');
    if (object.kind === 'CustomResourceDefinition') await this.#untilServed(applied);
    return applied;
  }

  applyStatus({ apiVersion, kind, metadata: { name, namespace }, status }: KubeObject): Promise<KubeObject> {
    const metadata: ObjectMeta = { ...(name !== undefined && { name }), ...(namespace !== undefined && { namespace }) };
    return this.#applyTo({ apiVersion, kind, metadata, status }, '/status', STATUS_MANAGER);
  }

  async get(ref: ObjectRef): Promise<KubeObject | null> {
    const path = await this.#pathOf(ref);
    return this.request('GET', path).catch(unlessMissing) as Promise<KubeObject | null>;
  }

  async list(kind: KindRef, { namespace, labelSelector, fieldSelector }: ListOptions = {}): Promise<KubeObject[]> {
    const { prefix, name } = await this.#find(kind);
    const query = new URLSearchParams({ ...(labelSelector && { labelSelector }), ...(fieldSelector && { fieldSelector }) });
    const scope = namespace === undefined ? '' : `/namespaces/${namespace}`;
    const list = (await this.request('GET', `${prefix}${scope}/${name}?${query}`)) as { items: KubeObject[] };
    return list.items.map((item) => ({ ...item, apiVersion: kind.apiVersion, kind: kind.kind }));
  }

  async patch(ref: ObjectRef, patch: JsonObject, { subresource }: PatchOptions = {}): Promise<KubeObject> {
    const path = `${await this.#pathOf(ref)}${subresource === undefined ? '' : `/${subresource}`}?fieldManager=${MANAGER}`;
    return (await this.request('PATCH', path, patch, 'application/merge-patch+json')) as KubeObject;
  }

  async delete(ref: ObjectRef, { gracePeriod }: DeleteOptions = {}): Promise<void> {
    const path = await this.#pathOf(ref);
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', ...(gracePeriod !== undefined && { gracePeriodSeconds: gracePeriod }) };
    await this.request('DELETE', path, body).catch(unlessMissing);
  }

  async #applyTo(object: KubeObject, subresource: string, manager = MANAGER): Promise<KubeObject> {
    const path = `${await this.#pathOf(object)}${subresource}?fieldManager=${manager}&force=true`;
    return (await this.request('PATCH', path, object, 'application/apply-patch+yaml')) as KubeObject;
  }

  async #pathOf(ref: ObjectRef): Promise<string> {
    const { prefix, name, namespaced } = await this.#find(ref);
    const scope = namespaced ? `/namespaces/${ref.metadata.namespace ?? 'default'}` : '';
    return `${prefix}${scope}/${name}/${encodeURIComponent(ref.metadata.name ?? '')}`;
  }

  async #find({ apiVersion, kind }: KindRef): Promise<ServedResource & { readonly prefix: string }> {
    const prefix = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const isIt = (resource: ServedResource): boolean => resource.kind === kind && !resource.name.includes('/');
    let found = this.#served.get(apiVersion)?.find(isIt);
    if (found === undefined) {
      const { resources } = (await this.request('GET', prefix)) as { resources: ServedResource[] };
      this.#served.set(apiVersion, resources);
      found = resources.find(isIt);
    }
    if (found === undefined) throw new Error(`the cluster serves no ${kind} in ${apiVersion}`);
    return { ...found, prefix };
  }

  /** A definition is served a moment after it is established. */
  async #untilServed(definition: KubeObject): Promise<void> {
    const { group, names, versions } = definition['spec'] as {
      group: string;
      names: { plural: string };
      versions: { name: string; served: boolean }[];
    };
    const until = Date.now() + SERVED_WITHIN_MS;
    for (const { name } of versions.filter(({ served }) => served)) {
      this.#served.delete(`${group}/${name}`);
      const isServed = async (): Promise<boolean> => {
        const list = await this.request('GET', `/apis/${group}/${name}`).catch(unlessMissing);
        const isListed = (list as { resources: ServedResource[] } | null)?.resources.some((resource) => resource.name === names.plural);
        return (
          isListed === true && (await this.request('GET', `/apis/${group}/${name}/${names.plural}?limit=1`).catch(unlessMissing)) !== null
        );
      };
      while (!(await isServed())) {
        if (Date.now() > until) throw new Error(`${definition.metadata.name} is not served after ${SERVED_WITHIN_MS} ms`);
        await sleep(20);
      }
    }
  }
}

function isJson(contentType: string | string[] | undefined): boolean {
  return String(contentType).startsWith('application/json');
}

function unlessMissing(error: unknown): null {
  if (error instanceof RequestFailed && error.status === 404) return null;
  throw error;
}
