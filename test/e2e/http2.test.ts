import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { expectSums, outcomes, startAgent } from '../support/agent.ts';
import { requireKernel } from '../support/kernel.ts';
import { createNetwork, HOST } from '../support/network.ts';
import { succeeded } from '../support/process.ts';
import { startNginx } from '../support/servers/nginx.ts';
import { startRecorder } from '../support/servers/recorder.ts';
import { PORT } from './scene.ts';

const REQUESTS = 10_000;
const LIMITS = { maxQueued: 100_000, maxQueueBytes: 1 << 30, timeout: '30s' };

/** One connection with a hundred streams at a time. */
async function h2load(requests: number, url: string, ...options: readonly string[]): Promise<void> {
  const load = HOST.start('h2load', ['-n', `${requests}`, '-c', '1', '-m', '100', '-H', 'x-test: yes', '-H', 'cookie: a=1', ...options, url]);
  const report = await succeeded('h2load', load.finished);
  expect(report).toContain(`${requests} succeeded`);
}

describe.skipIf(!requireKernel())('HTTP/2', () => {
  it.each(['ebpf:tcx', 'pcap'])('is mirrored whole in HTTP/2 through %s: ten thousand requests of one connection of nginx', async (tap) => {
    await using network = await createNetwork();
    const app = await network.createPod({ name: 'v1' });
    const shadow = await network.createPod({ name: 'v2' });
    await using production = await startNginx(app, { port: PORT, http2: true });
    await using mirror = await startNginx(shadow, { port: PORT, http2: true });
    await using agent = await startAgent({
      spec: { tap, endpoints: [{ name: 'shop/v1', ports: [PORT], netns: app.netns }] },
      policies: { next: { selector: {}, targets: [{ url: `http://${shadow.address}:${PORT}` }], limits: LIMITS } },
    });
    await h2load(REQUESTS, `http://${app.address}:${PORT}/path?q=1`, ...(tap === 'pcap' ? ['--rps=2000'] : []));
    const { ledger } = await agent.settled(REQUESTS, 30_000);
    expect(outcomes(ledger)).toEqual({ 'mirrored 2xx': REQUESTS });
    const [served, copies] = [await production.requests(), await mirror.requests()];
    expect([served.length, copies.length]).toEqual([REQUESTS, REQUESTS]);
    expect(new Set(copies.map(({ method, target, status, protocol }) => `${method} ${target} ${status} ${protocol}`))).toEqual(new Set(['GET /path?q=1 200 HTTP/2.0']));
  });

  it('of nghttpd is mirrored whole to one that answers with errors, content included', async () => {
    await using network = await createNetwork();
    const app = await network.createPod({ name: 'v1' });
    const shadow = await network.createPod({ name: 'v2' });
    await using production = app.start('nghttpd', ['--no-tls', '-d', '/usr', String(PORT)]);
    await using mirror = shadow.start('nghttpd', ['--no-tls', '--echo-upload', '-d', '/usr', String(PORT)]);
    await sleep(500);
    await using agent = await startAgent({
      spec: { endpoints: [{ name: 'shop/v1', ports: [PORT], netns: app.netns }] },
      policies: { next: { selector: {}, targets: [{ url: `http://${shadow.address}:${PORT}` }], limits: LIMITS } },
    });
    const load = HOST.start('h2load', ['-n', `${REQUESTS}`, '-c', '1', '-m', '100', '-d', '/etc/hostname', `http://${app.address}:${PORT}/nothing`]);
    await succeeded('h2load', load.finished);
    const { ledger } = await agent.settled(REQUESTS, 30_000);
    const { 'mirrored 2xx': echoed = 0, 'mirrored 4xx': missing = 0, ...others } = outcomes(ledger);
    expect([echoed + missing, others]).toEqual([REQUESTS, {}]);
    expect([production.child.exitCode, mirror.child.exitCode]).toEqual([null, null]);
  });

  it('goes to a mirror of HTTP/1.1 where the policy says so', async () => {
    await using network = await createNetwork();
    const app = await network.createPod({ name: 'v1' });
    const shadow = await network.createPod({ name: 'v2' });
    await using mirror = await startRecorder(shadow, { port: PORT });
    await using _server = await startNginx(app, { port: PORT, http2: true });
    await using agent = await startAgent({
      spec: { endpoints: [{ name: 'shop/v1', ports: [PORT], netns: app.netns }] },
      policies: { next: { selector: {}, targets: [{ url: `http://${shadow.address}:${PORT}`, protocol: 'HTTP/1.1' }], limits: LIMITS } },
    });
    await h2load(1000, `http://${app.address}:${PORT}/path?q=1`);
    expect(outcomes((await agent.settled(1000)).ledger)).toEqual({ 'mirrored 2xx': 1000 });
    const [copy] = await mirror.waitFor(1000);
    expect(copy).toMatchObject({ method: 'GET', target: '/path?q=1', complete: true, bodyLength: 0 });
    expect(copy!.headers).toEqual(expect.arrayContaining([['host', `${app.address}:${PORT}`], ['x-test', 'yes'], ['cookie', 'a=1']]));
  });

  it('of HTTP/1.1 requests is spoken to a mirror that wants it', async () => {
    await using network = await createNetwork();
    const app = await network.createPod({ name: 'v1' });
    const shadow = await network.createPod({ name: 'v2' });
    await using _server = await startNginx(app, { port: PORT });
    await using mirror = await startNginx(shadow, { port: PORT, http2: true });
    await using agent = await startAgent({
      spec: { endpoints: [{ name: 'shop/v1', ports: [PORT], netns: app.netns }] },
      policies: { next: { selector: {}, targets: [{ url: `http://${shadow.address}:${PORT}`, protocol: 'HTTP/2' }], limits: LIMITS } },
    });
    for (let i = 0; i < 20; i++) await HOST.exec('curl', '-s', '-d', 'content', `http://${app.address}:${PORT}/x?${i}`);
    expect(outcomes((await agent.settled(20)).ledger)).toEqual({ 'mirrored 2xx': 20 });
    expect((await mirror.requests()).map(({ method, target, protocol }) => `${method} ${target} ${protocol}`).sort()).toEqual(
      Array.from({ length: 20 }, (_, i) => `POST /x?${i} HTTP/2.0`).sort(),
    );
  });

  it('that the kernel sheds because the agent stands still leaves a ledger that agrees, and the next connection is mirrored', async () => {
    await using network = await createNetwork();
    const app = await network.createPod({ name: 'v1' });
    const shadow = await network.createPod({ name: 'v2' });
    await using _server = await startNginx(app, { port: PORT, http2: true });
    await using mirror = await startNginx(shadow, { port: PORT, http2: true });
    await using agent = await startAgent({
      spec: { ringBytes: 128 * 1024, endpoints: [{ name: 'shop/v1', ports: [PORT], netns: app.netns }] },
      policies: { next: { selector: {}, targets: [{ url: `http://${shadow.address}:${PORT}` }], limits: LIMITS } },
    });
    await h2load(100, `http://${app.address}:${PORT}/before`);
    const before = await agent.settled(100);
    const load = h2load(20_000, `http://${app.address}:${PORT}/during`, '--rps=8000');
    for (let i = 0; i < 4; i++) {
      await sleep(150);
      agent.process.signal('SIGSTOP');
      await sleep(250);
      expectSums(before.ledger);
      agent.process.signal('SIGCONT');
    }
    await load;
    const during = await agent.until(({ ledger }) => ledger.open === 0, 20_000);
    expectSums(during.ledger);
    expect(during.tap.shedFlows).toBeGreaterThan(0);
    expect(Object.keys(outcomes(during.ledger)).every((name) => /^(mirrored 2xx|incomplete|h2-midstream|shed)/.test(name)), JSON.stringify(outcomes(during.ledger))).toBe(true);
    const mirrored = outcomes(during.ledger)['mirrored 2xx']!;
    await h2load(200, `http://${app.address}:${PORT}/after`, '--rps=500');
    const after = await agent.settled(during.ledger.seen + 200);
    expect(outcomes(after.ledger)['mirrored 2xx']).toBe(mirrored + 200);
    const copies = await mirror.requests();
    expect([copies.length, copies.every(({ status }) => status === 200)]).toEqual([mirrored + 200, true]);
  });
});
