import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { linksOf } from '../support/agent.ts';
import { connect, curl } from '../support/clients.ts';
import { requireKernel } from '../support/kernel.ts';
import { HOST } from '../support/network.ts';
import { run } from '../support/netns.ts';
import { startRecorder } from '../support/servers/recorder.ts';
import { createNodeScene, PORT, type KubePod, type NodeScene, type TapName } from './pods-scene.ts';

/** Longer than a locator rests between two looks at the node. */
const RESTED_MS = 1100;
const TAPPED = [''];

/** Links of ours that are attached, by their ids: whatever was attached anew has another. */
const links = (): number[] => linksOf(process.pid).sort((a, b) => a - b);

const filtersIn = (pod: KubePod): number =>
  ['ingress', 'egress'].reduce((sum, side) => sum + run('tc', '-n', pod.netns.namespace, 'filter', 'show', 'dev', 'eth0', side).split(' tap_tc_').length - 1, 0);

async function expectSeen(scene: NodeScene, targets: readonly string[], endpoint = 1): Promise<void> {
  await expect.poll(() => scene.seen(endpoint).length, { timeout: 5000 }).toBeGreaterThanOrEqual(targets.length);
  await scene.recorder.quiet();
  expect(scene.seen(endpoint)).toEqual(targets);
}

describe.skipIf(!requireKernel())('a pod of this node', () => {
  it.each<[TapName, 'systemd' | 'cgroupfs']>([
    ['tcx', 'systemd'],
    ['tcx', 'cgroupfs'],
    ['cgroup', 'systemd'],
    ['cgroup', 'cgroupfs'],
    ['clsact', 'systemd'],
    ['pcap', 'cgroupfs'],
  ])('is found and tapped by %s under the %s driver, both families', async (tap, driver) => {
    await using scene = await createNodeScene({ tap });
    const pod = await scene.createPod('a', driver);
    const other = await scene.createPod('b', driver);
    await using _app = await pod.startApp();
    await using _other = await other.startApp();
    expect(await scene.tap({ place: pod.place })).toEqual(TAPPED);
    await pod.request('/four');
    await pod.request('/six', { address: pod.netns.address6 });
    await other.request('/not-ours');
    await expectSeen(scene, ['/four', '/six']);
  });

  it('is found through /proc alone where there is no cgroup v2', async () => {
    await using scene = await createNodeScene({ locator: { cgroup: null } });
    const pod = await scene.createPod('a');
    await using _app = await pod.startApp();
    expect(await scene.tap({ place: pod.place })).toEqual(TAPPED);
    await pod.request('/v1');
    await expectSeen(scene, ['/v1']);
  });

  it.each<TapName>(['tcx', 'clsact', 'cgroup'])('is tapped by %s at its cgroup where /proc does not show it', async (tap) => {
    const proc = mkdtempSync(join(tmpdir(), 'shadowtap-proc-'));
    onTestFinished(() => rmSync(proc, { recursive: true }));
    await using scene = await createNodeScene({ tap, locator: { proc } });
    const pod = await scene.createPod('a');
    const other = await scene.createPod('b');
    await using _app = await pod.startApp();
    await using _other = await other.startApp();
    expect(await scene.tap({ place: pod.place })).toEqual(TAPPED);
    await pod.request('/cgroup');
    await other.request('/not-ours');
    await expectSeen(scene, ['/cgroup']);
  });

  it('is not there before its sandbox is, and is tapped as soon as it is looked at again', async () => {
    await using scene = await createNodeScene();
    const pod = await scene.createPod('a');
    await pod.killSandbox();
    expect(await scene.tap({ place: pod.place })).toEqual([expect.stringContaining('no process of pod')]);
    // A helper of the runtime's is there before the sandbox: what it has is the node's network.
    await pod.startHelper();
    await sleep(RESTED_MS);
    expect(await scene.check()).toEqual([expect.stringContaining('no network of its own yet')]);
    await pod.startSandbox();
    await sleep(RESTED_MS);
    expect(await scene.check()).toEqual(TAPPED);
    await using _app = await pod.startApp();
    await pod.request('/first');
    await expectSeen(scene, ['/first']);
  });

  it('gets other ports without being attached anew', async () => {
    await using scene = await createNodeScene();
    const pod = await scene.createPod('a');
    await using _one = await pod.startApp(PORT);
    await using _two = await pod.startApp(9090);
    await scene.tap({ place: pod.place });
    const before = links();
    await pod.request('/one');
    await pod.killSandbox();
    expect(await scene.tap({ place: pod.place, ports: [9090] })).toEqual(TAPPED);
    await pod.request('/none');
    await pod.request('/two', { port: 9090 });
    await expectSeen(scene, ['/one', '/two']);
    expect(links()).toEqual(before);
  });

  it('is found anew only so often, however many pods are missing', async () => {
    await using scene = await createNodeScene();
    const missing = Array.from({ length: 110 }, (_, i) => ({ id: i + 1, place: { cgroupUid: `00000000-0000-4000-8000-${String(i).padStart(12, '0')}` } }));
    const began = process.cpuUsage();
    for (let i = 0; i < 20; i++) expect(await scene.tap(...missing)).toHaveLength(110);
    const { user, system } = process.cpuUsage(began);
    expect((user + system) / 1000).toBeLessThan(1000);
  });
});

