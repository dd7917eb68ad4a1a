import { readdirSync, readFileSync } from 'node:fs';

/**
 * CPU time that processes have used, user and system, microseconds. Summed over living threads with the scheduler's own
 * nanoseconds: the ticks of /proc/<pid>/stat are 10 ms, a tenth of what is measured here.
 */
export function cpuUs(pids: readonly number[]): number {
  let ns = 0;
  for (const pid of pids) {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      ns += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]);
    }
  }
  return ns / 1000;
}

/** MiB. */
export interface Memory {
  /** All resident pages. A BPF ring is mapped twice, and both mappings count. */
  readonly resident: number;
  /** Most that `resident` ever was. */
  readonly peakResident: number;
  /** Heap and stacks: what is the process's alone. */
  readonly anonymous: number;
}

export function memoryOf(pid: number): Memory {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const mib = (field: string): number => Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) / 1024;
  return { resident: mib('VmRSS'), peakResident: mib('VmHWM'), anonymous: mib('RssAnon') };
}

/** A process's direct children: nginx's workers. */
export function childrenOf(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return children === '' ? [] : children.split(' ').map(Number);
}
