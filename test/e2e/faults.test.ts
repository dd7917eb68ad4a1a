import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { linksOf, outcomes } from '../support/agent.ts';
import { connect, curl, wrk } from '../support/clients.ts';
import { requireKernel } from '../support/kernel.ts';
import { HOST } from '../support/network.ts';
import type { Behaviour } from '../support/servers/recorder.ts';
import { createScene, PORT } from './scene.ts';

/** Requests of the ledger by outcome, reasons together. */
function byOutcome(ledger: Parameters<typeof outcomes>[0]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const { outcome, count } of ledger.requests) sums[outcome] = (sums[outcome] ?? 0) + count;
  return sums;
}

describe.skipIf(!requireKernel())('a mirror in trouble', () => {
  const limits = { timeout: '300ms', maxInFlight: 8, maxQueued: 8 };

  it.each<[string, Behaviour, RegExp]>([
    ['never answers', { kind: 'silent' }, /^failed timeout$/],
    ['resets connections', { kind: 'reset' }, /^failed reset$/],
    ['answers garbage', { kind: 'garbage' }, /^failed protocol$/],
    ['ends in the middle of its answer', { kind: 'truncate' }, /^failed (reset|protocol)$/],
  ])('that %s costs production nothing and is counted by its name', async (_what, behaviour, expected) => {
    await using scene = await createScene({ policy: { limits } });
    await scene.mirror.behave(behaviour);
    for (let i = 0; i < 10; i++) expect((await curl(HOST, `${scene.url}/${i}`)).status).toBe(200);
    const { ledger } = await scene.agent.settled(10);
    expect(Object.keys(outcomes(ledger)).every((name) => expected.test(name)), JSON.stringify(outcomes(ledger))).toBe(true);
    // Well again: the next requests arrive.
    await scene.mirror.behave({ kind: 'answer' });
    await curl(HOST, `${scene.url}/again`);
    const healed = await scene.agent.settled(11);
    expect(outcomes(healed.ledger)['mirrored 2xx']).toBe(1);
  });

  it('that takes a second for each answer sheds what does not fit, and answers what does', async () => {
    await using scene = await createScene({ policy: { limits: { ...limits, timeout: '5s' } } });
    await scene.mirror.behave({ kind: 'answer', delayMs: 1000 });
    const load = await wrk(HOST, `${scene.url}/`, { connections: 8, seconds: 2 });
    expect(load.errors).toBe(0);
    const { ledger } = await scene.agent.settled(load.requests, 15_000);
    const { 'mirrored 2xx': mirrored = 0, 'shed queue': shed = 0, ...others } = outcomes(ledger);
    expect(mirrored).toBeGreaterThanOrEqual(16);
    expect(shed).toBeGreaterThan(100);
    expect(Object.keys(others).filter((name) => name !== 'incomplete closed' && name !== 'incomplete reset')).toEqual([]);
  });

  it('that is dead, then blackholed, then back, opens its breaker and is found again', async () => {
    await using scene = await createScene({ policy: { limits } });
    await scene.mirror.stop();
    for (let i = 0; i < 60; i++) await curl(HOST, `${scene.url}/dead${i}`);
    const dead = await scene.agent.settled(60);
    expect(outcomes(dead.ledger)['failed connect']).toBeGreaterThanOrEqual(20);
    expect(outcomes(dead.ledger)['shed breaker']).toBeGreaterThan(10);
    {
      await using _hole = await scene.shadow.blackhole();
      for (let i = 0; i < 10; i++) await curl(HOST, `${scene.url}/hole${i}`);
      expect(Object.keys(outcomes((await scene.agent.settled(70)).ledger)).sort()).toEqual(['failed connect', 'shed breaker']);
    }
    const { startRecorder } = await import('../support/servers/recorder.ts');
    await using mirror = await startRecorder(scene.shadow, { port: PORT });
    await expect.poll(async () => {
      await curl(HOST, `${scene.url}/back`);
      return mirror.count();
    }, { timeout: 20_000, interval: 200 }).toBeGreaterThan(2);
  });
});

