import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createCgroup, OWNER, removeCgroup } from './leftovers.ts';

/** How the kubelet names cgroups. */
export type CgroupDriver = 'systemd' | 'cgroupfs';

let made = 0;

/**
 * The cgroups of a node, as its kubelet and its runtime make them: real ones, below a directory of our own in the cgroup
 * v2 hierarchy. Disposing of it ends whatever runs in them.
 */
export class NodeCgroups implements Disposable {
  /** What the node's cgroup v2 mount is to the agent. */
  readonly root = createCgroup(`${OWNER}-node-${++made}`);

  /** Makes a pod's cgroup. @returns its directory */
  createPod(uid: string, driver: CgroupDriver = 'systemd'): string {
    const slice = `kubepods-burstable-pod${uid.replaceAll('-', '_')}.slice`;
    const path = driver === 'systemd' ? ['kubepods.slice', 'kubepods-burstable.slice', slice] : ['kubepods', 'burstable', `pod${uid}`];
    return this.#make(...path);
  }

  /** Makes the cgroup of a container of a pod, as containerd names it. @returns its directory */
  createContainer(pod: string, name: string): string {
    return this.#make(pod.slice(this.root.length), pod.endsWith('.slice') ? `cri-containerd-${name}.scope` : name);
  }

  /** With everything that runs in it. */
  remove(directory: string): void {
    removeCgroup(directory);
  }

  [Symbol.dispose](): void {
    removeCgroup(this.root);
  }

  #make(...path: string[]): string {
    const directory = join(this.root, ...path);
    mkdirSync(directory, { recursive: true });
    return directory;
  }
}
