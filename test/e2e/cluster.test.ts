import { describe, expect, it } from 'vitest';
import { outcomes } from '../support/agent.ts';
import { curl } from '../support/clients.ts';
import { requireKernel } from '../support/kernel.ts';
import { HOST } from '../support/network.ts';
import { createClusterScene } from './cluster-scene.ts';

describe.skipIf(!requireKernel())('a pod in a cluster', () => {
  it('is mirrored within two seconds of being labelled, and no longer when the label goes', async () => {
    await using scene = await createClusterScene();
    const app = await scene.createPod({ name: 'app', labels: { app: 'checkout' } });
    const next = await scene.createPod({ name: 'next', labels: { app: 'next' } });
    await scene.createService('next', { app: 'next' });
    await scene.startAgents();
    await curl(HOST, `${app.url}/before`);
    await app.label({ 'shadowtap.dev/mirror-to': 'next' });
    await scene.agent().until(({ endpoints }) => endpoints.some(({ attached }) => attached), 2_000);
    await curl(HOST, `${app.url}/labelled`);
    await next.app.waitFor(1);
    await app.label({ 'shadowtap.dev/mirror-to': null });
    await scene.agent().until(({ endpoints }) => endpoints.length === 0, 2_000);
    await curl(HOST, `${app.url}/after`);
    const { ledger } = await scene.agent().settled(1);
    expect(outcomes(ledger)).toEqual({ 'mirrored 2xx': 1 });
    expect((await next.app.requests()).map(({ target }) => target)).toEqual(['/labelled']);
  });
});
