/**
 * `npm test`: sets up what is missing, checks the types, runs the tests. The last line is always
 * `N passed, N failed, N skipped`; before it stands, where part of the tests could not run, what is missing from the
 * run. With CI=true an incomplete run is a failure.
 *
 *   node scripts/test.mjs [arguments for vitest, such as test/flow or -t 'name']
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT, setupOrExit } from './setup.mjs';

const { node, env } = setupOrExit('test');
// What runs in browsers knows other types than what runs in Node.
const typesHold = [[], ['-p', 'src/page']].map((project) => runModule('typescript/bin/tsc', ['--noEmit', ...project])).every(Boolean);
const { testsPass, summary } = runTests(process.argv.slice(2));

if (!typesHold) console.log('FAILED: the type check (see the start of this output)');
let complete = true;
for (const [reason, files] of Object.entries(summary.notRun)) {
  complete = false;
  console.log(`INCOMPLETE: ${files} test file${files === 1 ? '' : 's'} did not run: ${reason}`);
}
console.log(`${summary.passed} passed, ${summary.failed} failed, ${summary.skipped} skipped`);
const ok = typesHold && testsPass && summary.failed === 0 && (complete || process.env.CI !== 'true');
process.exitCode = ok ? 0 : 1;

function runModule(path, args, extraEnv = {}) {
  const { status } = spawnSync(node, [join(ROOT, 'node_modules', path), ...args], {
    cwd: ROOT,
    stdio: 'inherit',
    env: { ...env, ...extraEnv },
  });
  return status === 0;
}

/** A run that ended before its sums were written counts as one failure. */
function runTests(args) {
  const folder = mkdtempSync(join(tmpdir(), 'shadowtap-test-'));
  const file = join(folder, 'summary.json');
  const testsPass = runModule('vitest/vitest.mjs', ['run', ...args], { SHADOWTAP_TEST_SUMMARY: file });
  let summary = { passed: 0, failed: 1, skipped: 0, notRun: {} };
  try {
    summary = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    // The run ended before its reporter was asked.
  }
  rmSync(folder, { recursive: true, force: true });
  return { testsPass, summary };
}
