import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * However the demo ends, nothing of it stays. What it has made is taken down in one go, without waiting for anything, so
 * that a second signal finds nothing half done. After a `kill -9` the children see their channel to us close and end by
 * themselves; the next demo removes the rest.
 */

const FOLDER = /^shadowtap-demo-(\d+)-/;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;
const INTERRUPTED = 'interrupted; everything was taken down';

const steps: (() => void)[] = [];

/** Has a step taken when the demo ends, the last one first. It must be quick and must not throw. */
export function atEnd(step: () => void): void {
  steps.push(step);
}

/** Takes everything down, says why on standard error, and ends the process. */
export function end(code: number, message = ''): never {
  takeDown();
  if (message !== '') process.stderr.write(`${message}\n`);
  process.exit(code);
}

/** From now on signals, a closed terminal or pipe, and the end of our parent end the demo. */
export function endWhenInterrupted(): void {
  for (const signal of SIGNALS) process.on(signal, () => end(128 + constants.signals[signal], INTERRUPTED));
  // The reader of our output has seen enough (`npm run demo | head`), or its terminal is gone.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', ({ code }: NodeJS.ErrnoException) => end(code === 'EPIPE' ? 0 : 1));
  }
  whenParentIsGone(() => end(128 + constants.signals.SIGTERM, INTERRUPTED));
  process.on('exit', takeDown);
}

/** Calls back when the process that started this one has ended, if it opened a channel to us. */
export function whenParentIsGone(act: () => void): void {
  if (process.send === undefined) return;
  if (!process.connected) act();
  process.once('disconnect', act);
  process.channel?.unref(); // Listening alone must not keep us running.
}

/** A folder in the system's temporary one that goes with the demo. Those of demos that were killed are removed. */
export function temporaryFolder(): string {
  for (const name of readdirSync(tmpdir())) {
    const pid = FOLDER.exec(name)?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) rmSync(join(tmpdir(), name), { recursive: true, force: true });
  }
  const folder = mkdtempSync(join(tmpdir(), `shadowtap-demo-${process.pid}-`));
  atEnd(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function takeDown(): void {
  for (let step = steps.pop(); step !== undefined; step = steps.pop()) step();
}
