import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { SetupError } from './report.mjs';
import { run } from './run.mjs';

/** A package of the npm registry whose content is known beforehand. */

/**
 * Fetches a package beside its final place, checks that it is the one that was pinned, and has `install` move what is
 * wanted of it. Whatever happens, nothing of it stays beside: an interrupted fetch leaves nothing that looks whole.
 * @param target final place, which decides where the package is unpacked
 * @param pinned its `name`, `version` and `integrity`
 * @param remedy what the user can do instead
 * @param install called with the folder of the unpacked package
 * @throws SetupError
 */
export function fetchPinned(target, { name, version, integrity }, remedy, install) {
  const partial = `${target}.${process.pid}`;
  const full = `${name}@${version}`;
  try {
    mkdirSync(partial, { recursive: true });
    const packed = run('npm', ['pack', full, '--loglevel=error', '--pack-destination', partial], { cwd: partial });
    if (!packed.ok) throw new SetupError(`${full} could not be fetched: ${remedy}\n${packed.output}`);
    const archive = join(partial, readdirSync(partial).find((file) => file.endsWith('.tgz')));
    const digest = `sha512-${createHash('sha512').update(readFileSync(archive)).digest('base64')}`;
    if (digest !== integrity) throw new SetupError(`${full} is not the package that was pinned: ${remedy}`);
    const unpacked = run('tar', ['-xzf', archive, '-C', partial]);
    if (!unpacked.ok) throw new SetupError(`${full} could not be unpacked: is the disk full?\n${unpacked.output}`);
    install(join(partial, 'package'));
  } catch (error) {
    if (error.code === undefined) throw error;
    throw new SetupError(`cannot write ${target}: ${error.message}; make its folder writable`);
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
}