describe.skipIf(!requireKernel())('an agent in trouble', () => {
  it('that stands still while its ring overflows sheds whole flows, recovers, and its ledger agrees', async () => {
    await using scene = await createScene({ settings: { ringBytes: 128 * 1024 } });
    await curl(HOST, `${scene.url}/first`);
    await scene.agent.settled(1);
    const load = wrk(HOST, `${scene.url}/load`, { connections: 8, seconds: 3 });
    for (let i = 0; i < 5; i++) {
      await sleep(200);
      scene.agent.process.signal('SIGSTOP');
      await sleep(250);
      scene.agent.process.signal('SIGCONT');
    }
    const { requests } = await load;
    const during = await scene.agent.until(({ ledger }) => ledger.open === 0, 20_000);
    expect(during.tap.shedFlows).toBeGreaterThan(0);
    expect(during.counters['flow.resyncs']).toBeGreaterThan(0);
    // Shedding makes no holes: kernel and worker agree on where a flow starts again.
    expect(during.counters['flow.gaps']).toBe(0);
    const { mirrored = 0, incomplete = 0, shed = 0, ...others } = byOutcome(during.ledger);
    expect(others).toEqual({});
    expect(mirrored).toBeGreaterThan(100);
    expect(mirrored + incomplete + shed).toBeLessThan(requests);
    // And it is well again: nothing more is lost.
    for (let i = 0; i < 5; i++) await curl(HOST, `${scene.url}/after${i}`);
    const after = await scene.agent.settled(during.ledger.seen + 5);
    expect(byOutcome(after.ledger).mirrored).toBe(mirrored + 5);
    const copies = await scene.mirror.requests();
    expect(copies.every(({ complete }) => complete)).toBe(true);
    expect(copies.filter(({ target }) => target.startsWith('/after'))).toHaveLength(5);
  });

  it('whose pod is deleted lets go, and taps the pod that comes back under the same name', async () => {
    await using scene = await createScene();
    await curl(HOST, `${scene.url}/before`);
    await scene.agent.settled(1);
    scene.app.remove();
    await scene.agent.until(({ endpoints }) => endpoints.every(({ attached }) => !attached));
    expect((await scene.agent.page('/readyz')).status).toBe(503);
    expect((await scene.agent.page('/healthz')).status).toBe(200);
    const again = await scene.network.createPod({ name: 'v1' });
    const { startRecorder } = await import('../support/servers/recorder.ts');
    await using _production = await startRecorder(again, { port: PORT });
    await scene.agent.until(({ endpoints }) => endpoints.every(({ attached }) => attached));
    await curl(HOST, `http://${again.address}:${PORT}/after`);
    const { ledger } = await scene.agent.settled(2);
    expect(outcomes(ledger)).toEqual({ 'mirrored 2xx': 2 });
  });

  it('whose pod gets a new interface taps that one', async () => {
    await using scene = await createScene();
    await scene.app.exec('ip', 'link', 'add', 'spare', 'type', 'veth', 'peer', 'name', 'other');
    await scene.app.exec('ip', 'link', 'set', 'eth0', 'name', 'old');
    await scene.app.exec('ip', 'link', 'set', 'spare', 'name', 'eth0');
    await scene.agent.logged('endpoint is gone');
    await scene.app.exec('ip', 'link', 'del', 'eth0');
    await scene.agent.until(({ endpoints }) => endpoints.every(({ attached }) => !attached));
    await scene.app.exec('ip', 'link', 'set', 'old', 'name', 'eth0');
    await scene.app.exec('ip', 'link', 'set', 'eth0', 'up');
    await scene.agent.until(({ endpoints }) => endpoints.every(({ attached }) => attached));
    await curl(HOST, `${scene.url}/again`);
    expect(outcomes((await scene.agent.settled(1)).ledger)).toEqual({ 'mirrored 2xx': 1 });
  });

  it('with an endpoint that is not there yet taps the others, and that one when it comes', async () => {
    await using scene = await createScene({ agent: false });
    const { spec, policies } = scene.configuration();
    const absent = { name: 'shop/later', labels: { app: 'shop' }, ports: [PORT], netns: `${scene.app.netns}-later` };
    const { startAgent } = await import('../support/agent.ts');
    await using agent = await startAgent({ spec: { ...spec, endpoints: [...spec.endpoints, absent] }, policies, ready: false });
    await agent.until(({ endpoints }) => endpoints.map(({ attached }) => attached).join() === 'true,false');
    expect((await agent.stats()).endpoints[1]!.problem).toContain('there is no network namespace');
    await curl(HOST, `${scene.url}/now`);
    expect(outcomes((await agent.settled(1)).ledger)).toEqual({ 'mirrored 2xx': 1 });
    await HOST.exec('ip', 'netns', 'add', absent.netns.replace('/run/netns/', ''));
    try {
      await HOST.exec('ip', '-n', absent.netns.replace('/run/netns/', ''), 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'x');
      await agent.until(({ endpoints }) => endpoints.every(({ attached }) => attached));
    } finally {
      await HOST.exec('ip', 'netns', 'del', absent.netns.replace('/run/netns/', ''));
    }
  });

  it('that is told to stop finishes what is under way and counts what it cannot finish', async () => {
    await using scene = await createScene({ policy: { limits: { timeout: '10s' } } });
    await scene.mirror.behave({ kind: 'answer', delayMs: 700 });
    await using client = await connect(scene.app.address, PORT);
    await curl(HOST, `${scene.url}/slow`);
    await client.send('POST /half HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nhalf');
    await scene.agent.until(({ ledger }) => ledger.seen === 2);
    expect(outcomes(await scene.agent.stop())).toEqual({ 'mirrored 2xx': 1, 'incomplete shutdown': 1 });
  });

  it('that is killed leaves no attachment behind, and its clsact filters go at the next start', async () => {
    const filters = async (scene: { app: { exec(...args: [string, ...string[]]): Promise<string> } }): Promise<number> =>
      (await scene.app.exec('tc', 'filter', 'show', 'dev', 'eth0', 'ingress')).split('\n').filter((line) => line.includes('bpf')).length;
    await using tcx = await createScene();
    const links = linksOf(tcx.agent.process.pid);
    expect(links.length).toBeGreaterThan(2);
    const isThere = (id: number): Promise<boolean> => HOST.exec('bpftool', 'link', 'show', 'id', String(id)).then(() => true, () => false);
    expect(await Promise.all(links.map(isThere))).not.toContain(false);
    await tcx.agent.kill();
    await expect.poll(() => Promise.all(links.map(isThere))).not.toContain(true);
    await curl(HOST, `${tcx.url}/lives`);

    await using clsact = await createScene({ tap: 'ebpf:clsact' });
    const before = await filters(clsact);
    expect(before).toBeGreaterThan(0);
    await clsact.agent.kill();
    expect(await filters(clsact)).toBe(before);
    await clsact.startAgent();
    expect(await filters(clsact)).toBe(before);
    await curl(HOST, `${clsact.url}/once`);
    expect(outcomes((await clsact.agent.settled(1)).ledger)).toEqual({ 'mirrored 2xx': 1 });
    await clsact.agent.stop();
    expect(await filters(clsact)).toBe(0);
  });

  it('that is stopped by a signal in the middle of a load does not touch production', async () => {
    await using scene = await createScene();
    const load = wrk(HOST, `${scene.url}/load`, { connections: 8, seconds: 2 });
    await sleep(700);
    const { seen } = await scene.agent.stop();
    expect(seen).toBeGreaterThan(50);
    const { errors, requests } = await load;
    expect(errors).toBe(0);
    expect(requests).toBeGreaterThan(seen);
  });
});
