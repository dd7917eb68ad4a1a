import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { PlanReport } from '../../src/cli/plan.ts';
import { linksOf, outcomes, runCommand } from '../support/agent.ts';
import { connect, curl, wrk } from '../support/clients.ts';
import { requireKernel } from '../support/kernel.ts';
import { HOST } from '../support/network.ts';
import { createScene } from './scene.ts';

describe.skipIf(!requireKernel())('a running agent', () => {
  it('takes over a changed file, and keeps the old configuration where the new one is wrong', async () => {
    await using scene = await createScene();
    await curl(HOST, `${scene.url}/1`);
    await scene.agent.settled(1);
    const { spec, policies } = scene.configuration();
    scene.agent.configure({ spec, policies: { next: { ...policies.next, matches: [{ path: { type: 'Exact', value: '/only' } }] } } });
    await scene.agent.logged('configuration reloaded');
    await curl(HOST, `${scene.url}/2`);
    await curl(HOST, `${scene.url}/only`);
    expect(outcomes((await scene.agent.settled(3)).ledger)).toEqual({ 'mirrored 2xx': 2, unmatched: 1 });
    scene.agent.configure({ spec, policies: { next: { ...policies.next, mathces: [] } } });
    await scene.agent.logged('the new configuration is refused; the old one stays in force');
    await curl(HOST, `${scene.url}/only`);
    expect(outcomes((await scene.agent.settled(4)).ledger)).toEqual({ 'mirrored 2xx': 3, unmatched: 1 });
    expect((await scene.mirror.requests()).map(({ target }) => target)).toEqual(['/1', '/only', '/only']);
  });

  it('reloads at SIGHUP without losing requests that are under way', async () => {
    await using scene = await createScene();
    await scene.mirror.behave({ kind: 'answer', delayMs: 500 });
    await using client = await connect(scene.app.address, 8080);
    await client.send('POST /half HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nhal');
    await curl(HOST, `${scene.url}/slow`);
    await scene.agent.until(({ ledger }) => ledger.seen === 2);
    scene.agent.process.signal('SIGHUP');
    await scene.agent.logged('configuration reloaded');
    await client.send('f!!');
    await client.receive('ok\n');
    await scene.expectSame(2);
    expect(outcomes((await scene.agent.settled(2)).ledger)).toEqual({ 'mirrored 2xx': 2 });
  });

  it('stops mirroring within a second at SIGUSR2 and goes on at the next, taps in place', async () => {
    await using scene = await createScene();
    scene.agent.process.signal('SIGUSR2');
    await scene.agent.until(({ mirroring }) => !mirroring, 1000);
    await curl(HOST, `${scene.url}/off`);
    const off = await scene.agent.settled(1);
    expect(outcomes(off.ledger)).toEqual({ 'off kill-switch': 1 });
    expect(off.endpoints.map(({ attached }) => attached)).toEqual([true]);
    scene.agent.process.signal('SIGUSR2');
    await scene.agent.until(({ mirroring }) => mirroring, 1000);
    await curl(HOST, `${scene.url}/on`);
    expect(outcomes((await scene.agent.settled(2)).ledger)).toEqual({ 'off kill-switch': 1, 'mirrored 2xx': 1 });
  });

  it('follows a kill switch file, giving up what waits and detaching its taps where told to', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'shadowtap-switch-'));
    try {
      const killSwitchFile = join(folder, 'off');
      const policy = { limits: { maxInFlight: 1, timeout: '20s' } };
      await using scene = await createScene({ settings: { killSwitchFile, killSwitchTaps: 'Detach' }, policy });
      await scene.mirror.behave({ kind: 'answer', delayMs: 10_000 });
      for (let i = 0; i < 3; i++) await curl(HOST, `${scene.url}/${i}`);
      await scene.agent.until(({ ledger }) => ledger.seen === 3);
      writeFileSync(killSwitchFile, '');
      await scene.agent.until(({ endpoints, ledger }) => endpoints.length === 0 && ledger.open === 0, 1000);
      expect(outcomes((await scene.agent.settled(3)).ledger)).toEqual({ 'incomplete shutdown': 3 });
      await curl(HOST, `${scene.url}/unseen`);
      await scene.mirror.behave({ kind: 'answer' });
      // One switch does not undo the other.
      scene.agent.process.signal('SIGUSR2');
      scene.agent.process.signal('SIGHUP');
      await scene.agent.logged('configuration reloaded');
      scene.agent.process.signal('SIGUSR2');
      expect((await scene.agent.stats()).mirroring).toBe(false);
      rmSync(killSwitchFile);
      await scene.agent.until(({ endpoints }) => endpoints.length === 1 && endpoints.every(({ attached }) => attached));
      await curl(HOST, `${scene.url}/again`);
      expect(outcomes((await scene.agent.settled(4)).ledger)).toEqual({ 'incomplete shutdown': 3, 'mirrored 2xx': 1 });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('lets a policy end at its time', async () => {
    await using scene = await createScene();
    const { spec, policies } = scene.configuration();
    const expiresAt = new Date(Date.now() + 5000).toISOString();
    scene.agent.configure({ spec, policies: { next: { ...policies.next, expiresAt } } });
    await scene.agent.logged('configuration reloaded');
    await curl(HOST, `${scene.url}/before`);
    await scene.agent.settled(1);
    await scene.agent.logged('a policy has expired');
    await curl(HOST, `${scene.url}/after`);
    await scene.production.waitFor(2);
    expect((await scene.mirror.requests()).map(({ target }) => target)).toEqual(['/before']);
  });

  it('lets a policy end also while it is letting go of the pods of another that has just ended', async () => {
    await using scene = await createScene();
    const { spec, policies } = scene.configuration();
    const firstMs = Date.now() + 4000;
    const at = (ms: number): object => ({ expiresAt: new Date(firstMs + ms).toISOString() });
    const others = Array.from({ length: 8 }, (_, i) => ({ ...spec.endpoints[0], name: `shop/other-${i}`, labels: { app: 'other' }, ports: [9000 + i] }));
    scene.agent.configure({
      spec: { ...spec, endpoints: [...spec.endpoints, ...others] },
      policies: { other: { ...policies.next, selector: { matchLabels: { app: 'other' } }, ...at(0) }, next: { ...policies.next, ...at(4) } },
    });
    await scene.agent.logged('configuration reloaded');
    await sleep(firstMs + 1000 - Date.now());
    await curl(HOST, `${scene.url}/after`);
    await scene.production.waitFor(1);
    await sleep(300);
    expect(await scene.mirror.requests()).toEqual([]);
  });
});

