/**
 * What setup tells the user. Everything goes to standard error: standard output belongs to the program that setup
 * prepares the way for.
 */

/** One line for each thing that is set up, and why. */
export function doing(what, why) {
  process.stderr.write(`setup: ${what} (${why})\n`);
}

/** Something is missing, but the caller can go on without it. */
export function warn(text) {
  process.stderr.write(`setup: ${text}\n`);
}

/** Setup cannot give the caller what was asked for. The message says what to do. */
export class SetupError extends Error {
  name = 'SetupError';
}
