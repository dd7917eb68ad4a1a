import { readFileSync, statSync } from 'node:fs';
import { networkIdentity } from '../tap/ebpf/hooks.ts';
import type { EndpointLocation } from '../tap/tap.ts';

/**
 * What stands behind a location just now, as a text: another pod under the same name, or an interface that was made
 * anew, gives another text. Empty parts are for what is not there.
 */
export function identityOf(location: EndpointLocation): string {
  return [inode(location.netns), inode(location.cgroup), networkIdentity(location)].join(':');
}

/** What is cheap to see of it: no namespace is entered. Tells whether the path leads where it led. */
export function inodeOf({ netns, cgroup }: EndpointLocation): string {
  return inode(netns ?? cgroup);
}

/** When a process was started, in clock ticks since boot (proc_pid_stat(5), field 22); null if it is not there. */
export function startOfProcess(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The command's name, in parentheses, may hold anything.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
}

function inode(path: string | undefined): string {
  if (path === undefined) return '';
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    return found === undefined ? '' : `${found.dev}-${found.ino}`;
  } catch {
    return ''; // Not readable just now: attaching will say why.
  }
}
