import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { podOfName, podOfProcess } from './pod-cgroup.ts';

/** Everything about pods that one look at the node shows, by `PodFacts.cgroupUid`. */
export interface NodeView {
  /** Their processes, in the order of their numbers. */
  readonly processes: ReadonlyMap<string, readonly number[]>;
  /** Their cgroup v2 directories; only of those that hold processes. */
  readonly directories: ReadonlyMap<string, string>;
}

/** @param cgroup mount point of the cgroup v2 hierarchy; null for none */
export function scanNode(proc: string, cgroup: string | null): NodeView {
  // In this order: a pod that had processes in its directory must show them in /proc, if one can see them there at all.
  const directories = cgroup === null ? new Map<string, string>() : podDirectories(cgroup);
  return { directories, processes: podProcesses(proc) };
}

/** Longer than any real one: v1 has a line for each of a dozen hierarchies. What comes after it is not looked at. */
const cgroupText = Buffer.alloc(16 * 1024);

function podProcesses(proc: string): Map<string, number[]> {
  const found = new Map<string, number[]>();
  for (const entry of namesIn(proc)) {
    const pid = Number(entry);
    if (!Number.isInteger(pid)) continue;
    const pod = podOfPid(proc, pid);
    if (pod === null) continue;
    const pids = found.get(pod);
    if (pids === undefined) found.set(pod, [pid]);
    else pids.push(pid);
  }
  return found;
}

/** The pod that a process is in now; null if none, or if there is no such process any more. */
export function podOfPid(proc: string, pid: number): string | null {
  try {
    const fd = openSync(`${proc}/${pid}/cgroup`, 'r');
    try {
      return podOfProcess(cgroupText.latin1Slice(0, readSync(fd, cgroupText, 0, cgroupText.length, 0)));
    } finally {
      closeSync(fd);
    }
  } catch {
    return null;
  }
}

/** Pods are six levels below the mount at most where the node is a container itself. */
const MAX_DEPTH = 10;
/** More than the largest node has; who makes more does so to be looked at for long. */
const MAX_DIRECTORIES = 20_000;

/** Level by level. What is inside a pod's directory is the pod's own affair. */
function podDirectories(mount: string): Map<string, string> {
  const found = new Map<string, string>();
  let looked = 0;
  let level = [mount];
  for (let depth = 0; depth < MAX_DEPTH && level.length > 0; depth++) {
    const next: string[] = [];
    for (const parent of level) {
      if (++looked > MAX_DIRECTORIES) return found;
      for (const name of foldersIn(parent)) {
        const pod = podOfName(name);
        const path = `${parent}/${name}`;
        if (pod === null) next.push(path);
        else if (!found.has(pod) && holdsProcesses(path)) found.set(pod, path);
      }
    }
    level = next;
  }
  return found;
}

/** `cgroup.events` counts the cgroups below too (Documentation/admin-guide/cgroup-v2.rst of Linux). */
export function holdsProcesses(directory: string): boolean {
  try {
    return readFileSync(`${directory}/cgroup.events`, 'latin1').includes('populated 1');
  } catch {
    return false;
  }
}

function foldersIn(path: string): string[] {
  try {
    return readdirSync(path, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
  } catch {
    return []; // It has just been removed.
  }
}

function namesIn(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
