import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { PlanReport } from '../../src/cli/plan.ts';
import { linksOf, outcomes, runCommand } from '../support/agent.ts';
import { curl } from '../support/clients.ts';
import { requireKernel } from '../support/kernel.ts';
import { HOST } from '../support/network.ts';
import { startLoad } from '../support/steady-load.ts';
import { namespace } from '../support/manifests.ts';
import { createClusterScene, type ClusterScene, type ScenePod } from './cluster-scene.ts';

/** What a user may wait for after `kubectl label` or `kubectl apply`. */
const PROMISED_MS = 2_000;
const SELECTOR = { matchLabels: { app: 'checkout' } };
const TO_NEXT = [{ backendRef: { name: 'next', port: 80 } }];

/** An app and its mirror on one node. */
async function createShop(scene: ClusterScene): Promise<{ app: ScenePod; next: ScenePod }> {
  const app = await scene.createPod({ name: 'app', labels: { app: 'checkout' } });
  const next = await scene.createPod({ name: 'next', labels: { app: 'next' } });
  await scene.createService('next', { app: 'next' });
  return { app, next };
}

function tapped(scene: ClusterScene, count: number, node = 'node-a', timeoutMs = PROMISED_MS): Promise<unknown> {
  return scene.agent(node).until(({ endpoints }) => endpoints.length === count && endpoints.every(({ attached }) => attached), timeoutMs);
}

function targets(requests: readonly { readonly target: string }[]): string[] {
  return requests.map(({ target }) => target);
}

describe.skipIf(!requireKernel())('a pod in a cluster', () => {
  it('is mirrored within two seconds of being labelled, and no longer when the label goes', async () => {
    await using scene = await createClusterScene();
    const { app, next } = await createShop(scene);
    await scene.startAgents();
    await curl(HOST, `${app.url}/before`);
    await app.label({ 'shadowtap.dev/mirror-to': 'next' });
    await tapped(scene, 1);
    await curl(HOST, `${app.url}/labelled`);
    await next.app.waitFor(1);
    await app.label({ 'shadowtap.dev/mirror-to': null });
    await tapped(scene, 0);
    await curl(HOST, `${app.url}/after`);
    const { ledger } = await scene.agent().settled(1);
    expect(outcomes(ledger)).toEqual({ 'mirrored 2xx': 1 });
    expect(targets(await next.app.requests())).toEqual(['/labelled']);
    expect(linksOf(scene.agent().process.pid)).toEqual([]);
  });

  it('is mirrored by a policy within two seconds of its being applied, as it says, until it is deleted', async () => {
    await using scene = await createClusterScene();
    const { app, next } = await createShop(scene);
    await scene.createPod({ name: 'other', labels: { app: 'other' } });
    await scene.startAgents();
    await scene.applyPolicy('p', { selector: SELECTOR, ports: ['http'], matches: [{ path: { type: 'PathPrefix', value: '/api' } }], targets: TO_NEXT });
    await tapped(scene, 1);
    await curl(HOST, `${app.url}/api/1`);
    await curl(HOST, `${app.url}/home`);
    await next.app.waitFor(1);
    expect(outcomes((await scene.agent().settled(2)).ledger)).toEqual({ 'mirrored 2xx': 1, unmatched: 1 });
    await scene.applyPolicy('p', { selector: SELECTOR, ports: ['http'], sample: { percent: 0 }, targets: TO_NEXT });
    await scene.agent().until(({ cluster }) => cluster?.policies[0]?.generation === 2, PROMISED_MS);
    await curl(HOST, `${app.url}/api/2`);
    expect(outcomes((await scene.agent().settled(3)).ledger)).toMatchObject({ 'sampled-out': 1 });
    await scene.cluster.delete({ apiVersion: 'shadowtap.dev/v1alpha1', kind: 'MirrorPolicy', metadata: { namespace: 'shop', name: 'p' } });
    await tapped(scene, 0);
    expect(targets(await next.app.requests())).toEqual(['/api/1']);
  });

  it('is no longer tapped when it is deleted, and one of the same name is tapped anew', async () => {
    await using scene = await createClusterScene();
    const { app, next } = await createShop(scene);
    await scene.applyPolicy('p', { selector: SELECTOR, targets: TO_NEXT });
    await scene.startAgents();
    await tapped(scene, 1);
    await curl(HOST, `${app.url}/old`);
    await next.app.waitFor(1);
    await scene.deletePod(app);
    await tapped(scene, 0);
    expect(linksOf(scene.agent().process.pid)).toEqual([]);
    const again = await scene.createPod({ name: 'app', labels: { app: 'checkout' } });
    await tapped(scene, 1);
    await curl(HOST, `${again.url}/new`);
    await next.app.waitFor(2);
    expect(outcomes((await scene.agent().settled(2)).ledger)).toEqual({ 'mirrored 2xx': 2 });
  });

  it('is asked for by address family, and only requests of the sources that `from` names are mirrored', async () => {
    await using scene = await createClusterScene();
    const { app, next } = await createShop(scene);
    const web = await scene.createPod({ name: 'web', labels: { app: 'web' } });
    const batch = await scene.createPod({ name: 'batch', labels: { app: 'batch' } });
    await scene.applyPolicy('p', { selector: SELECTOR, from: [{ podSelector: { matchLabels: { app: 'web' } } }], targets: TO_NEXT });
    await scene.startAgents();
    await tapped(scene, 1);
    await curl(web.kube.netns, `${app.url}/web`);
    await curl(web.kube.netns, `http://[${app.kube.netns.address6}]:8080/web6`);
    await curl(batch.kube.netns, `${app.url}/batch`);
    await next.app.waitFor(2);
    expect(outcomes((await scene.agent().settled(3)).ledger)).toEqual({ 'mirrored 2xx': 2, unmatched: 1 });
    expect(targets(await next.app.requests())).toEqual(['/web', '/web6']);
  });
});

