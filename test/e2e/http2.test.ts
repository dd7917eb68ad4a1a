import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { outcomes, startAgent } from '../support/agent.ts';
import { requireKernel } from '../support/kernel.ts';
import { createNetwork, HOST } from '../support/network.ts';
import { succeeded } from '../support/process.ts';
import { startRecorder } from '../support/servers/recorder.ts';

const PORT = 8080;
const REQUESTS = 3000;

describe.skipIf(!requireKernel()).each(['ebpf:tcx', 'pcap'])('HTTP/2 through %s', (tap) => {
  it('is mirrored whole: many streams of one connection at once', async () => {
    await using network = await createNetwork();
    const app = await network.createPod({ name: 'v1' });
    const shadow = await network.createPod({ name: 'v2' });
    await using mirror = await startRecorder(shadow, { port: PORT });
    await using server = app.start('nghttpd', ['--no-tls', '-d', '/usr', String(PORT)]);
    await sleep(500);
    await using agent = await startAgent({
      spec: { tap, endpoints: [{ name: 'shop/v1', labels: { app: 'shop' }, ports: [PORT], netns: app.netns }] },
      policies: { next: { selector: { matchLabels: { app: 'shop' } }, targets: [{ url: `http://${shadow.address}:${PORT}`, protocol: 'HTTP/1.1' }] } },
    });
    const load = HOST.start('h2load', ['-n', `${REQUESTS}`, '-c', '1', '-m', '100', '--rps=1000', '-H', 'x-test: yes', '-H', 'cookie: a=1', `http://${app.address}:${PORT}/path?q=1`]);
    await succeeded('h2load', load.finished);
    expect(server.child.exitCode).toBeNull();
    const { ledger } = await agent.settled(REQUESTS);
    expect(outcomes(ledger)).toEqual({ 'mirrored 2xx': REQUESTS });
    const [copy] = await mirror.waitFor(REQUESTS);
    expect(copy).toMatchObject({ method: 'GET', target: '/path?q=1', complete: true, bodyLength: 0 });
    expect(copy!.headers).toEqual(expect.arrayContaining([['host', `${app.address}:${PORT}`], ['x-test', 'yes'], ['cookie', 'a=1']]));
  });
});
