import { closeSync, openSync, statSync } from 'node:fs';
import { ShadowtapError, messageOf } from '../../errors.ts';
import { enterNetns, unshareNetns } from './libbpf.ts';

/** The calling thread's own entry: main and workers are different threads of one process. */
const CURRENT = '/proc/thread-self/ns/net';

/**
 * Runs `step` with the calling thread inside a network namespace and comes back, whatever happens. `step` must be
 * synchronous: anything that continued later would do so in the wrong namespace, and so would everything else that the
 * event loop runs meanwhile.
 * @param path namespace file; absent means no change
 * @throws ShadowtapError ENDPOINT if the namespace does not exist or may not be entered
 */
export function inNetns<T>(path: string | undefined, step: () => T): T {
  if (path === undefined) return step();
  let target: number;
  try {
    target = openSync(path, 'r');
  } catch (cause) {
    throw new ShadowtapError('ENDPOINT', `the network namespace ${path} is gone or cannot be opened: ${messageOf(cause)}`, { cause });
  }
  try {
    return switched(() => {
      try {
        enterNetns(target);
      } catch (cause) {
        throw new ShadowtapError(
          'ENDPOINT',
          `cannot enter the network namespace ${path} (it takes CAP_SYS_ADMIN): ${messageOf(cause)}`,
          { cause },
        );
      }
    }, step);
  } finally {
    closeSync(target);
  }
}

/** Inode of the calling thread's network namespace, as text. */
export function currentNetns(): string {
  return statSync(CURRENT, { bigint: true }).ino.toString();
}

/** Runs `step` in a new, empty network namespace, which ends with it. @throws KernelError without CAP_SYS_ADMIN */
export function inFreshNetns<T>(step: () => T): T {
  return switched(unshareNetns, step);
}

function switched<T>(enter: () => void, step: () => T): T {
  const home = openSync(CURRENT, 'r');
  try {
    enter();
    try {
      return step();
    } finally {
      enterNetns(home);
    }
  } finally {
    closeSync(home);
  }
}
