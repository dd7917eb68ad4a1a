import { connect as connectHttp2, type ClientHttp2Session } from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Governor } from '../../src/agent/governor.ts';
import { WorkerPool } from '../../src/agent/worker-pool.ts';
import { mergeInsight, type InsightData } from '../../src/insight.ts';
import { AccountBook } from '../../src/ledger/book.ts';
import { createLogger } from '../../src/log.ts';
import { buildSnapshot } from '../../src/policy/build-snapshot.ts';
import { validatePolicy } from '../../src/policy/validate.ts';
import { EbpfTap } from '../../src/tap/ebpf/ebpf-tap.ts';
import { outcomes, startAgent, type AgentUnderTest } from '../support/agent.ts';
import { bpfObject, requireKernel } from '../support/kernel.ts';
import { createNetwork, type Network, type Pod } from '../support/network.ts';
import { startVersion, type Protocol } from '../support/servers/versions.ts';
import { toldOf, type Told } from '../support/told.ts';
import { PORT } from './scene.ts';

const SAME = 60;
const CHANGED = 20;
const CUT = 5;
/** Not a sample: what is told is counted exactly. */
const ALL = { maxPerSecond: 0 };

/** Sends a request and reads what comes. @returns whether a whole answer came */
type Ask = (path: string) => Promise<boolean>;

function asking(app: Pod, protocol: Protocol): { ask: Ask } & Disposable {
  const origin = `http://${app.address}:${PORT}`;
  if (protocol === 'http/1.1') {
    const ask: Ask = (path) => fetch(origin + path).then((response) => response.text()).then(() => true, () => false);
    return { ask, [Symbol.dispose]() {} };
  }
  const session = connectHttp2(origin);
  session.on('error', () => {});
  return { ask: (path) => askHttp2(session, path), [Symbol.dispose]: () => session.destroy() };
}

function askHttp2(session: ClientHttp2Session, path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const stream = session.request({ ':path': path });
    stream.resume().on('error', () => {}).on('close', () => resolve(stream.rstCode === 0));
    stream.end();
  });
}

async function ask(app: Pod, protocol: Protocol): Promise<void> {
  using client = asking(app, protocol);
  const paths = [...numbered('/same/', SAME), ...numbered('/changed/', CHANGED), ...numbered('/cut/', CUT)];
  for (const path of paths) expect(await client.ask(path), path).toBe(!path.startsWith('/cut/'));
}

