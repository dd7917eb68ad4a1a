import { readFileSync } from 'node:fs';

/**
 * Mount point of the cgroup v2 hierarchy; null if there is none.
 * proc_pid_mountinfo(5): after ` - ` comes the type, before it the fifth field is the mount point.
 */
export function cgroup2Mount(): string | null {
  const line = readFileSync('/proc/self/mountinfo', 'utf8').split('\n').find((row) => row.includes(' - cgroup2 '));
  return line?.split(' ')[4] ?? null;
}