describe.skipIf(!requireKernel())('a target in a cluster', () => {
  it('that is no Service, or one that leads elsewhere, gets nothing; the condition and a metric say why, and it works once it is there', async () => {
    await using scene = await createClusterScene();
    const app = await scene.createPod({ name: 'app', labels: { app: 'checkout' } });
    const next = await scene.createPod({ name: 'next', labels: { app: 'next' } });
    await scene.createService('away', null, { spec: { type: 'ExternalName', externalName: 'elsewhere.example' } });
    await scene.applyPolicy('p', { selector: SELECTOR, targets: TO_NEXT });
    await scene.applyPolicy('q', { selector: SELECTOR, targets: [{ backendRef: { name: 'away', port: 80 } }] });
    await scene.startAgents();
    await tapped(scene, 1);
    const reasons = async (): Promise<Record<string, string[]>> =>
      Object.fromEntries((await scene.agent().stats()).cluster!.policies.map(({ policy, conditions }) => [policy, conditions.map(({ reason }) => reason)]));
    expect(await reasons()).toEqual({ 'shop/p': ['Accepted', 'BackendNotFound'], 'shop/q': ['Accepted', 'UnsupportedService'] });
    expect(await (await scene.agent().page('/metrics')).text()).toContain('shadowtap_policy_condition{policy="shop/p",type="ResolvedRefs",reason="BackendNotFound"} 0\n');
    await curl(HOST, `${app.url}/lost`);
    expect(outcomes((await scene.agent().settled(1)).ledger)).toEqual({ 'failed connect': 1 });
    await scene.createService('next', { app: 'next' });
    await expect.poll(reasons, { timeout: PROMISED_MS }).toMatchObject({ 'shop/p': ['Accepted', 'ResolvedRefs'] });
    await curl(HOST, `${app.url}/found`);
    await next.app.waitFor(1);
  });

  it('in another namespace is used while a ReferenceGrant there allows it', async () => {
    await using scene = await createClusterScene();
    await scene.cluster.apply(REFERENCE_GRANT_CRD, namespace('mirrors'));
    const app = await scene.createPod({ name: 'app', labels: { app: 'checkout' } });
    const next = await scene.createPod({ name: 'next', namespace: 'mirrors', labels: { app: 'next' } });
    await scene.createService('next', { app: 'next' }, { namespace: 'mirrors' });
    await app.label({ 'shadowtap.dev/mirror-to': 'next.mirrors' });
    await scene.startAgents();
    await tapped(scene, 1);
    await curl(HOST, `${app.url}/refused`);
    await scene.agent().settled(1);
    const grant = { apiVersion: 'gateway.networking.k8s.io/v1beta1', kind: 'ReferenceGrant', metadata: { namespace: 'mirrors', name: 'shop' } };
    const from = [{ group: 'shadowtap.dev', kind: 'MirrorPolicy', namespace: 'shop' }];
    await scene.cluster.apply({ ...grant, spec: { from, to: [{ group: '', kind: 'Service', name: 'next' }] } });
    await scene.agent().until(({ cluster }) => cluster?.policies[0]?.conditions[1]?.status === 'True', PROMISED_MS);
    await curl(HOST, `${app.url}/granted`);
    await next.app.waitFor(1);
    await scene.cluster.delete(grant);
    await scene.agent().until(({ cluster }) => cluster?.policies[0]?.conditions[1]?.reason === 'RefNotPermitted', PROMISED_MS);
    await curl(HOST, `${app.url}/taken-away`);
    expect(outcomes((await scene.agent().settled(3)).ledger)).toEqual({ 'mirrored 2xx': 1, 'failed connect': 2 });
    expect(targets(await next.app.requests())).toEqual(['/granted']);
  });

  it('outside the cluster is for the administrator to allow', async () => {
    await using scene = await createClusterScene();
    const { app, next } = await createShop(scene);
    await scene.applyPolicy('p', { selector: SELECTOR, targets: [{ url: next.url }] });
    await scene.startAgents();
    await scene.agent().until(({ cluster }) => cluster?.policies[0]?.conditions[0]?.reason === 'NotPermitted', PROMISED_MS);
    await curl(HOST, `${app.url}/no`);
    expect((await scene.agent().stats()).endpoints).toEqual([]);
    await scene.agent().stop();
    await using allowing = await scene.startAgent('node-a', { allowExternalTargets: true });
    await tapped(scene, 1);
    await curl(HOST, `${app.url}/yes`);
    await next.app.waitFor(1);
    expect(targets(await next.app.requests())).toEqual(['/yes']);
    await allowing.settled(1);
  });
});

