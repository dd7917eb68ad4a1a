import { createHash, randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { curl } from '../clients.ts';
import { requireKernel } from '../kernel.ts';
import { createNetwork, HOST } from '../network.ts';
import { startNginx } from '../servers/nginx.ts';
import { startRecorder } from '../servers/recorder.ts';
import type { Impairment } from './impair.ts';

const MEGABYTE = randomBytes(1 << 20);
const SHA256 = createHash('sha256').update(MEGABYTE).digest('hex');

describe.skipIf(!requireKernel())('an impaired cable', () => {
  it('passes everything unharmed when told to do nothing', async () => {
    const counts = await upload({});
    expect(counts).toMatchObject({ lost: 0, reordered: 0, duplicated: 0 });
    expect(counts.forwarded).toBeGreaterThan(MEGABYTE.length / 1500);
  });

  it('loses packets, and TCP makes up for it', async () => {
    const { lost, forwarded } = await upload({ loss: 0.02 });
    expect(lost).toBeGreaterThan(0);
    expect(lost).toBeLessThan(forwarded / 10);
  });

  it('reorders and duplicates packets', async () => {
    const { reordered, duplicated, lost } = await upload({ reorder: 0.05, duplicate: 0.05, seed: 7 });
    expect(reordered).toBeGreaterThan(5);
    expect(duplicated).toBeGreaterThan(5);
    expect(lost).toBe(0);
  });

  it('cuts the cable when it is stopped', async () => {
    await using network = await createNetwork();
    const app = await network.createPod({ name: 'app', impair: {} });
    await using _server = await startRecorder(app, { port: 80 });
    const ask = () => curl(HOST, `http://${app.address}/`, '--max-time', '0.5');
    expect((await ask()).status).toBe(200);
    await app.impairer?.stop();
    await expect(ask()).rejects.toThrow('ended with 28');
  });
});

/** Sends a megabyte from one pod to another one behind an impaired cable, and back. */
async function upload(impair: Impairment) {
  await using network = await createNetwork();
  const app = await network.createPod({ name: 'app', impair });
  const client = await network.createPod({ name: 'client' });
  await using server = await startRecorder(app, { port: 80 });
  await using nginx = await startNginx(app, { port: 81, server: (folder) => `location / { root ${folder}; }` });
  await nginx.writeFile('megabyte', MEGABYTE);
  const file = `${nginx.folder}/upload`;
  await writeFile(file, MEGABYTE);

  await curl(client, `http://${app.address}/`, '--data-binary', `@${file}`, '-H', 'Expect:');
  const [request] = await server.waitFor(1);
  expect(request).toMatchObject({ bodyLength: MEGABYTE.length, bodySha256: SHA256, complete: true });
  const back = await client.exec('sh', '-c', `curl -s http://[${app.address6}]:81/megabyte | sha256sum`);
  expect(back).toContain(SHA256);

  if (app.impairer === undefined) throw new Error('the pod has no impaired cable');
  return app.impairer.stop();
}
