import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench, Row } from '../context.ts';
import { OBSERVING, type Running } from '../contenders.ts';
import { figure } from '../figures.ts';
import type { Load } from '../load.ts';
import { cpuUs } from '../process-usage.ts';

/** Drain, reassembly, decoding and matching: an agent whose policy fits no request, less what it costs when idle. */
export const DECODE: Row = {
  name: 'decode',
  async measure(bench) {
    await using running = await bench.start(OBSERVING);
    const idleUsPerSecond = await idleCost(running);
    const perRequest = async (load: Load): Promise<number[]> => {
      const costs: number[] = [];
      for (let i = 0; i < bench.effort.repeats; i++) costs.push(await costOf(bench, running, load, idleUsPerSecond));
      return costs;
    };
    return [
      figure('decode', 'drain, reassembly, decoding, per request, GET flat out', 'µs', await perRequest(bench.flatOut), { atMost: 5, stretch: 3 }),
      figure('decode', 'the same at 2,000/s: a batch every 2 ms is a small one', 'µs', await perRequest(bench.steadyGet)),
    ];
  },
};

async function costOf(bench: Bench, running: Running, load: Load, idleUsPerSecond: number): Promise<number> {
  const { ownCpuUs, answered, perSecond, agent } = await bench.trial(OBSERVING, running, load);
  return (ownCpuUs - (idleUsPerSecond * answered) / perSecond) / agent!.seen;
}

/** @returns CPU in microseconds a second */
async function idleCost({ pids }: Running): Promise<number> {
  await sleep(500);
  const before = cpuUs(pids);
  await sleep(2_000);
  return (cpuUs(pids) - before) / 2;
}
