import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { doing, SetupError } from './report.mjs';
import { run } from './run.mjs';

/**
 * Brings node_modules in line with package-lock.json. npm keeps a copy of what it installed, so that comparing the two
 * tells whether there is anything to do.
 * @param which `development`: those too that only tests and tools need
 * @throws SetupError
 */
export function installPackages(root, env, { development }) {
  const wanted = packagesIn(join(root, 'package-lock.json'), development);
  const present = packagesIn(join(root, 'node_modules/.package-lock.json'));
  const why = difference(wanted, present);
  if (why === undefined) return;
  doing('installing npm packages', why);
  // Install scripts stay off: the one native module that needs building is built for the right Node by us.
  const kinds = [development ? '--include=dev' : '--omit=dev', '--include=optional'];
  const { ok, output } = run('npm', ['ci', '--ignore-scripts', ...kinds, '--no-audit', '--no-fund'], { cwd: root, env });
  if (!ok) throw new SetupError(`npm ci failed: check that npm reaches its registry and that node_modules is writable\n${output}`);
}

function packagesIn(lockFile, development = true) {
  try {
    const { packages } = JSON.parse(readFileSync(lockFile, 'utf8'));
    return development ? packages : Object.fromEntries(Object.entries(packages).filter(([, { dev }]) => !dev));
  } catch {
    return undefined;
  }
}

/** Says how what is present differs from what is wanted; undefined when it does not. */
function difference(wanted, present) {
  if (!present) return 'node_modules is missing';
  for (const [path, { version, optional }] of Object.entries(wanted)) {
    if (path === '') continue;
    const found = present[path];
    // Optional packages are those of other platforms.
    if (!found && !optional) return `${path} is missing`;
    if (found && found.version !== version) return `${path} is ${found.version}, ${version} is wanted`;
  }
  return undefined;
}
