import { defineConfig } from 'vitest/config';
import { SummaryReporter } from './test/support/summary-reporter.ts';

/** Tests that use the real kernel: they make namespaces, attach programs and load the machine, so one file at a time. */
const KERNEL_TESTS = [
  'test/tap/ebpf/**/*.test.ts',
  'test/tap/pcap*/**/*.test.ts',
  'test/tap/pcap*.test.ts',
  'test/contract/**/*.test.ts',
  'test/agent/{pods,follow}.test.ts',
  'test/e2e/**/*.test.ts',
  'test/support/*.test.ts',
  'test/support/{impair,servers}/*.test.ts',
  // A browser takes a core by itself.
  'test/page/browser*.test.ts',
  'test/daemonset/least-privilege.test.ts',
  'test/daemonset/image.test.ts',
  'test/monitoring/{alerts,queries}.test.ts',
];

export default defineConfig({
  test: {
    // A process for each file: setns moves a process's main thread, and native modules do not survive sharing one.
    pool: 'forks',
    reporters: ['default', new SummaryReporter()],
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: KERNEL_TESTS,
          testTimeout: 20_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'kernel',
          include: KERNEL_TESTS,
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
