import { writeFileSync } from 'node:fs';
import type { Reporter, SerializedError, TestModule } from 'vitest/node';

export interface TestSummary {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** Files of which no test ran, by the reason: what the run does not prove. */
  readonly notRun: Readonly<Record<string, number>>;
}

/** Writes the sums of a run to the file that `npm test` names, for the last lines that it prints. */
export class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const file = process.env.SHADOWTAP_TEST_SUMMARY;
    if (file) writeFileSync(file, JSON.stringify(summarize(modules, unhandled.length)));
  }
}

function summarize(modules: readonly TestModule[], unhandledErrors: number): TestSummary {
  const count = { passed: 0, failed: unhandledErrors, skipped: 0 };
  const notRun: Record<string, number> = {};
  for (const module of modules) {
    let failedTests = 0;
    let ran = 0;
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      if (state === 'passed') count.passed++;
      else if (state === 'failed') failedTests++;
      else count.skipped++;
      if (state === 'passed' || state === 'failed') ran++;
    }
    // A file that does not load, or a hook that fails, may have no failed test.
    count.failed += failedTests === 0 && !module.ok() ? 1 : failedTests;
    if (ran === 0 && module.ok()) {
      const reason = reasonOf(module);
      notRun[reason] = (notRun[reason] ?? 0) + 1;
    }
  }
  return { ...count, notRun };
}

function reasonOf(module: TestModule): string {
  if (module.project.name === 'kernel' && process.getuid?.() !== 0) return 'need root';
  for (const test of module.children.allTests('skipped')) {
    const result = test.result();
    if (result.state === 'skipped' && result.note !== undefined) return result.note;
  }
  return 'all of their tests are skipped, see above for why';
}
