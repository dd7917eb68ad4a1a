import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { doing, warn } from './report.mjs';
import { findCommand, run } from './run.mjs';

/**
 * Builds the native part of the `pcap` package for the Node that will load it. Compiled directly: it is two files, and
 * npm's way would ask for Python and take the headers of whichever Node npm was configured for. Without it the agent
 * works, and has no pcap tap.
 */
export function buildPcap(root, node) {
  const folder = join(root, 'node_modules/pcap');
  const built = join(folder, 'build/Release/pcap_binding.node');
  const stamp = join(root, 'node_modules/.cache/shadowtap/pcap');
  const key = `${node.version} ${process.arch}`;
  if (existsSync(built) && contentOf(stamp) === key) return true;

  const problem = loads(node, built) ? undefined : compile(root, folder, built, node);
  if (problem !== undefined) {
    warn(`the pcap tap is not available: ${problem}`);
    return false;
  }
  mkdirSync(join(stamp, '..'), { recursive: true });
  writeFileSync(stamp, key);
  return true;
}

function compile(root, folder, built, node) {
  const compiler = ['c++', 'g++', 'clang++'].find((name) => findCommand(name) !== undefined);
  if (compiler === undefined) return 'there is no C++ compiler; install clang';
  if (!existsSync(join(node.headers, 'node.h'))) return `Node's headers are not in ${node.headers}; use a Node that comes with them`;

  doing('building the pcap module', `for Node ${node.version}`);
  mkdirSync(join(built, '..'), { recursive: true });
  const partial = `${built}.${process.pid}`;
  const { ok, output } = run(compiler, [
    '-std=c++20', '-O2', '-fPIC', '-shared', '-w', '-DNODE_GYP_MODULE_NAME=pcap_binding',
    '-I', node.headers, '-I', join(root, 'node_modules/nan'),
    'pcap_binding.cc', 'pcap_session.cc', '-lpcap', '-o', partial,
  ], { cwd: folder });
  if (!ok) return `it does not compile; are libpcap-dev and a recent compiler installed?\n${output}`;
  renameSync(partial, built);
  return loads(node, built) ? undefined : `${built} does not load in Node ${node.version}`;
}

function loads(node, built) {
  return existsSync(built) && run(node.program, ['-e', 'require(process.argv[1])', built]).ok;
}

function contentOf(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}