describe.skipIf(!requireKernel()).each<TapName>(['tcx', 'clsact', 'cgroup'])('a pod whose containers restart under %s', (tap) => {
  it('stays attached when the process by which it was found has gone, and no request is missed', async () => {
    await using scene = await createNodeScene({ tap });
    const pod = await scene.createPod('a');
    await using steady = await pod.startApp();
    expect(await scene.tap({ place: pod.place })).toEqual(TAPPED);
    await using client = await connect(pod.netns.address, PORT);
    const targets: string[] = [];
    const request = async (): Promise<void> => {
      targets.push(`/${targets.length}`);
      await client.send(`GET ${targets.at(-1)} HTTP/1.1\r\nHost: h\r\n\r\n`);
      await client.receive('ok\n');
    };
    const before = links();
    await request();

    // An app's container ends and runs again: the sandbox is what leads to the namespace.
    const restarting = await pod.startApp(9090);
    await restarting.stop();
    expect(await scene.check()).toEqual(TAPPED);
    await using _again = await pod.startApp(9090);
    await request();

    // The sandbox's process ends: another process of the pod is as good.
    await pod.killSandbox();
    await request();
    await sleep(RESTED_MS);
    expect(await scene.check()).toEqual(TAPPED);
    await request();
    await pod.startSandbox();
    await request();

    expect(links()).toEqual(before);
    await expectSeen(scene, targets);
    expect(await steady.count()).toBe(targets.length);
    // And it can still be let go of.
    await scene.tap();
    await request();
    await scene.recorder.quiet();
    expect(scene.seen()).toEqual(targets.slice(0, -1));
    if (tap === 'clsact') expect(filtersIn(pod)).toBe(0);
    expect(links()).toEqual([]);
  });

  it('stays attached while it has no process at all, and is served again in the same namespace', async () => {
    await using scene = await createNodeScene({ tap });
    const pod = await scene.createPod('a');
    const first = await pod.startApp();
    expect(await scene.tap({ place: pod.place })).toEqual(TAPPED);
    await pod.request('/before');
    const before = links();
    await first.stop();
    await pod.killSandbox();
    for (let i = 0; i < 3; i++) {
      expect(await scene.check()).toEqual(TAPPED);
      await sleep(RESTED_MS / 2);
    }
    await pod.startSandbox();
    await using _second = await pod.startApp();
    await pod.request('/after');
    await sleep(RESTED_MS);
    expect(await scene.check()).toEqual(TAPPED);
    await pod.request('/later');
    await expectSeen(scene, ['/before', '/after', '/later']);
    expect(links()).toEqual(before);
  });

  it('is tapped from each run’s first request when it crashes again and again', async () => {
    await using scene = await createNodeScene({ tap });
    const pod = await scene.createPod('a');
    expect(await scene.tap({ place: pod.place })).toEqual(TAPPED);
    const targets: string[] = [];
    for (let i = 0; i < 4; i++) {
      await using app = await pod.startApp();
      targets.push(`/${i}`);
      await pod.request(`/${i}`);
      await app.stop();
      expect(await scene.check()).toEqual(TAPPED);
    }
    await expectSeen(scene, targets);
  });
});

describe.skipIf(!requireKernel()).each<TapName>(['tcx', 'clsact', 'cgroup'])('a pod that is deleted while %s taps it', (tap) => {
  it('is let go for the one that follows it under its name, even before that is there', async () => {
    await using scene = await createNodeScene({ tap });
    const old = await scene.createPod('a');
    await using _old = await old.startApp();
    await scene.tap({ place: old.place });
    await old.request('/old');
    // StatefulSet or static pod: the same name, and so the same endpoint, with another uid.
    const next = { cgroupUid: '11111111-2222-4333-8444-555555555555' };
    expect(await scene.tap({ place: next })).toEqual([expect.stringContaining('no process')]);
    expect(links()).toEqual([]);
    await old.request('/no-longer');
    old.remove();
    const pod = await scene.createPod('a');
    await using _app = await pod.startApp();
    await sleep(RESTED_MS);
    expect(await scene.tap({ place: pod.place })).toEqual(TAPPED);
    await pod.request('/new');
    await expectSeen(scene, ['/old', '/new']);
  });

  it('leaves nothing when it goes with its namespace', async () => {
    await using scene = await createNodeScene({ tap });
    const [gone, stays] = [await scene.createPod('a'), await scene.createPod('b')];
    await using _app = await stays.startApp();
    await scene.tap({ id: 1, place: gone.place }, { id: 2, place: stays.place });
    const two = links().length;
    gone.remove();
    await scene.check();
    expect(await scene.tap({ id: 2, place: stays.place })).toEqual(TAPPED);
    expect(links().length).toBe(two / 2);
    await stays.request('/stays');
    await expectSeen(scene, ['/stays'], 2);
  });
});

