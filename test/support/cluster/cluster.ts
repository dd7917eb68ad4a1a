import type { Faults } from './faults.ts';
import type { JsonObject, KindRef, KubeObject, ObjectRef } from './objects.ts';

/**
 * A Kubernetes API that tests run against: etcd and kube-apiserver themselves, or a test server that keeps to their
 * semantics and in which every failure can be provoked. There are no controllers, no scheduler and no kubelet in either:
 * pods stay `Pending` until a test writes their status, Services get no EndpointSlices, and a pod with a node that is
 * deleted waits for somebody to delete it with a grace period of 0.
 *
 * The methods act as an administrator.
 */
export interface Cluster extends AsyncDisposable {
  readonly kind: 'test' | 'real';
  /** `https://127.0.0.1:port` */
  readonly url: string;
  /** A kubeconfig file of the administrator. */
  readonly kubeconfig: string;
  /**
   * A kubeconfig file of a service account, held to what RBAC allows it. Creates the namespace and the account where
   * they are missing. The token is in a file of its own, named by `tokenFile`.
   */
  kubeconfigOf(namespace: string, serviceAccount: string): Promise<string>;
  /**
   * Creates the objects, or updates them by server-side apply with force, in their order. Waits for a
   * CustomResourceDefinition until its resource is served. A `status` in them is not applied: see `applyStatus`.
   * @returns them as they are now
   */
  apply(...objects: readonly KubeObject[]): Promise<KubeObject[]>;
  /** Applies the `status` of an object that exists, with force. */
  applyStatus(object: KubeObject): Promise<KubeObject>;
  /** @returns null where there is none */
  get(ref: ObjectRef): Promise<KubeObject | null>;
  list(kind: KindRef, options?: ListOptions): Promise<KubeObject[]>;
  /** A merge patch (RFC 7396), such as `{ metadata: { labels: { app: null } } }`. */
  patch(ref: ObjectRef, patch: JsonObject, options?: PatchOptions): Promise<KubeObject>;
  /** Deletes an object; it is no error if there is none. */
  delete(ref: ObjectRef, options?: DeleteOptions): Promise<void>;
  /** What can be made to go wrong; null on a real cluster. */
  readonly faults: Faults | null;
}

export interface ListOptions {
  /** Every namespace by default. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

export interface PatchOptions {
  readonly subresource?: 'status';
}

export interface DeleteOptions {
  /** Seconds that a pod gets to end; 0 removes it at once. The pod's own by default. */
  readonly gracePeriod?: number;
}
