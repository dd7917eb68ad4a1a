import { createHash } from 'node:crypto';
import { startRecorder, type ReceivedRequest, type Recorder } from '../../support/servers/recorder.ts';
import type { Bench, Row } from '../context.ts';
import { mirroringTo, type Running } from '../contenders.ts';
import { promise, remark, short, type Figure } from '../figures.ts';
import { apply, nameOf, type SteadyLoad } from '../load.ts';
import { quantile } from '../statistics.ts';
import { bodyOf, targetOf } from '../traffic.ts';

const RECORDER_PORT = 9090;
/** Requests a second: half of the other rows', because a mirror that digests everything is a slow one. */
const RATE = 1_000;

/** Whether copies are whole, and how late they come, with a mirror that remembers the digest of each. */
export const FIDELITY: Row = {
  name: 'fidelity',
  async measure(bench) {
    const { app, shadow } = bench.arena;
    await using recorder = await startRecorder(shadow, { port: RECORDER_PORT });
    await using running = await bench.start(mirroringTo(`http://${shadow.address}:${RECORDER_PORT}`));
    const figures: Figure[] = [];
    for (const load of [bench.steadyGet, bench.steadyPost]) {
      figures.push(...(await check(bench, app.address, running, recorder, { ...load, rate: RATE, count: load.count / 2 })));
    }
    return figures;
  },
};

async function check(bench: Bench, host: string, running: Running, recorder: Recorder, load: SteadyLoad): Promise<Figure[]> {
  await running.agent!.settled(0);
  await recorder.forget();
  const { sentAtMs } = await apply(load, host, running.port);
  const copies = await recorder.waitFor(load.count).catch(() => recorder.requests());
  const intact = intactCopies(load, copies);
  bench.say(`${nameOf(load)} to a recorder: ${copies.length} arrived, ${intact} intact`);
  // The recorder knows whole milliseconds: half of one is what it cuts off on average.
  const delaysMs = copies.map(({ target, receivedAt }) => receivedAt + 0.5 - sentAtMs[numberOf(target)]!);
  const counted = (count: number): string => count.toLocaleString('en-US');
  return [
    promise('fidelity', `intact copies, each once, ${nameOf(load)}`, `${counted(intact)} of ${counted(load.count)} (${counted(copies.length)} arrived)`, 'all', intact === load.count && copies.length === load.count ? 'yes' : 'no'),
    remark('fidelity', `a copy arrives after its original was sent by, ${nameOf(load)}`, `${short(quantile(delaysMs, 0.5))} ms median, ${short(quantile(delaysMs, 0.99))} ms p99`),
  ];
}

/** Requests of which exactly what was sent arrived, counted once however often they did. */
function intactCopies(load: SteadyLoad, copies: readonly ReceivedRequest[]): number {
  const intact = new Set<number>();
  for (const { target, method, bodySha256, complete } of copies) {
    const number = numberOf(target);
    const content = load.bodyBytes === 0 ? '' : bodyOf(load, number);
    const digest = createHash('sha256').update(content).digest('hex');
    if (complete && bodySha256 === digest && method === (load.bodyBytes === 0 ? 'GET' : 'POST') && target === targetOf(number)) intact.add(number);
  }
  return intact.size;
}

function numberOf(target: string): number {
  return Number(target.slice(target.lastIndexOf('/') + 1));
}
