import { ApiClient } from '../../../src/kube/api-client.ts';
import { recordOf, textOf } from '../../../src/kube/json.ts';
import { Reflector, type Resource, type Selection, type Timing } from '../../../src/kube/reflector.ts';
import { steady } from '../../../src/kube/resources.ts';
import type { KubeObject } from '../../support/cluster/objects.ts';

/** Tests do not wait as long as clusters do. */
export const QUICK = { backOffMs: [20, 200], missingMs: 100, watchSeconds: [60, 60], silenceMs: 20_000 } as const satisfies Timing;

/** ConfigMaps, of which the entry `value` is kept. */
export const SETTINGS: Resource<string> = {
  name: 'configmaps',
  path: '/api/v1/configmaps',
  pick: steady((object) => textOf(recordOf(recordOf(object)['data'])['value'])),
};

export function setting(namespace: string, name: string, value: string, labels: Record<string, string> = {}): KubeObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name, labels }, data: { value } };
}

export interface FollowOptions<T> {
  readonly kubeconfig: string;
  readonly resource: Resource<T>;
  readonly selection: Selection | null;
  readonly timing?: Timing;
  readonly onChange?: () => void;
}

/** A reflector with a client of its own, at work. */
export class Following<T> implements AsyncDisposable {
  readonly reflector: Reflector<T>;
  readonly api: ApiClient;
  changes = 0;

  constructor({ kubeconfig, resource, selection, timing = {}, onChange }: FollowOptions<T>) {
    this.api = ApiClient.fromKubeconfig(kubeconfig);
    const changed = (): void => {
      this.changes += 1;
      onChange?.();
    };
    this.reflector = new Reflector(this.api, resource, selection, changed, { ...QUICK, ...timing });
    this.reflector.start();
  }

  /** What is kept, by the objects' names. */
  get known(): Record<string, T> {
    return Object.fromEntries(Array.from(this.reflector.objects, ([key, value]) => [key.split('/')[1] ?? '', value]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.reflector.stop();
    await this.api.close();
  }
}
