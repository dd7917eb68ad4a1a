import type { Writable } from 'node:stream';
import type { ErrorCode } from '../errors.ts';

/** What commands may use of the process: nothing else of it is touched outside cli.ts. */
export interface Io {
  /** Results. */
  readonly out: Writable;
  /** Everything else. */
  readonly err: Writable;
  /** Resolves at the first request to stop (SIGINT, SIGTERM); from then on a second one ends the process at once. */
  untilStopped(): Promise<void>;
  /** Calls back at each SIGHUP or SIGUSR2 from now on. */
  onSignal(signal: 'SIGHUP' | 'SIGUSR2', listener: () => void): void;
}

export const EXIT_OK = 0;
/** Something went wrong while it ran. */
export const EXIT_FAILED = 1;
/** What the user gave is wrong: a flag, a file, a field. */
export const EXIT_USAGE = 2;

const USER_ERRORS: readonly ErrorCode[] = ['USAGE', 'CONFIG_FILE', 'CONFIG_INVALID', 'CAPTURE_FILE', 'CAPTURE_LINK_TYPE'];

export function exitCodeOf(code: ErrorCode): number {
  return USER_ERRORS.includes(code) ? EXIT_USAGE : EXIT_FAILED;
}
