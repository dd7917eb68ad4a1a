/**
 * Sets up what is missing and then runs a program of ours in the right Node, as if it had been started directly: same
 * standard streams, signals and exit code.
 *
 *   node scripts/start.mjs [--for run|demo|bench] <entry.ts> [arguments]
 */
import { spawn } from 'node:child_process';
import { isAbsolute, join } from 'node:path';
import { ROOT, setupOrExit, takePurpose } from './setup.mjs';

const parent = process.ppid;
const args = process.argv.slice(2);
const purpose = takePurpose(args, 'run');
const [entry, ...entryArgs] = args;
if (entry === undefined) {
  process.stderr.write('usage: node scripts/start.mjs [--for run|demo|bench] <entry.ts> [arguments]\n');
  process.exit(2);
}

const { node, env } = setupOrExit(purpose);
const demo = purpose === 'demo';
const child = spawn(node, [isAbsolute(entry) ? entry : join(ROOT, entry), ...entryArgs], {
  env,
  // The demo takes down what it made, in order: Ctrl-C reaches it through us alone, once, and not its `ip` commands as
  // well. The channel tells it when we are gone.
  detached: demo,
  stdio: ['inherit', 'inherit', 'inherit', ...(demo ? ['ipc'] : [])],
});

for (const signal of ['SIGTERM', 'SIGHUP', 'SIGQUIT']) process.on(signal, () => child.kill(signal));
// A terminal sends Ctrl-C to other children as well: passing it on would deliver it twice.
process.on('SIGINT', () => (demo || !process.stdin.isTTY) && child.kill('SIGINT'));
// Whoever started the demo may be killed, or, as some shells do at a signal, end without waiting for us.
if (demo) setInterval(() => process.ppid !== parent && child.kill('SIGTERM'), 200).unref();

child.on('error', (error) => {
  process.stderr.write(`${node} cannot be started: ${error.message}\n`);
  process.exit(1);
});
child.on('exit', (code, signal) => {
  if (signal === null) process.exit(code);
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
});
