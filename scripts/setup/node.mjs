import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fetchPinned } from './fetch.mjs';
import { doing, SetupError } from './report.mjs';
import { run } from './run.mjs';

/** The oldest Node that runs TypeScript as it is and has what the agent's libraries need. */
const OLDEST_MAJOR = 24;

/** Packages of the npm registry that hold a Node with its headers. */
const PINNED = {
  x64: {
    version: '24.21.0',
    integrity: 'sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
  },
  arm64: {
    version: '24.22.0',
    integrity: 'sha512-xbI0deR0+gzJizE0IdT7x3ewSqtvWW7tx6QlJIBI6IszUY41yrPmOeS+b6WkA7DmSS8VKJRcMthWVwO1LbjamQ==',
  },
};

/**
 * The Node that runs everything: the running one where it is new enough, else a pinned one in `.node/`.
 * @returns its program, version and folder of headers
 * @throws SetupError
 */
export function provideNode(root) {
  if (Number.parseInt(process.versions.node, 10) >= OLDEST_MAJOR) return describe(process.execPath, process.versions.node);
  const pinned = PINNED[process.arch];
  if (!pinned || process.platform !== 'linux') {
    throw new SetupError(`Node ${process.version} is too old: install Node ${OLDEST_MAJOR} or newer`);
  }
  const folder = join(root, '.node');
  if (installedVersion(folder) !== pinned.version) {
    doing(`fetching Node ${pinned.version} into .node/`, `the running Node is ${process.version}, ${OLDEST_MAJOR} is needed`);
    fetchNode(folder, pinned);
  }
  return describe(join(folder, 'bin/node'), pinned.version);
}

function describe(program, version) {
  return { program, version, headers: join(dirname(program), '../include/node') };
}

function installedVersion(folder) {
  try {
    return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).version;
  } catch {
    return undefined;
  }
}

function fetchNode(folder, { version, integrity }) {
  const name = `node-linux-${process.arch}`;
  const remedy = `check that npm reaches its registry (npm view ${name}), or install Node ${OLDEST_MAJOR} yourself`;
  fetchPinned(folder, { name, version, integrity }, remedy, (unpacked) => {
    const works = run(join(unpacked, 'bin/node'), ['--version']);
    if (!works.ok) throw new SetupError(`${name} does not run here: install Node ${OLDEST_MAJOR} yourself\n${works.output}`);
    if (existsSync(folder)) rmSync(folder, { recursive: true });
    renameSync(unpacked, folder);
  });
}
