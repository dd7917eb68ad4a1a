import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The system's administration commands are not on everybody's PATH. */
const SYSTEM_PATH = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

/**
 * Runs a command without a terminal and waits for it.
 * @returns its standard output, or its complaint when it failed
 */
export function run(command, args, options = {}) {
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 64 * 1024 * 1024,
    ...options,
  });
  if (status === 0) return { ok: true, output: stdout };
  const complaint = error ? error.message : (stderr.trim() || stdout.trim() || `${command} ended with ${status}`);
  return { ok: false, output: lastLines(complaint, 12) };
}

/** Full path of a command, or undefined. */
export function findCommand(name) {
  for (const folder of [...(process.env.PATH ?? '').split(delimiter), ...SYSTEM_PATH]) {
    if (folder === '') continue;
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}

function lastLines(text, count) {
  return text.split('\n').slice(-count).join('\n');
}