describe.skipIf(!requireKernel()).each<TapName>(['tcx', 'clsact'])('a pod whose sandbox is made anew under %s', (tap) => {
  it('is tapped in its new namespace, which may look like the old one', async () => {
    await using scene = await createNodeScene({ tap });
    const pod = await scene.createPod('a');
    const first = await pod.startApp();
    expect(await scene.tap({ place: pod.place })).toEqual(TAPPED);
    await pod.request('/before');
    await first.stop();
    await pod.killSandbox();
    // The kernel gives the new namespace the number of the one that has just gone, and its interface the same index.
    await pod.recreateNetwork();
    await pod.startSandbox();
    await using _second = await pod.startApp();
    await sleep(RESTED_MS);
    expect(await scene.check()).toEqual(TAPPED);
    await pod.request('/after');
    await expectSeen(scene, ['/before', '/after']);
  });
});

describe.skipIf(!requireKernel())('pods in the node’s network', () => {
  it.each<TapName>(['tcx', 'clsact', 'cgroup'])('are told apart by %s at their cgroups, even on one port', async (tap) => {
    await using scene = await createNodeScene({ tap });
    const [chosen, other] = [scene.createHostPod(), scene.createHostPod()];
    const { address, address6 } = scene.network;
    await using _chosen = await startRecorder(chosen.place, { port: 18080, host: address });
    await using _six = await startRecorder(chosen.place, { port: 18080, host: address6 });
    await using _samePort = await startRecorder(other.place, { port: 18080, host: '127.0.0.1' });
    await using _otherPort = await startRecorder(other.place, { port: 18081, host: address });
    const place = { cgroupUid: chosen.uid, nodeAddresses: [address] };
    expect(await scene.tap({ place, ports: [18080, 18081] })).toEqual(TAPPED);
    const client = await scene.createPod('client');
    await curl(client.netns, `http://${address}:18080/from-a-pod`);
    await curl(HOST, `http://[${address6}]:18080/six`);
    await curl(HOST, 'http://127.0.0.1:18080/others');
    await curl(client.netns, `http://${address}:18081/others`);
    await curl(chosen.place, `http://127.0.0.1:18080/others-asked-by-the-pod`);
    await expectSeen(scene, ['/from-a-pod', '/six']);
  });

  it('are told apart by address and port where the tap knows no cgroups', async () => {
    await using scene = await createNodeScene({ tap: 'pcap', locator: { hostNetworkBy: 'addresses' } });
    const [chosen, other] = [scene.createHostPod(), scene.createHostPod()];
    const { address, address6 } = scene.network;
    const [client, server] = [await scene.createPod('client'), await scene.createPod('server')];
    await using _chosen = await startRecorder(chosen.place, { port: 18080, host: address });
    await using _samePort = await startRecorder(other.place, { port: 18080, host: '127.0.0.1' });
    await using _otherPort = await startRecorder(other.place, { port: 18081, host: address });
    await using _pod = await server.startApp(18080);
    const place = { cgroupUid: chosen.uid, nodeAddresses: [address, address6] };
    expect(await scene.tap({ place, ports: [18080] })).toEqual(TAPPED);
    await curl(client.netns, `http://${address}:18080/from-a-pod`);
    await curl(HOST, `http://${address}:18080/from-the-node`);
    await curl(HOST, 'http://127.0.0.1:18080/others');
    await curl(client.netns, `http://${address}:18081/others`);
    await server.request('/others', { port: 18080 });
    await expectSeen(scene, ['/from-a-pod', '/from-the-node']);
  });

  it('are refused where nothing tells them apart, with the reason', async () => {
    const uid = '11111111-2222-4333-8444-555555555555';
    {
      await using scene = await createNodeScene({ locator: { cgroup: null } });
      expect(await scene.tap({ place: { cgroupUid: uid, nodeAddresses: ['192.0.2.1'] } })).toEqual([expect.stringContaining('has no cgroup v2 hierarchy')]);
    }
    await using scene = await createNodeScene({ tap: 'pcap', locator: { hostNetworkBy: 'addresses' } });
    expect(await scene.tap({ place: { cgroupUid: uid, nodeAddresses: ['192.0.2.1'] } })).toEqual([expect.stringContaining('holds 192.0.2.1')]);
    expect(await scene.tap({ place: { cgroupUid: uid, nodeAddresses: [] } })).toEqual([expect.stringContaining('not known yet')]);
  });
});
