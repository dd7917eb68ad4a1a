import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { agentStats } from '../support/agent-stats.ts';
import { createControllerScene, eventually, NAMESPACE, type ControllerScene } from './scene.ts';

let scene: ControllerScene;
beforeEach(async () => {
  scene = await createControllerScene();
  await scene.applyService('next');
});
afterEach(async () => {
  await scene[Symbol.asyncDispose]();
});

const POLICY = `${NAMESPACE}/p`;

function mirroring(mirrored: number): ReturnType<typeof agentStats> {
  return agentStats('node-a', [{ policy: POLICY, pods: { 'shop/a': '' }, requests: { mirrored } }]);
}

describe('Events', () => {
  it('are written once for each change for good or bad', async () => {
    await scene.startController();
    await scene.applyPolicy('p');
    await eventually(async () => expect(await scene.events('p')).toEqual(['Accepted: Accepted: the policy is right']));
    await scene.cluster.delete({ apiVersion: 'v1', kind: 'Service', metadata: { namespace: NAMESPACE, name: 'next' } });
    await eventually(async () => expect((await scene.events('p')).at(-1)).toBe('Unresolved: BackendNotFound: there is no Service shop/next'));
    await scene.applyPolicy('p', { targets: [{ url: 'http://198.51.100.1' }] });
    await eventually(async () => expect((await scene.events('p')).at(-1)).toMatch(/^Refused: NotPermitted: spec\.targets\[0\]\.url/));
    await scene.applyPolicy('p');
    await scene.applyService('next', { ready: [] });
    await eventually(async () => expect((await scene.events('p')).at(-1)).toMatch(/^Degraded: NoReadyEndpoints/));
    await scene.applyService('next');
    await eventually(async () => expect((await scene.events('p')).at(-1)).toMatch(/^Recovered: /));
    await sleep(1_000);
    const reasons = (await scene.events('p')).map((event) => event.split(':', 1)[0]);
    expect(reasons.filter((reason) => reason !== 'Unresolved' && reason !== 'Resolved')).toEqual(['Accepted', 'Refused', 'Accepted', 'Degraded', 'Recovered']);
  });

  it('are not written again by a controller that is started anew', async () => {
    const agent = await scene.startAgent('node-a', mirroring(0));
    const first = await scene.startController();
    await scene.applyPolicy('p');
    await scene.untilCondition('p', 'Degraded=False Healthy');
    agent.stats = agentStats('node-a', [{ policy: POLICY, pods: { 'shop/a': '' }, requests: { failed: 100 } }]);
    await scene.untilCondition('p', 'Degraded=True CopiesFail');
    const status = await scene.status('p');
    await eventually(async () => expect(await scene.events('p')).toHaveLength(2));
    await first.stop();
    scene.faults.forgetRequests();
    await scene.startController();
    await eventually(async () => expect(agent.asked).toBeGreaterThan(5));
    await sleep(1_500);
    expect(await scene.events('p')).toHaveLength(2);
    expect(await scene.status('p')).toEqual(status);
    expect(scene.statusWrites()).toEqual([]);
  });

  it('bear what people look for', async () => {
    await scene.startController();
    const { metadata } = await scene.applyPolicy('p');
    await eventually(async () => expect(await scene.events('p')).toHaveLength(1));
    const [event] = await scene.cluster.list({ apiVersion: 'events.k8s.io/v1', kind: 'Event' });
    expect(event).toMatchObject({
      type: 'Normal',
      action: 'Judge',
      reportingController: 'shadowtap.dev/shadowtap-controller',
      regarding: { kind: 'MirrorPolicy', namespace: NAMESPACE, name: 'p', uid: metadata.uid },
    });
  });
});

