import { outcomes, startAgent, type AgentUnderTest } from '../../support/agent.ts';
import { startNginx, type Nginx } from '../../support/servers/nginx.ts';
import type { Arena } from '../arena.ts';
import { RATE, type Bench, type Row } from '../context.ts';
import { figure, remark, short, type Figure } from '../figures.ts';
import { h2load, type H2Load, type H2Result } from '../h2-load.ts';
import { cpuUs } from '../process-usage.ts';
import { median, pairedRatio } from '../statistics.ts';

const PORT = 8090;
const MESSAGE_BYTES = 256;
/** What runs for weeks is not measured in its first seconds. */
const RUN_IN = 8;

const GET = { messageBytes: null };
const CALL = { messageBytes: MESSAGE_BYTES };

/** What HTTP/2 and unary calls of gRPC cost the agent, and what production of HTTP/2 notices. */
export const HTTP2: Row = {
  name: 'http2',
  async measure(bench) {
    const { app, shadow } = bench.arena;
    await using production = await startNginx(app, { port: PORT, http2: true, log: false, server: () => 'location / { return 200 "ok\\n"; }' });
    await using _mirror = await startNginx(shadow, { port: PORT, http2: true, log: false, server: () => 'location / { return 204; }' });
    const message = await writeMessage(production);
    return [...(await costs(bench, message)), ...(await paired(bench, message))];
  },
};

/** One message of gRPC with its prefix. @returns its path */
async function writeMessage(nginx: Nginx): Promise<string> {
  const bytes = Buffer.alloc(5 + MESSAGE_BYTES, 'x');
  bytes[0] = 0;
  bytes.writeUInt32BE(MESSAGE_BYTES, 1);
  await nginx.writeFile('message', bytes);
  return `${nginx.folder}/message`;
}

async function costs(bench: Bench, message: string): Promise<Figure[]> {
  await using agent = await start(bench.arena, {});
  await trial(bench, agent, { ...GET, rate: null, count: bench.effort.count * RUN_IN }, message);
  const flatOut = bench.effort.count * 2;
  const loads: readonly (readonly [string, H2Load])[] = [
    ['mirrored request of HTTP/2, GET flat out', { ...GET, rate: null, count: flatOut }],
    ['mirrored request of HTTP/2, GET at 2,000/s', { ...GET, rate: RATE, count: bench.effort.count }],
    ['mirrored unary call of gRPC, flat out', { ...CALL, rate: null, count: flatOut }],
    ['mirrored unary call of gRPC, at 2,000/s', { ...CALL, rate: RATE, count: bench.effort.count }],
  ];
  const figures: Figure[] = [];
  for (const [what, load] of loads) {
    await trial(bench, agent, load, message);
    const trials: Cost[] = [];
    for (let i = 0; i < bench.effort.repeats; i++) trials.push(await trial(bench, agent, load, message));
    figures.push(figure('http2', `whole agent, per ${what}`, 'µs', trials.map(({ cpuPerCopyUs }) => cpuPerCopyUs)));
    figures.push(figure('http2', 'share of those that was mirrored', '%', trials.map(({ share }) => share)));
  }
  return figures;
}

interface Cost {
  readonly cpuPerCopyUs: number;
  readonly share: number;
}

async function trial(bench: Bench, agent: AgentUnderTest, load: H2Load, message: string): Promise<Cost> {
  const [before, cpuBefore] = [await agent.stats(), cpuUs([agent.process.pid])];
  const { answered } = await h2load(load, urlOf(bench.arena), message);
  // What the kernel shed is never seen.
  const seen = before.ledger.seen + answered;
  const after = await agent.until(({ ledger, tap }) => ledger.open === 0 && (ledger.seen >= seen || tap.shed > before.tap.shed), 60_000);
  const mirrored = outcomes(after.ledger)['mirrored 2xx']! - (outcomes(before.ledger)['mirrored 2xx'] ?? 0);
  const cpu = cpuUs([agent.process.pid]) - cpuBefore;
  bench.say(`HTTP/2: ${answered} answered, ${mirrored} mirrored, ${(cpu / mirrored).toFixed(1)} µs each`);
  return { cpuPerCopyUs: cpu / mirrored, share: (100 * mirrored) / answered };
}

/** Rounds of production alone, beside an agent that observes, and beside one that mirrors everything. */
async function paired(bench: Bench, message: string): Promise<Figure[]> {
  const nothing = { matches: [{ path: { type: 'Exact', value: '/nobody-asks-for-this' } }] };
  const contenders = [
    { name: 'alone', policy: null },
    { name: 'tap only', policy: nothing },
    { name: 'mirroring all', policy: {} },
  ] as const;
  const steady = new Map<string, H2Result[]>(contenders.map(({ name }) => [name, []]));
  const flatOut = new Map<string, H2Result[]>(contenders.map(({ name }) => [name, []]));
  for (let pair = 0; pair < bench.effort.pairs; pair++) {
    bench.say(`HTTP/2, round ${pair + 1} of ${bench.effort.pairs}`);
    for (const { name, policy } of pair % 2 === 0 ? contenders : contenders.toReversed()) {
      await using _agent = policy === null ? null : await start(bench.arena, policy);
      const url = urlOf(bench.arena);
      await h2load({ ...GET, rate: null, count: bench.effort.count * RUN_IN }, url, message);
      steady.get(name)!.push(await h2load({ ...GET, rate: RATE, count: bench.effort.count / 3 }, url, message));
      flatOut.get(name)!.push(await h2load({ ...GET, rate: null, count: bench.effort.count * 2 }, url, message));
    }
  }
  return ['tap only', 'mirroring all'].flatMap((name) => [
    compare(`p50 of HTTP/2 at 2,000/s, ${name}`, steady, name, 'p50Ms', 'ms'),
    compare(`p99 of HTTP/2 at 2,000/s, ${name}`, steady, name, 'p99Ms', 'ms'),
    compare(`throughput of HTTP/2 flat out, ${name}`, flatOut, name, 'perSecond', '/s'),
  ]);
}

function compare(what: string, results: ReadonlyMap<string, readonly H2Result[]>, name: string, quantity: 'p50Ms' | 'p99Ms' | 'perSecond', unit: string): Figure {
  const valuesOf = (key: string): number[] => results.get(key)!.map((result) => result[quantity]);
  const [off, on] = [valuesOf('alone'), valuesOf(name)];
  const { ratio, low, high, pairs } = pairedRatio(off, on);
  return remark('http2', what, `${short(median(off))} → ${short(median(on))} ${unit}: × ${ratio.toFixed(3)} (${low.toFixed(3)}–${high.toFixed(3)}, ${pairs} pairs)`);
}

function start(arena: Arena, policy: object): Promise<AgentUnderTest> {
  return startAgent({
    spec: { endpoints: [{ name: 'bench/app', labels: { app: 'bench' }, ports: [PORT], netns: arena.app.netns }], logLevel: 'info' },
    policies: { next: { selector: {}, targets: [{ url: `http://${arena.shadow.address}:${PORT}` }], ...policy } },
  });
}

function urlOf({ app }: Arena): string {
  return `http://${app.address}:${PORT}/api/items/1`;
}