describe.skipIf(!requireKernel())('agents of two nodes', () => {
  it('account for every request while pods are labelled, scaled, rolled and deleted under load', async () => {
    await using scene = await createClusterScene({ nodes: ['node-a', 'node-b'] });
    const next = await scene.createPod({ name: 'next', node: 'node-b', labels: { app: 'next' } });
    await scene.createService('next', { app: 'next' });
    const first = await scene.createPod({ name: 'v1a', node: 'node-a', labels: { app: 'checkout' } });
    await scene.applyPolicy('p', { selector: SELECTOR, targets: TO_NEXT });
    await scene.startAgents();
    await tapped(scene, 1, 'node-a');

    // Scaled: another pod on the other node, and both get requests.
    const second = await scene.createPod({ name: 'v1b', node: 'node-b', labels: { app: 'checkout' } });
    await tapped(scene, 1, 'node-b');
    let sent = 0;
    {
      await using loads = new AsyncDisposableStack();
      const a = loads.use(startLoad(`${first.url}/a`));
      const b = loads.use(startLoad(`${second.url}/b`));
      await sleep(500);
      // Relabelled: other labels beside the selected one change nothing for requests under way.
      await first.label({ version: 'v1', canary: 'yes' });
      await sleep(300);
      sent += (await a.stop()) + (await b.stop());
    }
    expect(await next.app.waitFor(sent, 10_000)).toHaveLength(sent);

    // Rolled: the new pod is tapped before the old one goes.
    const third = await scene.createPod({ name: 'v2a', node: 'node-a', labels: { app: 'checkout' } });
    await tapped(scene, 2, 'node-a');
    const c = startLoad(`${third.url}/c`);
    await sleep(200);
    await scene.deletePod(first);
    await tapped(scene, 1, 'node-a');
    await sleep(300);
    sent += await c.stop();

    // Relabelled away: from then on nothing is seen of it.
    await second.label({ app: 'retired' });
    await tapped(scene, 0, 'node-b');
    await curl(HOST, `${second.url}/retired`);
    await next.app.waitFor(sent, 10_000);
    const [a, b] = [await scene.agent('node-a').stop(), await scene.agent('node-b').stop()];
    expect([a.seen + b.seen, outcomes(a)['mirrored 2xx']! + outcomes(b)['mirrored 2xx']!]).toEqual([sent, sent]);
    expect(Object.keys({ ...outcomes(a), ...outcomes(b) })).toEqual(['mirrored 2xx']);
    expect(await next.app.count()).toBe(sent);
  });
});