describe('writes', () => {
  it('of figures are rare, and those of conditions come at once', async () => {
    const agent = await scene.startAgent('node-a', mirroring(0));
    await scene.startController();
    await scene.applyPolicy('p');
    await scene.untilCondition('p', 'Programmed=True Programmed');
    scene.faults.forgetRequests();
    const asked = agent.asked;
    for (let mirrored = 1; mirrored <= 20; mirrored += 1) {
      agent.stats = mirroring(mirrored);
      await sleep(150);
    }
    expect(agent.asked - asked).toBeGreaterThan(5);
    expect(scene.statusWrites()).toEqual([]);
    const beganMs = performance.now();
    await scene.cluster.delete({ apiVersion: 'v1', kind: 'Service', metadata: { namespace: NAMESPACE, name: 'next' } });
    await scene.untilCondition('p', 'ResolvedRefs=False BackendNotFound');
    expect(performance.now() - beganMs).toBeLessThan(3_000);
    expect((await scene.status('p')).counts?.mirrored).toBe(20);
    expect(scene.statusWrites()).toHaveLength(1);
  });

  it('of figures come after a while', async () => {
    const agent = await scene.startAgent('node-a', mirroring(0));
    await scene.startController();
    await scene.applyPolicy('p');
    await scene.untilCondition('p', 'Programmed=True Programmed');
    scene.faults.forgetRequests();
    agent.stats = mirroring(7);
    await eventually(async () => expect((await scene.status('p')).counts?.mirrored).toBe(7), 15_000);
    expect(scene.statusWrites()).toHaveLength(1);
  });

  it('go on at a bounded rate when many policies change at once', { timeout: 60_000 }, async () => {
    const count = 200;
    for (let index = 0; index < count; index += 1) await scene.applyPolicy(`p${index}`);
    await scene.startController();
    await eventually(async () => expect(scene.statusWrites().filter(({ status }) => status === 200).length).toBeGreaterThanOrEqual(count), 40_000);
    const times = scene.statusWrites().map(({ at }) => at).sort((a, b) => a - b);
    for (const [index, at] of times.slice(20).entries()) expect(at - times[index]!).toBeGreaterThan(900);
    await sleep(1_000);
    // One for each: none was written twice on the way.
    expect(scene.statusWrites()).toHaveLength(count);
  });

  it('put right what somebody else has written into the status', async () => {
    await scene.startAgent('node-a', mirroring(0));
    await scene.startController();
    const policy = await scene.applyPolicy('p');
    await scene.untilCondition('p', 'Programmed=True Programmed');
    const wrong = { type: 'Accepted', status: 'False', reason: 'Mischief', message: '', lastTransitionTime: '2027-01-01T00:00:00Z' };
    await scene.cluster.patch(policy, { status: { conditions: [wrong] } }, { subresource: 'status' });
    await scene.untilConditions('p', 'Accepted=True Accepted', 'ResolvedRefs=True ResolvedRefs', 'Programmed=True Programmed', 'Degraded=False Healthy');
  });

  it('never land on another policy of the same name', async () => {
    await scene.startController();
    await scene.applyPolicy('p', { targets: [{ url: 'http://198.51.100.1' }] });
    await scene.untilCondition('p', 'Accepted=False NotPermitted');
    await scene.deletePolicy('p');
    const { metadata } = await scene.applyPolicy('p');
    await scene.untilCondition('p', 'Accepted=True Accepted');
    expect((await scene.policyObject('p'))?.metadata.uid).toBe(metadata.uid);
    expect((await scene.status('p')).observedGeneration).toBe(1);
  });

  it('stop with the API server, and go on with it', async () => {
    const agent = await scene.startAgent('node-a', mirroring(0));
    await scene.startController();
    await scene.applyPolicy('p');
    await scene.untilCondition('p', 'Programmed=True Programmed');
    await scene.faults.unavailable();
    agent.stats = agentStats('node-a', []);
    await sleep(4_000);
    await scene.faults.available();
    await scene.untilCondition('p', 'Programmed=False NoPods');
  });

  it('go on where a single one is refused', async () => {
    await scene.startController();
    scene.faults.answer({ verb: 'patch', resource: 'mirrorpolicies', subresource: 'status', name: 'bad' }, { status: 409 });
    await scene.applyPolicy('bad');
    await scene.applyPolicy('p');
    await scene.untilCondition('p', 'Accepted=True Accepted');
    scene.faults.clear();
    await scene.untilCondition('bad', 'Accepted=True Accepted');
  });

  it('do not mind what a node that has been taken over says', async () => {
    const good = await scene.startAgent('node-a', mirroring(5));
    const evil = await scene.startAgent('node-b');
    await scene.startController();
    await scene.applyPolicy('p');
    await scene.untilCondition('p', 'Programmed=True Programmed');
    const stats = mirroring(0);
    const huge = { policy: POLICY, outcome: 'mirrored', count: Infinity, reason: '' };
    const policies = [{ policy: POLICY, generation: 'x', conditions: [{ type: 'T', status: 'False', reason: 'no word!', message: 'm'.repeat(9_000) }], endpoints: [null, 'shop/z'] }, null];
    for (const said of [null, 'x', [], { ledger: {}, endpoints: [], tap: {} }, { ...stats, ledger: { requests: [null, huge, { ...huge, count: '7' }], copies: [null, { ...huge, target: 5 }] }, cluster: { policies } }]) {
      evil.stats = said;
      const asked = evil.asked;
      await eventually(async () => expect(evil.asked).toBeGreaterThan(asked + 1));
    }
    await scene.untilCondition('p', 'Programmed=False Pending');
    const { counts } = await scene.status('p');
    expect(counts).toEqual({ seen: 5, mirrored: 5, failed: 0, shed: 0, incomplete: 0, other: 0 });
    expect(good.asked).toBeGreaterThan(9);
    expect(scene.statusWrites().filter(({ status }) => status >= 400)).toEqual([]);
  });
});

describe('controllers', () => {
  it('write one at a time, and the next goes on at once where one stops', async () => {
    const [one, two] = [await scene.startController({ identity: 'one' }), await scene.startController({ identity: 'two' })];
    await eventually(async () => expect(one.controller.stats().leading).toBe(true));
    await scene.applyPolicy('p');
    await scene.untilCondition('p', 'Accepted=True Accepted');
    expect(two.controller.stats()).toMatchObject({ leading: false, statusWrites: 0 });
    const beganMs = performance.now();
    await one.stop();
    await eventually(async () => expect(two.controller.stats().leading).toBe(true));
    expect(performance.now() - beganMs).toBeLessThan(2_000);
    await scene.applyPolicy('q');
    await scene.untilCondition('q', 'Accepted=True Accepted');
    expect(await scene.events('p')).toHaveLength(1);
  });

  it('wait for the end of the lease of one that has died, whatever the clocks say', async () => {
    const one = await scene.startController({ identity: 'one' });
    await eventually(async () => expect(one.controller.stats().leading).toBe(true));
    scene.faults.clockSkew(-3_600_000);
    // Its process is gone, as far as the API server can tell.
    one.api.call = () => Promise.reject(new Error('killed'));
    const diedMs = performance.now();
    const two = await scene.startController({ identity: 'two' });
    while (!two.controller.stats().leading) {
      expect(performance.now() - diedMs).toBeLessThan(6_000);
      await sleep(20);
    }
    expect(performance.now() - diedMs).toBeGreaterThan(2_400);
    expect(one.controller.stats().leading).toBe(false);
  });
});
