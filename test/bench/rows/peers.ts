import type { Bench, Row } from '../context.ts';
import { ALONE, MIRRORING, PEERS, type Contender } from '../contenders.ts';
import { remark, short, type Figure } from '../figures.ts';
import { memoryOf } from '../process-usage.ts';
import type { Trial } from '../trial.ts';

/** Others that copy requests or packets, under the same loads in the same minutes. */
export const PEERS_ROW: Row = {
  name: 'peers',
  async measure(bench) {
    const figures: Figure[] = [];
    for (const contender of [ALONE, MIRRORING, ...PEERS]) figures.push(...(await measureOne(bench, contender)));
    return figures;
  },
};

async function measureOne(bench: Bench, contender: Contender): Promise<Figure[]> {
  if (contender.absent !== null) return [remark('peers', contender.name, contender.absent)];
  await using running = await bench.start(contender);
  const figures: Figure[] = [];
  for (const load of [bench.steadyGet, bench.steadyPost, bench.flatOut]) {
    const trial = await bench.trial(contender, running, load);
    figures.push(remark('peers', `${contender.name}, ${trial.load}`, describe(contender, trial)));
  }
  const [pid] = running.pids;
  if (pid !== undefined) figures.push(remark('peers', `${contender.name}, most memory resident`, `${short(memoryOf(pid).peakResident)} MiB`));
  return figures;
}

function describe({ mirrors }: Contender, { answered, errors, perSecond, p99Ms, serverCpuUs, ownCpuUs, arrived }: Trial): string {
  const parts = [`${short(perSecond)}/s, p99 ${short(p99Ms)} ms`, `server CPU ${short(serverCpuUs)} µs a request`];
  if (ownCpuUs > 0) parts.push(mirrors ? `own CPU ${short(ownCpuUs / arrived)} µs a copy` : `own CPU ${short(ownCpuUs / answered)} µs a request`);
  if (mirrors) parts.push(`${arrived.toLocaleString('en-US')} of ${answered.toLocaleString('en-US')} arrived`);
  if (errors > 0) parts.push(`${errors.toLocaleString('en-US')} errors of production`);
  return parts.join('; ');
}
