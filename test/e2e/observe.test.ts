import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Ranking } from '../../src/cli/top/ranking.ts';
import type { InsightData } from '../../src/insight.ts';
import type { EndpointLoad } from '../../src/observe/data.ts';
import { countOf, quantileOf } from '../../src/sketch/histogram.ts';
import { outcomes } from '../support/agent.ts';
import { requireKernel } from '../support/kernel.ts';
import { HOST, type Pod } from '../support/network.ts';
import type { Running } from '../support/process.ts';
import { createScene, type Scene } from './scene.ts';

const PORT = 9090;
const CLI = fileURLToPath(new URL('../../src/cli.ts', import.meta.url));
const SERVER = fileURLToPath(new URL('./slow-server.ts', import.meta.url));

/** Half of a bucket's width. */
const ERROR = 1 / 64;
/** From a packet's arrival to the server's JavaScript, and back, on a machine that does other things too: by quantile. */
const OUTSIDE_US = [[0.5, 5_000], [0.9, 15_000]] as const;

/** Nothing but observed: the policy has no target. */
const OBSERVED = { settings: { workers: 2 }, policy: { observe: true, targets: [] }, endpoint: { ports: [PORT] } };

async function startServer(pod: Pod): Promise<Running> {
  const server = pod.start(process.execPath, [SERVER, String(PORT)], { ipc: true });
  await once(server.child, 'message');
  return server;
}

async function measuredBy(server: Running): Promise<Record<string, number[]>> {
  const answer = once(server.child, 'message');
  server.child.send('measured');
  return (await answer)[0] as Record<string, number[]>;
}

/** One after the other over connections of its own, `/{kind}/{number}`. */
async function ask(scene: Scene, kind: string, count: number, connections: number): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const one = (number: number): Promise<void> =>
    new Promise((resolve, reject) => {
      const url = `http://${scene.app.address}:${PORT}/${kind}/${number}?at=${number}`;
      request(url, { agent }, (response) => response.resume().on('end', resolve).on('error', reject)).on('error', reject).end();
    });
  await Promise.all(Array.from({ length: count }, (_, number) => one(number)));
  agent.destroy();
}

/** What the agent tells, once it knows of so many requests. */
async function observed(scene: Scene, count: number): Promise<InsightData['observe']> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const { observe } = (await (await scene.agent.page('/insight')).json()) as InsightData;
    const known = observe.endpoints.reduce((sum, { requests }) => sum + requests, 0);
    if (known >= count || Date.now() > deadline) return observe;
    await sleep(200);
  }
}

function loadOf(endpoints: readonly EndpointLoad[], template: string): EndpointLoad {
  const load = endpoints.find((one) => one.template === template);
  if (load === undefined) throw new Error(`no ${template} among ${endpoints.map((one) => one.template).join(', ')}`);
  return load;
}

function exactQuantile(values: readonly number[], q: number): number {
  return values.toSorted((a, b) => a - b)[Math.ceil(values.length * q) - 1]!;
}

describe.skipIf(!requireKernel()).each(['ebpf:tcx', 'pcap'])('observing through %s', (tap) => {
  it('tells what endpoints take as their server measures it, mirrors nothing, and counts every request once', async () => {
    await using scene = await createScene({ ...OBSERVED, tap });
    await using server = await startServer(scene.app);
    await Promise.all([ask(scene, 'ms5', 300, 3), ask(scene, 'ms20', 120, 3), ask(scene, 'ms100', 60, 4), ask(scene, 'fail', 20, 1)]);
    const { endpoints, clients } = await observed(scene, 500);
    const measured = await measuredBy(server);
    for (const [kind, count] of [['ms5', 300], ['ms20', 120], ['ms100', 60]] as const) {
      const load = loadOf(endpoints, `/${kind}/{id}`);
      expect(load.statuses).toEqual([0, count, 0, 0, 0]);
      expect(load.responseBytes).toBe(1000 * count);
      for (const histogram of [load.firstByte, load.complete]) {
        expect(countOf(histogram)).toBe(count);
        for (const [q, outsideUs] of OUTSIDE_US) {
          const exact = exactQuantile(measured[kind]!, q);
          const told = quantileOf(histogram, q);
          expect(told, `${kind}, quantile ${q}: ${told} where the server says ${exact}`).toBeGreaterThanOrEqual(exact * (1 - ERROR) - 1000);
          expect(told, `${kind}, quantile ${q}: ${told} where the server says ${exact}`).toBeLessThanOrEqual(exact * (1 + ERROR) + outsideUs);
        }
      }
    }
    expect(loadOf(endpoints, '/fail/{id}').statuses).toEqual([0, 0, 0, 0, 20]);
    expect(clients).toEqual([{ endpoint: 'shop/v1', address: scene.network.address, count: 500, error: 0 }]);
    const { ledger } = await scene.agent.settled(500);
    expect(outcomes(ledger)).toEqual({ unmatched: 500 });
    expect(ledger.copies).toEqual([]);
    expect(await scene.mirror.count()).toBe(0);
    const metrics = await (await scene.agent.page('/metrics')).text();
    expect(metrics).toContain('shadowtap_observed_duration_seconds_count{endpoint="shop/v1",port="9090",method="GET",template="/ms100/{id}"} 60\n');
    const { host, port } = scene.agent.log.find(({ msg }) => msg === 'admin port open')!;
    await using command = HOST.start(process.execPath, [CLI, 'top', '--admin', `${String(host)}:${String(port)}`, '-o', 'json']);
    const top = JSON.parse((await command.finished).stdout) as Ranking;
    expect(top.slowest.map(({ template }) => template)).toEqual(['/ms100/{id}', '/ms20/{id}', '/ms5/{id}', '/fail/{id}']);
    expect(top.errors).toMatchObject([{ template: '/fail/{id}', errors: 20 }]);
  });
});

describe.skipIf(!requireKernel())('observing', () => {
  it('tells an endpoint whose requests wait for each other from one whose requests do not', async () => {
    await using scene = await createScene({ ...OBSERVED, settings: { workers: 1 } });
    await using server = await startServer(scene.app);
    expect(server.pid).toBeGreaterThan(0);
    const untilMs = Date.now() + 9_000;
    for (let round = 0; Date.now() < untilMs; round++) {
      const together = 1 + (round % 10);
      await ask(scene, 'queue', together, together);
      await ask(scene, 'ms20', together, together);
    }
    const { endpoints } = await observed(scene, 1);
    expect(loadOf(endpoints, '/queue/{id}').saturation).toBeGreaterThan(0.6);
    expect(loadOf(endpoints, '/ms20/{id}').saturation).toBeLessThan(loadOf(endpoints, '/queue/{id}').saturation! - 0.2);
  }, 30_000);
});
