import { setTimeout as sleep } from 'node:timers/promises';
import type { Row } from '../context.ts';
import { MIRRORING } from '../contenders.ts';
import { figure, type Figure } from '../figures.ts';
import { cpuUs, memoryOf } from '../process-usage.ts';

/** Size of one ring at the agent's default settings, MiB; resident twice, because it is mapped twice. */
const RING_MIB = 8;

/** An agent that waits for traffic: CPU of all its threads, and memory. */
export const IDLE: Row = {
  name: 'idle',
  async measure(bench) {
    const { arena, effort } = bench;
    const figures: Figure[] = [];
    for (const when of ['that has seen no traffic yet', 'after flat-out mirroring'] as const) {
      await using running = when === 'after flat-out mirroring' ? await bench.start(MIRRORING) : await MIRRORING.start(arena);
      bench.say(`idle agent ${when}, ${effort.idleSeconds} s`);
      await sleep(1_500);
      const before = cpuUs(running.pids);
      await sleep(effort.idleSeconds * 1_000);
      const percent = (cpuUs(running.pids) - before) / effort.idleSeconds / 10_000;
      const memory = memoryOf(running.pids[0]!);
      figures.push(
        figure('idle', `CPU of an agent ${when}`, '% of a core', [percent], { atMost: 1 }),
        figure('idle', `memory of an agent ${when}, its ring counted once`, 'MiB', [memory.resident - RING_MIB], { atMost: 120, stretch: 80 }),
        figure('idle', `of it heap and stacks`, 'MiB', [memory.anonymous]),
      );
    }
    return figures;
  },
};
