import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const BPF_DIRECTORY = fileURLToPath(new URL('../../bpf', import.meta.url));

/**
 * Whether kernel tests can run here: Linux, root, and the `ip` tool. Use as `describe.skipIf(!requireKernel())`.
 * Says on standard error what is missing; with CI=true that is an error, so that a skip cannot hide a failure.
 */
export function requireKernel(): boolean {
  const missing = missingForKernelTests();
  if (missing === null) return true;
  if (process.env.CI === 'true') throw new Error(`kernel tests must run with CI=true, but ${missing}`);
  console.error(`kernel tests skipped: ${missing}`);
  return false;
}

function missingForKernelTests(): string | null {
  if (process.platform !== 'linux') return 'this is not Linux';
  if (process.getuid?.() !== 0) return 'they need root';
  const hasIp = ['/usr/sbin/ip', '/sbin/ip', '/usr/bin/ip', '/bin/ip'].some((path) => existsSync(path));
  return hasIp ? null : 'the `ip` tool (iproute2) is not installed';
}

/** Builds the BPF object if its sources are newer, and returns its path. */
export function bpfObject(): string {
  execFileSync('make', ['-s', '-C', BPF_DIRECTORY], { stdio: ['ignore', 'inherit', 'inherit'] });
  return `${BPF_DIRECTORY}/build/tap.bpf.o`;
}