function numbered(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}${i + 1}`);
}

async function insightOf(agent: AgentUnderTest): Promise<InsightData> {
  return (await (await agent.page('/insight')).json()) as InsightData;
}

/** Waits until every copy has been told of. */
async function told(ask: () => Promise<InsightData>, copies: number): Promise<Record<string, Told>> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const rows = toldOf(await ask());
    const counted = Object.values(rows).reduce((sum, { compared, notCompared }) => sum + Object.values(notCompared).reduce((all, count) => all + count, compared), 0);
    if (counted >= copies || Date.now() > deadline) return rows;
    await sleep(200);
  }
}

async function twoVersions(protocol: Protocol): Promise<{ network: Network; app: Pod; shadow: Pod } & AsyncDisposable> {
  await using stack = new AsyncDisposableStack();
  const network = stack.use(await createNetwork());
  const app = await network.createPod({ name: 'v1' });
  const shadow = await network.createPod({ name: 'v2' });
  stack.use(await startVersion(app, 'v1', PORT, protocol));
  stack.use(await startVersion(shadow, 'v2', PORT, protocol));
  const kept = stack.move();
  return { network, app, shadow, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

const EXPECTED: Record<string, Told> = {
  'GET /same/{id}': { compared: SAME, different: {}, notCompared: {} },
  'GET /changed/{id}': { compared: CHANGED, different: { 'body /price': CHANGED }, notCompared: {} },
  'GET /cut/{id}': { compared: 0, different: {}, notCompared: { incomplete: CUT } },
};

const PATHS: readonly (readonly [string, Protocol])[] = [
  ['ebpf:tcx', 'http/1.1'],
  ['ebpf:tcx', 'h2'],
  ['pcap', 'http/1.1'],
  ['pcap', 'h2'],
];

describe.skipIf(!requireKernel())('comparing answers', () => {
  it.each(PATHS)('through %s, of %s: every planted difference is found and nothing else, and what was cut is not compared', async (tap, protocol) => {
    await using scene = await twoVersions(protocol);
    await using agent = await startAgent({
      spec: { tap, workers: 2, endpoints: [{ name: 'shop/v1', ports: [PORT], netns: scene.app.netns }] },
      policies: { next: { selector: {}, targets: [{ url: `http://${scene.shadow.address}:${PORT}` }], compare: ALL } },
    });
    await ask(scene.app, protocol);
    const total = SAME + CHANGED + CUT;
    expect(outcomes((await agent.settled(total)).ledger)).toEqual({ 'mirrored 2xx': total });
    expect(await told(() => insightOf(agent), total)).toEqual(EXPECTED);
    const { compare } = await insightOf(agent);
    const [policy] = compare.policies;
    expect(policy).toMatchObject({ policy: 'default/next', target: `http://${scene.shadow.address}:${PORT}`, role: 'Mirror', folded: 0 });
    const same = policy!.endpoints.find(({ template }) => template === '/same/{id}')!;
    expect(same.answers).toEqual({ production: { statuses: [0, SAME, 0, 0, 0], errors: 0 }, mirror: { statuses: [0, SAME, 0, 0, 0], errors: 0 } });
    expect(await (await agent.page('/metrics')).text()).toContain('shadowtap_requests_seen_total');
  });

  it('goes on after a worker has died, and what it had told stays', async () => {
    await using scene = await twoVersions('http/1.1');
    const tap = new EbpfTap({ mode: 'tcx', rings: 1, ringBytes: 1 << 20, objectPath: bpfObject() });
    await tap.start();
    const book = new AccountBook(1);
    const endpoint = { id: 1, name: 'v1', labels: {}, ports: [PORT], location: { netns: scene.app.netns } };
    const { value } = validatePolicy({
      apiVersion: 'shadowtap.dev/v1alpha1',
      kind: 'MirrorPolicy',
      metadata: { name: 'next' },
      spec: { selector: {}, targets: [{ url: `http://${scene.shadow.address}:${PORT}` }], compare: ALL },
    });
    const share = new Governor({ cpuBudget: null, cpuPressure: null }).buffer;
    const entry = new URL('./mortal-worker.ts', import.meta.url);
    const options = { sources: tap.sources, memoryBytes: 64 << 20, marker: 'shadowtap-mirrored', share, book, log: createLogger('silent'), entry };
    const pool = new WorkerPool(options, buildSnapshot(1, [value!], [endpoint]));
    await pool.start();
    await tap.attach(endpoint);
    const learnt = async (): Promise<InsightData> => mergeInsight(await pool.insight());
    try {
      using client = asking(scene.app, 'http/1.1');
      for (const path of numbered('/changed/', CHANGED)) await client.ask(path);
      expect((await told(learnt, CHANGED))['GET /changed/{id}']).toMatchObject({ compared: CHANGED });
      new Float64Array(share)[0] = -1;
      await expect.poll(() => [pool.restarts, pool.running], { timeout: 5_000 }).toEqual([1, 1]);
      new Float64Array(share)[0] = 1;
      expect((await told(learnt, CHANGED))['GET /changed/{id}']).toMatchObject({ compared: CHANGED });
      for (const path of numbered('/changed/', CHANGED)) await client.ask(path);
      expect((await told(learnt, 2 * CHANGED))['GET /changed/{id}']).toEqual({ compared: 2 * CHANGED, different: { 'body /price': 2 * CHANGED }, notCompared: {} });
    } finally {
      await tap.detach(1);
      await pool.stop(2000);
      await tap.stop();
    }
  });
});
