import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { cgroup2Mount, run } from './netns.ts';

/** What we make on this machine is named after our process, so that a later run can tell what an earlier one has left. */
export const OWNER = `shadowtap-test-${process.pid}`;

/** Takes away what runs that were killed have left. */
export function removeLeftovers(): void {
  for (const name of entries('/run/netns')) if (isOrphan(name)) removeNamespace(name);
  for (const name of entries('/sys/class/net')) {
    if (name.startsWith('stbr') && isOrphan(readFileSync(`/sys/class/net/${name}/ifalias`, 'utf8').trim())) {
      attempt('ip', 'link', 'del', name);
    }
  }
  const mount = cgroup2Mount();
  for (const name of mount === null ? [] : entries(mount)) if (isOrphan(name)) removeCgroup(join(mount ?? '', name));
}

/** Whether a name bears the number of a process of ours that is no more. */
function isOrphan(name: string): boolean {
  const pid = /^(?:shadowtap-test|st)-(\d+)/.exec(name)?.[1];
  return pid !== undefined && !existsSync(`/proc/${pid}`);
}

/** Ends the processes in a namespace, which would keep it alive, and deletes it. */
export function removeNamespace(name: string): void {
  if (!existsSync(`/run/netns/${name}`)) return;
  for (const pid of attempt('ip', 'netns', 'pids', name).split('\n')) if (pid !== '') kill(Number(pid));
  attempt('ip', 'netns', 'del', name);
  // What `ip netns add` could not finish is a plain file.
  attempt('rm', '-f', `/run/netns/${name}`);
}

export function createCgroup(name: string): string {
  const mount = cgroup2Mount();
  if (mount === null) throw new Error('no cgroup v2 hierarchy is mounted');
  const path = join(mount, name);
  mkdirSync(path);
  return path;
}

/** A cgroup can be removed with all below it once its processes are gone, which takes the kernel a moment. */
export function removeCgroup(path: string): void {
  for (let tries = 0; tries < 100 && existsSync(path); tries++) {
    for (const child of readdirSync(path, { withFileTypes: true })) if (child.isDirectory()) removeCgroup(join(path, child.name));
    for (const pid of readFileSync(join(path, 'cgroup.procs'), 'utf8').split('\n')) if (pid !== '') kill(Number(pid));
    try {
      rmdirSync(path);
    } catch {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
    }
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has just ended.
  }
}

/** Clean-up goes on when a thing is already gone. */
export function attempt(command: string, ...args: string[]): string {
  try {
    return run(command, ...args);
  } catch {
    return '';
  }
}

function entries(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}