describe.skipIf(!requireKernel())('an agent whose API server fails', () => {
  it('goes on mirroring with what it knows while the server is away, and follows again when it is back', async () => {
    await using scene = await createClusterScene({ faulty: true });
    const { app, next } = await createShop(scene);
    const { faults } = scene;
    await scene.applyPolicy('p', { selector: SELECTOR, targets: TO_NEXT });
    await scene.startAgents();
    await tapped(scene, 1);
    const links = linksOf(scene.agent().process.pid);
    const load = startLoad(`${app.url}/on`);
    await faults.unavailable();
    await scene.agent().until(({ cluster }) => cluster!.watches.some(({ state }) => state === 'failing'), 5_000);
    await sleep(1_000);
    expect((await scene.agent().page('/readyz')).status).toBe(200);
    await faults.available();
    await scene.agent().until(({ cluster }) => cluster!.watches.every(({ problem, state }) => problem === '' || state === 'missing'), 60_000);
    await app.label({ 'shadowtap.dev/mirror-to': 'next' });
    await scene.agent().until(({ cluster }) => cluster!.policies.length === 2, PROMISED_MS);
    const sent = await load.stop();
    // From now on two policies send a copy each.
    await next.app.waitFor(sent, 10_000);
    const { ledger } = await scene.agent().settled(sent);
    expect(outcomes(ledger)).toEqual({ 'mirrored 2xx': sent });
    expect(linksOf(scene.agent().process.pid)).toEqual(links);
  });

  it('lists again when its versions are gone, without letting go of a pod or a connection', async () => {
    await using scene = await createClusterScene({ faulty: true });
    const { app, next } = await createShop(scene);
    const { faults } = scene;
    await scene.applyPolicy('p', { selector: SELECTOR, targets: TO_NEXT });
    await scene.startAgents();
    await tapped(scene, 1);
    const links = linksOf(scene.agent().process.pid);
    const lists = async (): Promise<number> => (await scene.agent().stats()).cluster!.watches.reduce((sum, watch) => sum + watch.lists, 0);
    const before = await lists();
    const load = startLoad(`${app.url}/on`);
    for (let round = 0; round < 3; round++) {
      await scene.applyPolicy(`elsewhere-${round}`, { selector: { matchLabels: { app: 'nobody' } }, targets: TO_NEXT });
      faults.compact();
      faults.expireWatches();
      await sleep(700);
    }
    await expect.poll(lists, { timeout: 10_000 }).toBeGreaterThan(before + 6);
    const sent = await load.stop();
    await next.app.waitFor(sent, 10_000);
    expect(outcomes((await scene.agent().settled(sent)).ledger)).toEqual({ 'mirrored 2xx': sent });
    expect(linksOf(scene.agent().process.pid)).toEqual(links);
  });

  it('starts while the server is away, says so, and begins when it is there', async () => {
    await using scene = await createClusterScene({ faulty: true });
    const { app, next } = await createShop(scene);
    const { faults } = scene;
    await scene.applyPolicy('p', { selector: SELECTOR, targets: TO_NEXT });
    await faults.unavailable();
    await scene.startAgent('node-a', {}, false);
    const page = await scene.agent().page('/readyz');
    expect([page.status, await page.text()]).toEqual([503, expect.stringContaining('the cluster has not been heard yet')]);
    await faults.available();
    await tapped(scene, 1, 'node-a', 60_000);
    await curl(HOST, `${app.url}/there`);
    await next.app.waitFor(1);
  });
});

const REFERENCE_GRANT_CRD = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'referencegrants.gateway.networking.k8s.io', annotations: { 'api-approved.kubernetes.io': 'unapproved, for tests' } },
  spec: {
    group: 'gateway.networking.k8s.io',
    scope: 'Namespaced',
    names: { kind: 'ReferenceGrant', plural: 'referencegrants', singular: 'referencegrant' },
    versions: [{ name: 'v1beta1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } } } } }],
  },
};

describe.skipIf(!requireKernel())('shadowtap plan on a node', () => {
  it('says what the policies of the cluster would send of its pods, and sends nothing', async () => {
    await using scene = await createClusterScene();
    const { app, next } = await createShop(scene);
    await scene.applyPolicy('p', { selector: SELECTOR, targets: TO_NEXT });
    const plan = runCommand(['plan', '--for', '4s', '-o', 'json'], { spec: { tap: 'ebpf:tcx', kubernetes: scene.kubernetes('node-a') } });
    await expect.poll(() => linksOf(plan.pid).length, { timeout: 20_000 }).toBeGreaterThan(2);
    for (let i = 0; i < 3; i++) await curl(HOST, `${app.url}/${i}`);
    const { code, stdout, stderr } = await plan.finished;
    expect(code, stderr).toBe(0);
    const report = JSON.parse(stdout) as PlanReport;
    expect(report).toMatchObject({ requestsSeen: 3, targets: [{ policy: 'shop/p', target: 'http://next.shop.svc', methods: { GET: 3 } }], left: [] });
    expect(await next.app.count()).toBe(0);
  });
});
