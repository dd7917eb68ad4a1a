import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { agentStats } from '../support/agent-stats.ts';
import { REFERENCE_GRANT_CRD } from '../support/route-crds.ts';
import { createControllerScene, NAMESPACE, type ControllerScene } from './scene.ts';

let scene: ControllerScene;
beforeEach(async () => {
  scene = await createControllerScene();
});
afterEach(async () => {
  await scene[Symbol.asyncDispose]();
});

const POLICY = `${NAMESPACE}/p`;
const TARGET = 'http://next.shop.svc';
const HEALTHY = ['Accepted=True Accepted', 'ResolvedRefs=True ResolvedRefs', 'Programmed=True Programmed', 'Degraded=False Healthy'] as const;

/** An agent that does what policy p says in one pod. */
function tapping(node: string, mirrored = 0, more: object = {}): ReturnType<typeof agentStats> {
  const copies = { [TARGET]: { mirrored } };
  return agentStats(node, [{ policy: POLICY, pods: { [`shop/${node}`]: '' }, requests: { mirrored }, copies, ...more }]);
}

describe('the status of a policy', () => {
  it('says that all is well, with the sums of all nodes', async () => {
    await scene.applyService('next');
    await scene.startAgent('node-a', tapping('node-a', 30));
    await scene.startAgent('node-b', tapping('node-b', 12, { requests: { mirrored: 12, shed: 3, 'sampled-out': 5 }, copies: { [TARGET]: { mirrored: 12, failed: 1 } } }));
    await scene.startController();
    const { metadata } = await scene.applyPolicy('p');
    await scene.untilConditions('p', ...HEALTHY);
    const { countedAt, conditions, ...rest } = await scene.status('p');
    expect(rest).toEqual({
      observedGeneration: metadata.generation,
      nodes: 2,
      endpoints: 2,
      counts: { seen: 50, mirrored: 42, failed: 0, shed: 3, incomplete: 0, other: 5 },
      share: 100,
      targets: [{ target: TARGET, mirrored: 42, failed: 1, shed: 0 }],
    });
    expect(countedAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    expect(conditions!.map(({ observedGeneration }) => observedGeneration)).toEqual([1, 1, 1, 1]);
    expect(scene.denials()).toEqual([]);
  });

  it('says that no agent runs', async () => {
    await scene.applyService('next');
    await scene.startController();
    await scene.applyPolicy('p');
    await scene.untilConditions('p', 'Accepted=True Accepted', 'ResolvedRefs=True ResolvedRefs', 'Programmed=Unknown NoAgents', 'Degraded=False Healthy');
    expect((await scene.condition('p', 'Programmed')).message).toBe('no agent runs; apply the DaemonSet');
  });

  it('says that no agent answers', async () => {
    const agent = await scene.startAgent('node-a');
    await agent[Symbol.asyncDispose]();
    await scene.startController();
    await scene.applyPolicy('p');
    await scene.untilCondition('p', 'Programmed=Unknown NoAgents');
    expect((await scene.condition('p', 'Programmed')).message).toMatch(/^no agent answers/);
  });

  it('says that no pod fits, that agents have not followed yet, and that no pod is tapped', async () => {
    await scene.applyService('next');
    const agent = await scene.startAgent('node-a');
    await scene.startController();
    await scene.applyPolicy('p');
    await scene.untilCondition('p', 'Programmed=False NoPods');
    agent.stats = tapping('node-a', 0, { generation: 0 });
    await scene.untilCondition('p', 'Programmed=False Pending');
    agent.stats = tapping('node-a', 0, { pods: { 'shop/a': 'its namespace is gone' } });
    await scene.untilCondition('p', 'Programmed=False EndpointsNotTapped');
    expect((await scene.condition('p', 'Programmed')).message).toBe('none of its pods is tapped, such as shop/a: its namespace is gone');
    agent.stats = tapping('node-a');
    await scene.untilConditions('p', ...HEALTHY);
  });

  it('goes with the generation, and a transition has its time only when its status changes', async () => {
    await scene.applyService('next');
    const agent = await scene.startAgent('node-a', tapping('node-a'));
    await scene.startController();
    await scene.applyPolicy('p');
    await scene.untilConditions('p', ...HEALTHY);
    const before = (await scene.status('p')).conditions!;
    await sleep(1_100);
    await scene.applyPolicy('p', { sample: { percent: 10 } });
    await scene.untilCondition('p', 'Programmed=False Pending');
    const pending = await scene.status('p');
    expect(pending.observedGeneration).toBe(2);
    expect(pending.conditions!.map(({ observedGeneration }) => observedGeneration)).toEqual([2, 2, 2, 2]);
    const moved = pending.conditions!.filter((now, index) => now.lastTransitionTime !== before[index]!.lastTransitionTime);
    expect(moved.map(({ type }) => type)).toEqual(['Programmed']);
    agent.stats = tapping('node-a', 0, { generation: 2 });
    await scene.untilConditions('p', ...HEALTHY);
  });

  it('tells of a Service that is missing, that appears, that has nobody behind it, and that leads elsewhere', async () => {
    await scene.startAgent('node-a', tapping('node-a'));
    await scene.startController();
    await scene.applyPolicy('p');
    await scene.untilCondition('p', 'ResolvedRefs=False BackendNotFound');
    expect((await scene.condition('p', 'ResolvedRefs')).message).toBe('there is no Service shop/next');
    await scene.applyService('next', { ready: [] });
    await scene.untilCondition('p', 'Degraded=True NoReadyEndpoints');
    expect(await scene.conditions('p')).toContain('ResolvedRefs=True ResolvedRefs');
    await scene.applyService('next');
    await scene.untilConditions('p', ...HEALTHY);
    await scene.cluster.patch({ apiVersion: 'v1', kind: 'Service', metadata: { namespace: NAMESPACE, name: 'next' } }, { spec: { ports: [{ port: 81 }] } });
    await scene.untilCondition('p', 'ResolvedRefs=False PortNotFound');
    await scene.cluster.delete({ apiVersion: 'v1', kind: 'Service', metadata: { namespace: NAMESPACE, name: 'next' } });
    const spec = { type: 'ExternalName', externalName: 'example.com', ports: [{ port: 80 }] };
    await scene.cluster.apply({ apiVersion: 'v1', kind: 'Service', metadata: { namespace: NAMESPACE, name: 'next' }, spec });
    await scene.untilCondition('p', 'ResolvedRefs=False UnsupportedService');
  });

  it('tells of a permission of another namespace, given and taken away', async () => {
    await scene.cluster.apply(REFERENCE_GRANT_CRD, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'other' } });
    await scene.applyService('next', { ns: 'other' });
    await scene.startAgent('node-a', tapping('node-a'));
    await scene.startController();
    await scene.applyPolicy('p', { targets: [{ backendRef: { name: 'next', namespace: 'other', port: 80 } }] });
    await scene.untilCondition('p', 'ResolvedRefs=False RefNotPermitted');
    const grant = { apiVersion: 'gateway.networking.k8s.io/v1beta1', kind: 'ReferenceGrant', metadata: { namespace: 'other', name: 'shop' } };
    await scene.cluster.apply({ ...grant, spec: { from: [{ group: 'shadowtap.dev', kind: 'MirrorPolicy', namespace: NAMESPACE }], to: [{ group: '', kind: 'Service' }] } });
    await scene.untilConditions('p', ...HEALTHY);
    await scene.cluster.delete(grant);
    await scene.untilCondition('p', 'ResolvedRefs=False RefNotPermitted');
  });

  it('tells what the API server let through and agents refuse', async () => {
    await scene.startAgent('node-a');
    await scene.startController();
    await scene.applyPolicy('p', { matches: [{ path: { type: 'RegularExpression', value: '(' } }] });
    await scene.untilConditions('p', 'Accepted=False Invalid', 'Programmed=False Invalid', 'Degraded=False Healthy');
    expect((await scene.condition('p', 'Accepted')).message).toMatch(/^spec\.matches\[0\]\.path: value "\(" is not allowed; /);
  });

  it('tells what the administrator has not allowed', async () => {
    await scene.startAgent('node-a');
    await scene.startController();
    await scene.applyPolicy('p', { targets: [{ url: 'http://198.51.100.1' }] });
    await scene.untilCondition('p', 'Accepted=False NotPermitted');
  });

  it('is degraded while pods are not tapped, copies fail or are shed, or an agent cannot read a file', async () => {
    await scene.applyService('next');
    const agent = await scene.startAgent('node-a', tapping('node-a'));
    await scene.startController();
    await scene.applyPolicy('p');
    await scene.untilConditions('p', ...HEALTHY);
    agent.stats = tapping('node-a', 0, { pods: { 'shop/a': '', 'shop/b': 'no such cgroup' } });
    await scene.untilCondition('p', 'Degraded=True EndpointsNotTapped');
    expect((await scene.condition('p', 'Degraded')).message).toBe('not all pods are tapped, such as shop/b: no such cgroup');
    agent.stats = tapping('node-a', 0, { requests: { failed: 100 } });
    await scene.untilCondition('p', 'Degraded=True CopiesFail');
    agent.stats = tapping('node-a', 0, { requests: { failed: 100, shed: 100 } });
    await scene.untilCondition('p', 'Degraded=True CopiesShed');
    agent.stats = tapping('node-a', 100, { requests: { failed: 100, shed: 100, mirrored: 100 } });
    await scene.untilConditions('p', ...HEALTHY);
    const unreadable = { type: 'ResolvedRefs', status: 'False', reason: 'FileUnreadable', message: 'ca.pem: there is no such file' };
    agent.stats = tapping('node-a', 100, { requests: { failed: 100, shed: 100, mirrored: 100 }, conditions: [unreadable] });
    await scene.untilCondition('p', 'Degraded=True FileUnreadable');
  });
});
