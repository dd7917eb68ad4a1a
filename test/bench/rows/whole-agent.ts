import type { Bench, Row } from '../context.ts';
import { MIRRORING, PIPELINING } from '../contenders.ts';
import { figure, promise, remark, type Figure } from '../figures.ts';
import { memoryOf } from '../process-usage.ts';
import { median } from '../statistics.ts';
import type { Trial } from '../trial.ts';

/** From packet to answered copy: the CPU of the agent's process, user and system, for each copy that arrived. */
export const WHOLE_AGENT: Row = {
  name: 'agent',
  async measure(bench) {
    const pipelined = await measurePipelining(bench);
    await using running = await bench.start(MIRRORING);
    const steadyGet = await bench.repeat(MIRRORING, running, bench.steadyGet);
    const steadyPost = await bench.repeat(MIRRORING, running, bench.steadyPost);
    const flatOut = await bench.repeat(MIRRORING, running, bench.flatOut);
    const target = { atMost: 60, stretch: 45 };
    const rate = Math.floor((peak(flatOut, bench.effort.seconds) / 2) / 100) * 100;
    const half = await bench.repeat(MIRRORING, running, { kind: 'steady', rate, count: rate * bench.effort.seconds, bodyBytes: 0 });
    const memory = memoryOf(running.pids[0]!);
    return [
      figure('agent', 'whole agent, per mirrored request, GET flat out, 32 connections', 'µs', flatOut.map(perCopy), target),
      figure('agent', 'share of those requests that was mirrored (the rest is counted as shed)', '%', flatOut.map(share)),
      ...pipelined,
      figure('agent', 'whole agent, per mirrored request, GET at 2,000/s', 'µs', steadyGet.map(perCopy), target),
      figure('agent', 'whole agent, per mirrored request, POST 2 KiB at 2,000/s', 'µs', steadyPost.map(perCopy)),
      remark('agent', 'copies that arrived, GET and POST at 2,000/s', arrivals([...steadyGet, ...steadyPost])),
      promise('agent', `copies that arrived at half of the peak of mirroring, ${rate.toLocaleString('en-US')}/s`, arrivals(half), 'all', half.every(({ answered, arrived }) => arrived === answered) ? 'yes' : 'no'),
      figure('agent', 'most memory resident so far, a ring counted twice', 'MiB', [memory.peakResident]),
      figure('agent', 'of it heap and stacks, now', 'MiB', [memory.anonymous]),
    ];
  },
};

async function measurePipelining(bench: Bench): Promise<Figure[]> {
  await using running = await bench.start(PIPELINING);
  const trials = await bench.repeat(PIPELINING, running, bench.flatOut);
  return [
    figure('agent', 'whole agent, per mirrored request, GET flat out, 8 connections of 16 requests', 'µs', trials.map(perCopy), { atMost: 25, stretch: 15 }),
    figure('agent', 'share of those requests that was mirrored', '%', trials.map(share)),
  ];
}

function perCopy({ ownCpuUs, arrived }: Trial): number {
  return ownCpuUs / arrived;
}

function share({ arrived, answered }: Trial): number {
  return (100 * arrived) / answered;
}

/** Most copies a second that this machine can take in while it runs clients, production, agent and mirror. */
function peak(flatOut: readonly Trial[], seconds: number): number {
  return median(flatOut.map(({ arrived }) => arrived / seconds));
}

function arrivals(trials: readonly Trial[]): string {
  const sum = (field: 'answered' | 'arrived'): string => trials.reduce((total, trial) => total + trial[field], 0).toLocaleString('en-US');
  return `${sum('arrived')} of ${sum('answered')}`;
}
