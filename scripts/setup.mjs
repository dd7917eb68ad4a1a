#!/usr/bin/env node
/**
 * Prepares a machine that has only Node 20 or newer: system packages, a recent Node, npm packages, the native module,
 * the BPF object, tools of the tests. Does only what is missing, and is quick where nothing is. Plain JavaScript without dependencies, as
 * it runs before there are any.
 *
 *   node scripts/setup.mjs [--for run|demo|test|bench|image]
 */
import { realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildBpf } from './setup/bpf.mjs';
import { provideKubectl } from './setup/kubectl.mjs';
import { provideNode } from './setup/node.mjs';
import { installPackages } from './setup/packages.mjs';
import { buildPcap } from './setup/pcap.mjs';
import { SetupError } from './setup/report.mjs';
import { installSystemPackages } from './setup/system.mjs';

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
export const PURPOSES = ['run', 'demo', 'test', 'bench', 'image'];

/**
 * @param purpose what the caller is about to do: it decides which system packages are wanted
 * @returns the Node to use, and an environment in which it is the first one found
 * @throws SetupError when the caller cannot go on
 */
export function setup(purpose) {
  installSystemPackages(purpose);
  const node = provideNode(ROOT);
  const env = {
    ...process.env,
    PATH: `${dirname(node.program)}${delimiter}${process.env.PATH ?? ''}`,
    // Types are stripped once, not at every start: that saves time, and the memory of the tool that strips them.
    NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? join(ROOT, 'node_modules/.cache/shadowtap/compiled'),
  };
  installPackages(ROOT, env, { development: purpose !== 'image' });
  buildPcap(ROOT, node);
  buildBpf(ROOT);
  if (purpose === 'test') provideKubectl(ROOT);
  return { node: node.program, env };
}

/** Runs setup for a script: a failure ends the process with one clear message instead of a stack trace. */
export function setupOrExit(purpose) {
  try {
    return setup(purpose);
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    process.stderr.write(`setup: ${error.message}\n`);
    process.exit(1);
  }
}

/** Takes a leading `--for <purpose>` off the arguments. */
export function takePurpose(args, otherwise) {
  if (args[0] !== '--for') return otherwise;
  const [, purpose] = args.splice(0, 2);
  if (PURPOSES.includes(purpose)) return purpose;
  process.stderr.write(`setup: --for takes one of ${PURPOSES.join(', ')}\n`);
  process.exit(2);
}

if (process.argv[1] && realpathSync(process.argv[1]) === join(ROOT, 'scripts/setup.mjs')) {
  setupOrExit(takePurpose(process.argv.slice(2), 'test'));
  process.stderr.write('setup: ready\n');
}
