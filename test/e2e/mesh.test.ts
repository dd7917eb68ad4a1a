import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { describe, expect, it } from 'vitest';
import type { AgentStats } from '../../src/stats.ts';
import { outcomes } from '../support/agent.ts';
import { curl } from '../support/clients.ts';
import { requireKernel } from '../support/kernel.ts';
import { HOST } from '../support/network.ts';
import { startMeshProxy } from '../support/servers/mesh-proxy.ts';
import { createScene, PORT, type Scene, type SceneOptions } from './scene.ts';

const BODY = 'x'.repeat(30_000);

/** A pod behind a proxy that ends TLS, and the agent. */
async function createMesh(options: SceneOptions, app: 'loopback' | 'pod' = 'pod'): Promise<Scene> {
  const scene = await createScene({ ...options, agent: false });
  try {
    await startMeshProxy(scene.app, { port: PORT, app: app === 'pod' ? scene.app.address : '127.0.0.1' });
    await scene.startAgent();
    return scene;
  } catch (error) {
    await scene[Symbol.asyncDispose]();
    throw error;
  }
}

/** Three requests over one connection, and one over another. @returns how many */
async function ask(scene: Scene, scheme: 'http' | 'https', name: string): Promise<number> {
  const url = `${scheme}://${scene.app.address}:${PORT}/${name}`;
  expect((await curl(HOST, `${url}/3`, '--insecure', '-H', 'X-N: 1', '--data-binary', BODY, `${url}/1`, `${url}/2`)).status).toBe(200);
  expect((await curl(HOST, `${url}/4`, '--insecure', '-X', 'DELETE')).status).toBe(200);
  return 4;
}

/** Nothing that was encrypted counts as lost. */
function expectNothingLost({ tap, counters, ledger }: AgentStats): void {
  expect(tap).toMatchObject({ shed: 0, shedFlows: 0, lost: 0 });
  expect(counters['flow.gaps']).toBe(0);
  expect(counters['http.skippedBytes']).toBe(0);
  expect(Object.keys(outcomes(ledger))).toEqual(['mirrored 2xx']);
}

describe.skipIf(!requireKernel()).each(['ebpf:tcx', 'ebpf:clsact', 'ebpf:cgroup', 'pcap'])('a pod behind a mesh’s proxy, tapped by %s', (tap) => {
  it.each(['loopback', 'pod'] as const)('has its decrypted requests mirrored once where the proxy reaches the app at the %s address', async (app) => {
    await using scene = await createMesh({ tap, endpoint: { interfaces: ['lo'] } }, app);
    const count = await ask(scene, 'https', 'tls');
    await scene.expectSame(count);
    const stats = await scene.agent.settled(count);
    expect(outcomes(stats.ledger)).toEqual({ 'mirrored 2xx': count });
    expectNothingLost(stats);
    expect(outcomes(await scene.agent.stop())).toEqual({ 'mirrored 2xx': count });
  });

  it('has plaintext requests that the proxy lets through mirrored once, beside encrypted ones', async () => {
    await using scene = await createMesh({ tap, endpoint: { interfaces: ['lo'] } });
    const count = (await ask(scene, 'http', 'plain')) + (await ask(scene, 'https', 'tls'));
    await scene.expectSame(count);
    const stats = await scene.agent.settled(count);
    expect(outcomes(stats.ledger)).toEqual({ 'mirrored 2xx': count });
    expectNothingLost(stats);
  });
});

describe.skipIf(!requireKernel()).each(['ebpf:tcx', 'ebpf:clsact', 'pcap'])('an encrypted pod of which %s taps eth0 too', (tap) => {
  it('has its encrypted connections recognised and left alone, counted as not HTTP and not as loss', async () => {
    await using scene = await createMesh({ tap });
    const count = await ask(scene, 'https', 'tls');
    await scene.expectSame(count);
    const stats = await scene.agent.settled(count);
    expect(outcomes(stats.ledger)).toEqual({ 'mirrored 2xx': count });
    expectNothingLost(stats);
    expect(stats.tap.notHttp).toBeGreaterThan(4);
    expect(stats.tap.notHttpFlows).toBe(2);
    const metrics = await (await scene.agent.page('/metrics')).text();
    expect(metrics).toContain('shadowtap_tap_not_http_flows_total 2');
  });
});

describe.skipIf(!requireKernel())('an encrypted connection that is older than the agent', () => {
  it('is left alone, and what the proxy passes on is mirrored from the next request on', async () => {
    await using scene = await createScene({ agent: false });
    await using _proxy = await startMeshProxy(scene.app, { port: PORT, app: scene.app.address });
    const agent = new Agent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false });
    try {
      await get(scene, agent, '/before');
      await scene.production.forget();
      await scene.startAgent();
      for (let i = 0; i < 10; i++) await get(scene, agent, `/${i}`);
      await scene.expectSame(10);
    } finally {
      agent.destroy();
    }
    const stats = await scene.agent.settled(10);
    expectNothingLost(stats);
    expect(stats.tap.notHttp).toBeGreaterThan(0);
  });
});

async function get(scene: Scene, agent: Agent, path: string): Promise<void> {
  const sent = request({ host: scene.app.address, port: PORT, path, agent }).end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  response.resume();
  await once(response, 'end');
}
