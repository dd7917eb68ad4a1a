import { describe, expect, it } from 'vitest';
import { outcomes, startAgent } from '../support/agent.ts';
import { wrk } from '../support/clients.ts';
import { requireKernel } from '../support/kernel.ts';
import { createNetwork, HOST } from '../support/network.ts';
import { startNginx } from '../support/servers/nginx.ts';
import { PORT } from './scene.ts';

/** nginx reads a request whole before it logs it; wrk leaves its last ones unread when its time is over. */
const CONNECTIONS = 16;

describe.skipIf(!requireKernel())('nginx under load', () => {
  it.each([1, 2])('is mirrored whole with %i worker(s): what production served, the mirror got', async (workers) => {
    await using network = await createNetwork();
    const app = await network.createPod({ name: 'v1' });
    const shadow = await network.createPod({ name: 'v2' });
    await using production = await startNginx(app, { port: PORT });
    await using mirror = await startNginx(shadow, { port: PORT });
    await using agent = await startAgent({
      // Room for all that two seconds of a fast machine bring, so that nothing has to give way.
      spec: { endpoints: [{ name: 'v1', ports: [PORT], netns: app.netns }], workers, ringBytes: 256 << 20, memoryBytes: 4 * 2 ** 30 },
      policies: { all: { selector: {}, targets: [{ url: `http://${shadow.address}:${PORT}` }], limits: { maxQueued: 1_000_000, maxQueueBytes: 4 * 2 ** 30, timeout: '30s' } } },
    });
    const headers = ['X-Request-Id: 0123456789', 'Accept-Language: en', 'Cookie: a=b; c=d', 'X-Tenant: acme'];
    const load = await wrk(HOST, `http://${app.address}:${PORT}/items/1?q=2`, { connections: CONNECTIONS, seconds: 2, headers });
    expect(load.errors).toBe(0);
    const { ledger, tap, counters } = await agent.settled(load.requests, 40_000);
    expect(tap).toMatchObject({ shed: 0, lost: 0 });
    expect(counters).toMatchObject({ 'flow.gaps': 0, 'worker.badRecords': 0 });
    const { 'mirrored 2xx': mirrored = 0, ...others } = outcomes(ledger);
    expect(Object.keys(others).every((name) => name.startsWith('incomplete')), JSON.stringify(others)).toBe(true);
    expect(ledger.seen - mirrored).toBeLessThanOrEqual(CONNECTIONS);
    const served = await production.requests();
    const copies = await mirror.requests();
    expect(copies).toHaveLength(mirrored);
    expect(Math.abs(served.length - mirrored)).toBeLessThanOrEqual(CONNECTIONS);
    expect(new Set(copies.map(({ method, target, status }) => `${method} ${target} ${status}`))).toEqual(new Set(['GET /items/1?q=2 200']));
  });
});