describe.skipIf(!requireKernel())('shadowtap plan', () => {
  it('says what would be sent and what not, and sends nothing', async () => {
    await using scene = await createScene({ agent: false });
    const { spec, policies } = scene.configuration();
    const policy = { ...policies.next, matches: [{ path: { type: 'PathPrefix', value: '/api' } }] };
    const plan = runCommand(['plan', '--for', '4s', '-o', 'json'], { spec, policies: { next: policy } });
    await expect.poll(() => linksOf(plan.pid).length, { timeout: 20_000 }).toBeGreaterThan(2);
    for (let i = 0; i < 3; i++) await curl(HOST, `${scene.url}/api/items?secret=${i}`);
    await curl(HOST, `${scene.url}/api/orders`, '--data-binary', 'x'.repeat(100));
    await curl(HOST, `${scene.url}/other`);
    const { code, stdout, stderr } = await plan.finished;
    expect(code, stderr).toBe(0);
    const report = JSON.parse(stdout) as PlanReport;
    expect(report).toMatchObject({
      requestsSeen: 5,
      targets: [{
        policy: 'default/next',
        methods: { GET: 3, POST: 1 },
        topPaths: [{ path: '/api/items', requests: 3 }, { path: '/api/orders', requests: 1 }],
      }],
      left: [{ outcome: 'unmatched', requests: 1 }],
    });
    expect(report.targets[0]!.requestsPerSecond).toBeGreaterThan(0);
    expect(stdout).not.toContain('secret');
    expect(await scene.mirror.count()).toBe(0);
  });
});

describe.skipIf(!requireKernel())('an agent with a CPU budget', () => {
  it('mirrors a smaller share while it is over the budget, counts the rest, and recovers', async () => {
    await using scene = await createScene({ settings: { cpuBudget: 0.2 } });
    const shares: number[] = [];
    const loading = wrk(HOST, `${scene.url}/load`, { connections: 8, seconds: 4 });
    for (let i = 0; i < 16; i++) {
      await sleep(250);
      shares.push((await scene.agent.stats()).governorShare);
    }
    const load = await loading;
    expect(load.errors).toBe(0);
    // It rises again as soon as there is room, which may be before the load ends.
    expect(Math.min(...shares)).toBeLessThan(0.7);
    const { 'shed pressure': shed = 0, 'mirrored 2xx': mirrored = 0 } = outcomes((await scene.agent.settled(load.requests - 8, 20_000)).ledger);
    expect(shed).toBeGreaterThan(100);
    expect(mirrored).toBeGreaterThan(100);
    await scene.agent.until(({ governorShare }) => governorShare === 1, 30_000);
    const { ledger } = await scene.agent.stats();
    await curl(HOST, `${scene.url}/calm`);
    const after = await scene.agent.settled(ledger.seen + 1);
    expect(outcomes(after.ledger)['shed pressure']).toBe(shed);
  });
});
