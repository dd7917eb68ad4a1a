import { randomUUID } from 'node:crypto';
import { chmodSync } from 'node:fs';
import type { Launched } from '../agent.ts';
import { attempt } from '../leftovers.ts';
import { HOST, type Pod } from '../network.ts';
import type { Running } from '../process.ts';
import { makeBundle, type BundleOptions } from './bundle.ts';

/** The network of a container, and the address at which its admin port is reached. */
type Network = Pick<Pod, 'netns' | 'address'>;

export type ContainerOptions = Partial<Omit<BundleOptions, 'netns' | 'volumes'>> & Pick<BundleOptions, 'pod'>;

/**
 * Runs a pod of a manifest with runc, in a network namespace.
 * @param folder stands for the ConfigMap `config`
 */
export function runContainer(options: ContainerOptions, place: Network, folder: string): Running {
  // As a ConfigMap is, for users other than ours.
  chmodSync(folder, 0o755);
  const bundle = makeBundle({ seccomp: 'containerd', ...options, netns: place.netns, volumes: { config: folder } });
  const id = `shadowtap-test-${randomUUID()}`;
  const remove = (): void => void attempt('runc', 'delete', '--force', id);
  process.once('exit', remove);
  const container = HOST.start('runc', ['run', '--bundle', bundle.folder, id]);
  void container.finished.then(() => {
    process.off('exit', remove);
    remove();
    bundle[Symbol.dispose]();
  });
  return container;
}

/** For `startAgent`: the agent in a container, whose admin port is that of the manifest. */
export function inContainer(options: ContainerOptions, place: Network): (folder: string) => Launched {
  return (folder) => ({ process: runContainer(options, place, folder), address: place.address });
}
