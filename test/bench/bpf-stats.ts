import { readFileSync, writeFileSync } from 'node:fs';

const SWITCH = '/proc/sys/kernel/bpf_stats_enabled';

/** Has the kernel time every BPF program, which slows each run a little, until it is disposed of or the process ends. */
export function timeBpfPrograms(): Disposable {
  const before = readFileSync(SWITCH, 'utf8');
  const restore = (): void => {
    process.off('exit', restore);
    writeFileSync(SWITCH, before);
  };
  writeFileSync(SWITCH, '1');
  process.on('exit', restore);
  return { [Symbol.dispose]: restore };
}
