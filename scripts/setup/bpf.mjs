import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { doing, warn } from './report.mjs';
import { findCommand, run } from './run.mjs';

/** Compiles the BPF object where its sources are newer. Without it the agent works, and has no eBPF tap. */
export function buildBpf(root) {
  const folder = join(root, 'bpf');
  if (!existsSync(join(folder, 'Makefile'))) return false;
  if (!findCommand('make')) return unavailable('make is missing; install make and clang');
  if (run('make', ['-q', '-C', folder]).ok) return true;
  if (!findCommand('clang')) return unavailable('clang is missing; install clang');
  doing('compiling the BPF object', 'it is missing or its sources are newer');
  const { ok, output } = run('make', ['-s', '-C', folder]);
  return ok || unavailable(`it does not compile: are libbpf-dev and linux-libc-dev installed?\n${output}`);
}

function unavailable(why) {
  warn(`the eBPF tap is not available: ${why}`);
  return false;
}
