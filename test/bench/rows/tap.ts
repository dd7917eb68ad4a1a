import { timeBpfPrograms } from '../bpf-stats.ts';
import type { Row } from '../context.ts';
import { OBSERVING } from '../contenders.ts';
import { figure } from '../figures.ts';

/** The BPF programs alone, by the kernel's own clock; its two readings a run are part of what it tells. */
export const TAP: Row = {
  name: 'tap',
  async measure(bench) {
    await using running = await bench.start(OBSERVING);
    using _timed = timeBpfPrograms();
    const gets = (await bench.repeat(OBSERVING, running, bench.flatOut)).map((trial) => trial.agent!);
    const posts = (await bench.repeat(OBSERVING, running, bench.steadyPost)).map((trial) => trial.agent!);
    return [
      figure('tap', 'program, per copied packet, GET flat out', 'µs', gets.map((agent) => agent.programNs / 1000 / agent.packetsCopied), { atMost: 0.6, stretch: 0.4 }),
      figure('tap', 'program, per request, GET flat out', 'µs', gets.map((agent) => agent.programNs / 1000 / agent.seen)),
      figure('tap', 'program, per run (passed-over packets included), GET flat out', 'µs', gets.map((agent) => agent.programNs / 1000 / agent.programRuns)),
      figure('tap', 'program, per copied packet, POST 2 KiB at 2,000/s', 'µs', posts.map((agent) => agent.programNs / 1000 / agent.packetsCopied)),
    ];
  },
};
