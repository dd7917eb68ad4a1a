import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';

/** What the figures were taken on. */
export interface Machine {
  readonly kernel: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly node: string;
  /** Processes that wanted a core in the minute before, on average. */
  readonly loadBefore: number;
}

export function describeMachine(): Machine {
  return {
    kernel: release(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    loadBefore: loadavg()[0]!,
  };
}

/** Above this share of the cores, others were using the machine before we began. */
const BUSY = 0.25;

export function machineLine({ kernel, cpu, cores, memoryGiB, node, loadBefore }: Machine): string {
  const load = `load average before: ${loadBefore.toFixed(2)}`;
  const busy = loadBefore > BUSY * cores ? ` - the machine was BUSY with other things, so take times as upper bounds and run it again when it is quiet` : '';
  return `${cores} cores of ${cpu}, ${memoryGiB} GiB, Linux ${kernel}, Node ${node}; ${load}${busy}.`;
}
