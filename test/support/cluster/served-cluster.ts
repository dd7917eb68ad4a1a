import { rm, writeFile } from 'node:fs/promises';
import { ApiClient } from './api-client.ts';
import type { Cluster, DeleteOptions, ListOptions, PatchOptions } from './cluster.ts';
import type { Faults } from './faults.ts';
import { writeAccountConfig, writeAdminConfig } from './kubeconfig.ts';
import type { JsonObject, KindRef, KubeObject, ObjectRef } from './objects.ts';
import type { Pki } from './pki.ts';

/** What serves the API, and how to end it. */
export interface Backend extends AsyncDisposable {
  readonly kind: 'test' | 'real';
  readonly faults: Faults | null;
}

interface Account {
  readonly namespace: string;
  readonly name: string;
  readonly tokenFile: string;
}

/** A cluster whose API server runs: everything that a test does to it goes over its API. */
export class ServedCluster implements Cluster {
  readonly kind: 'test' | 'real';
  readonly url: string;
  readonly kubeconfig: string;
  readonly faults: Faults | null;
  readonly #backend: Backend;
  readonly #client: ApiClient;
  readonly #folder: string;
  readonly #pki: Pki;
  readonly #accounts: Account[] = [];

  /** @param folder is removed with the cluster */
  static async over(backend: Backend, url: string, folder: string, pki: Pki): Promise<ServedCluster> {
    return new ServedCluster(backend, url, folder, pki, await writeAdminConfig(folder, url, pki.ca, pki.admin));
  }

  private constructor(backend: Backend, url: string, folder: string, pki: Pki, kubeconfig: string) {
    this.kind = backend.kind;
    this.faults = backend.faults;
    this.url = url;
    this.kubeconfig = kubeconfig;
    this.#backend = backend;
    this.#folder = folder;
    this.#pki = pki;
    this.#client = new ApiClient(url, pki.ca, pki.admin);
  }

  async kubeconfigOf(namespace: string, serviceAccount: string): Promise<string> {
    const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace, name: serviceAccount } };
    await this.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }, account);
    const token = await this.#newToken(namespace, serviceAccount);
    const files = await writeAccountConfig(this.#folder, this.url, this.#pki.ca, namespace, serviceAccount, token);
    this.#accounts.push({ namespace, name: serviceAccount, tokenFile: files.tokenFile });
    return files.kubeconfig;
  }

  /** Writes a new token into each token file. */
  async rotateTokens(): Promise<void> {
    for (const { namespace, name, tokenFile } of this.#accounts) await writeFile(tokenFile, await this.#newToken(namespace, name));
  }

  async apply(...objects: readonly KubeObject[]): Promise<KubeObject[]> {
    const applied: KubeObject[] = [];
    for (const object of objects) applied.push(await this.#client.apply(object));
    return applied;
  }

  applyStatus(object: KubeObject): Promise<KubeObject> {
    return this.#client.applyStatus(object);
  }

  get(ref: ObjectRef): Promise<KubeObject | null> {
    return this.#client.get(ref);
  }

  list(kind: KindRef, options?: ListOptions): Promise<KubeObject[]> {
    return this.#client.list(kind, options);
  }

  patch(ref: ObjectRef, patch: JsonObject, options?: PatchOptions): Promise<KubeObject> {
    return this.#client.patch(ref, patch, options);
  }

  delete(ref: ObjectRef, options?: DeleteOptions): Promise<void> {
    return this.#client.delete(ref, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.close();
    await this.#backend[Symbol.asyncDispose]();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #newToken(namespace: string, name: string): Promise<string> {
    const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 3600 } };
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`;
    const { status } = (await this.#client.request('POST', path, body)) as { status: { token: string } };
    return status.token;
  }
}
