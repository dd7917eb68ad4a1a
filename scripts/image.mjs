/**
 * Builds the image where no registry of images is within reach: over a base of Debian's packages and the pinned Node
 * instead of the official image of Node, with buildah. For trying it out; what is published is built as daemonset/Dockerfile says.
 *
 *   node scripts/image.mjs [--tag shadowtap:0.1.0] [--storage folder]
 *
 * Needs root, buildah and mmdebstrap (`npm run setup` installs them). The base is kept for the next time.
 */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { provideNode } from './setup/node.mjs';
import { doing, SetupError } from './setup/report.mjs';
import { run } from './setup/run.mjs';
import { ROOT } from './setup.mjs';

const SUITE = 'bookworm';
const BASE = `localhost/shadowtap-base:${SUITE}`;
const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt';
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
const { tag, storage } = parseArgs({
  options: { tag: { type: 'string', default: `shadowtap:${version}` }, storage: { type: 'string' } },
}).values;

try {
  const node = provideNode(ROOT);
  const archive = join(ROOT, `node_modules/.cache/shadowtap/base-${SUITE}-${process.arch}.tar`);
  if (!existsSync(archive)) makeDebian(archive);
  importBase(archive, node);
  doing(`building ${tag}`, 'as daemonset/Dockerfile says');
  buildah('bud', '--isolation', 'chroot', '--build-arg', `BASE=${BASE}`, '--build-arg', `VERSION=${version}`,
    // The machine's own certificates, for the registry of npm packages may be behind one of them.
    '--volume', `${CERTIFICATES}:${CERTIFICATES}:ro`, '-f', join(ROOT, 'daemonset/Dockerfile'), '-t', tag, ROOT);
  process.stderr.write(`setup: ${tag} is built\n`);
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  process.stderr.write(`image: ${error.message}\n`);
  process.exitCode = 1;
}

/** Debian's essential packages, as an archive of a root file system. */
function makeDebian(archive) {
  doing(`making a base of Debian ${SUITE}`, 'no image can be fetched');
  mkdirSync(dirname(archive), { recursive: true });
  const partial = `${archive}.${process.pid}`;
  // Of a stable release, mmdebstrap takes updates and security fixes by itself. What is written once and read once need not
  // survive a loss of power half-made.
  const { ok, output } = run('mmdebstrap', [
    '--variant=minbase', '--include=ca-certificates', '--dpkgopt=force-unsafe-io', '--format=tar', SUITE, partial,
  ]);
  if (!ok) throw new SetupError(`the base could not be made; is this root, and is Debian's mirror within reach?\n${output}`);
  renameSync(partial, archive);
}

/** Adds Node, its headers and npm, where the official image has them. */
function importBase(archive, node) {
  doing(`importing ${BASE}`, `with Node ${node.version}`);
  const local = mkdtempSync(join(tmpdir(), 'shadowtap-base-'));
  try {
    const npm = join(dirname(realpathSync(run('sh', ['-c', 'command -v npm']).output.trim())), '..');
    mkdirSync(join(local, 'bin'));
    cpSync(node.program, join(local, 'bin/node'));
    cpSync(node.headers, join(local, 'include/node'), { recursive: true });
    cpSync(npm, join(local, 'lib/node_modules/npm'), { recursive: true, dereference: true });
    symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', join(local, 'bin/npm'));
    const container = buildah('from', 'scratch');
    buildah('add', '-q', container, archive, '/');
    buildah('add', '-q', container, local, '/usr/local');
    buildah('config', '--env', 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', '--env', `NODE_EXTRA_CA_CERTS=${CERTIFICATES}`, container);
    buildah('commit', '-q', '--rm', container, BASE);
  } finally {
    rmSync(local, { recursive: true, force: true });
  }
}

/** @returns what it prints @throws SetupError */
function buildah(command, ...args) {
  const where = storage === undefined ? [] : ['--root', join(storage, 'root'), '--runroot', join(storage, 'run')];
  const { ok, output } = run('buildah', [...where, command, ...args]);
  if (!ok) throw new SetupError(`buildah ${command} failed\n${output}`);
  return output.trim();
}
