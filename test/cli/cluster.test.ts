import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ClusterReport } from '../../src/cli/cluster-report.ts';
import type { NodeReport } from '../../src/agent/node-report.ts';
import { agentStats } from '../support/agent-stats.ts';
import { AGENTS, manifests } from '../support/manifests.ts';
import { HTTP_ROUTE_CRD, VIRTUAL_SERVICE_CRD } from '../support/route-crds.ts';
import { Running, type Finished } from '../support/process.ts';
import { createControllerScene, eventually, type ControllerScene } from '../controller/scene.ts';

const SHADOWTAP = fileURLToPath(new URL('../../bin/shadowtap', import.meta.url));

let scene: ControllerScene;
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'shadowtap-cluster-cli-'));
});
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(async () => {
  scene = await createControllerScene();
});
afterEach(async () => {
  await scene[Symbol.asyncDispose]();
});

async function shadowtap(...args: string[]): Promise<Finished> {
  await using command = new Running([SHADOWTAP, ...args]);
  return await command.finished;
}

function status(...args: string[]): Promise<Finished> {
  return shadowtap('status', '--kubeconfig', scene.cluster.kubeconfig, '--for', '100ms', ...args);
}

function doctor(...args: string[]): Promise<Finished> {
  return shadowtap('doctor', '--cluster', '--kubeconfig', scene.cluster.kubeconfig, ...args);
}

const READER = { kind: 'ServiceAccount', name: 'reader', namespace: 'shop' };

/** Cells of a table, row by row. */
function cells(table: string): string[][] {
  return table.split('\n').filter((line) => line.startsWith('│')).map((line) => line.split('│').slice(1, -1).map((cell) => cell.trim()));
}

describe('shadowtap status', () => {
  it('says how policies and nodes fare', async () => {
    await scene.startAgent('node-b', agentStats('node-b', [{ policy: 'shop/p', pods: { 'shop/b': '' }, requests: { mirrored: 5, shed: 1 } }]));
    await scene.startAgent('node-a', agentStats('node-a', [
      { policy: 'shop/p', pods: { 'shop/a': '', 'shop/c': 'no such cgroup' }, requests: { mirrored: 7 } },
      { policy: 'test/label:next', generation: 0, pods: { 'test/x': '' } },
    ]));
    await scene.applyPolicy('p');
    await scene.applyPolicy('unused');
    const { code, stdout, stderr } = await status();
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(cells(stdout)).toEqual([
      ['policy', 'state', 'nodes', 'pods tapped', 'seen/s', 'mirrored/s', 'mirrored', 'failed', 'shed', 'incomplete', 'other'],
      ['shop/p', 'NotJudged', '2', '2/3', '0.0', '0.0', '12', '0', '1', '0', '0'],
      ['shop/unused', 'NotJudged', '0', '0/0', '0.0', '0.0', '0', '0', '0', '0', '0'],
      ['test/label:next', 'ok', '1', '1/1', '0.0', '0.0', '0', '0', '0', '0', '0'],
      ['node', 'state', 'tap', 'pods tapped', 'seen/s', 'mirrored/s', 'packets shed', 'lost', 'cores', 'MiB'],
      ['node-a', 'ok', 'ebpf:tcx', '2/3', '0.0', '0.0', '0', '0', '0.00', '100'],
      ['node-b', 'ok', 'ebpf:tcx', '1/1', '0.0', '0.0', '0', '0', '0.00', '100'],
    ]);
    expect(stdout).toContain('  node node-a: pod shop/c is not tapped: no such cgroup\n');
    expect(stdout).toContain('  policy shop/p: NotJudged: the controller has not looked at it yet; does it run?\n');

    const byNode = cells((await status('--by', 'node', '-n', 'shop')).stdout);
    expect(byNode.slice(1, 3).map((row) => row.slice(0, 4))).toEqual([['shop/p', 'node-a', 'NotJudged', '1/2'], ['shop/p', 'node-b', 'NotJudged', '1/1']]);
    expect(byNode.flat()).not.toContain('test/label:next');
  });

  it('says what the controller says', async () => {
    await scene.startAgent('node-a', agentStats('node-a', [{ policy: 'shop/p', pods: { 'shop/a': '' } }]));
    await scene.startController();
    await scene.applyPolicy('p');
    await scene.untilCondition('p', 'ResolvedRefs=False BackendNotFound');
    const { stdout } = await status('-o', 'json');
    const report = JSON.parse(stdout) as ClusterReport;
    expect(report.policies.map(({ policy, state }) => [policy, state])).toEqual([['shop/p', 'BackendNotFound']]);
    expect(report.problems).toContain('policy shop/p: BackendNotFound: there is no Service shop/next');
    await scene.applyService('next');
    await scene.untilCondition('p', 'ResolvedRefs=True ResolvedRefs');
    expect(cells((await status()).stdout)[1]!.slice(0, 2)).toEqual(['shop/p', 'ok']);
  });

  it('says which agent does not answer, and exits with 1', async () => {
    const agent = await scene.startAgent('node-a');
    await scene.startAgent('node-b');
    await agent[Symbol.asyncDispose]();
    const { code, stdout } = await status();
    expect(code).toBe(1);
    expect(stdout).toMatch(/Problems:\n {2}node node-a: agent agent-node-a does not answer: .*\n/);
    expect(stdout).toContain('node-b');
  });

  it('does without the type and without a right to it', async () => {
    await scene.startAgent('node-a', agentStats('node-a', [{ policy: 'shop/label:next', generation: 0, pods: { 'shop/a': '' } }]));
    await scene.applyPolicy('p');
    await scene.cluster.apply(...manifests('base/status-rbac'), {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { namespace: AGENTS, name: 'reader' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'shadowtap-status' },
      subjects: [READER],
    });
    const reader = await scene.cluster.kubeconfigOf('shop', 'reader');
    const limited = await shadowtap('status', '--kubeconfig', reader, '--for', '100ms');
    expect(limited.code).toBe(0);
    expect(cells(limited.stdout)[1]!.slice(0, 2)).toEqual(['shop/label:next', 'ok']);
    expect(limited.stdout).toMatch(/ {2}what MirrorPolicies say is left out: .*the role lacks this verb/);

    await scene.cluster.apply({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: 'reader' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'shadowtap-status' },
      subjects: [READER],
    });
    expect((await shadowtap('status', '--kubeconfig', reader, '--for', '100ms')).stdout).not.toContain('is left out');

    await scene.cluster.delete(manifests('base/crd')[0]!);
    const { code, stdout } = await status();
    expect(code).toBe(0);
    expect(cells(stdout)[1]!.slice(0, 2)).toEqual(['shop/label:next', 'ok']);
    expect(stdout).not.toContain('Problems');
  });

  it.each([[[]], [['-o', 'json']], [['--agent-namespace', 'elsewhere']]])('says that there is no agent: %j', async (args) => {
    const { code, stdout, stderr } = await status(...args);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    const where = args.includes('elsewhere') ? 'elsewhere' : 'shadowtap-system';
    expect(stderr).toBe(`shadowtap: there is no agent in namespace ${where}; apply daemonset/, or name another one with --agent-namespace\n`);
  });

  it.each<[string[], RegExp]>([
    [['--by', 'pod'], /^shadowtap: --by: "pod" is not allowed; give policy or node\n$/],
    [['--for', '1ms'], /^shadowtap: --for: "1ms" is not allowed; give a duration from 100ms, such as 2s\n$/],
    [['-o', 'yaml'], /^shadowtap: --output: "yaml" is not allowed; give table or json\n$/],
  ])('refuses %j', async (args, message) => {
    const { code, stderr } = await status(...args);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  });

  it('says that the cluster is away, or not known', async () => {
    await scene.faults.unavailable();
    const away = await status();
    expect(away.code).toBe(1);
    expect(away.stderr).toMatch(/^shadowtap: cannot get .* does not answer .*\n$/);
    const unknown = await shadowtap('status', '--kubeconfig', join(folder, 'none'));
    expect(unknown.code).toBe(1);
    expect(unknown.stderr).toMatch(/^shadowtap: the kubeconfig .*none cannot be used: .*\n$/);
    const context = await status('--context', 'none');
    expect(context.stderr).toMatch(/it has no context "none"/);
  });

  it('prints nothing that a terminal obeys, whatever agents say', async () => {
    const evil = '\u001b[2J\u001b]0;x\u0007\u009b31m\r\n\u202eabc\u2028';
    const conditions = [{ type: 'Accepted', status: 'False', reason: evil, message: evil }];
    const stats = agentStats('node-a', [{ policy: `shop/${evil}`, pods: { [`shop/${evil}`]: evil }, conditions, copies: { [evil]: { mirrored: 1 } } }]);
    const agent = await scene.startAgent('node-a', { ...stats, version: evil, tap: { ...stats.tap, name: evil } });
    agent.doctor = { ...DOCTOR, kernel: evil, reason: evil, inUse: evil, tcx: { ok: false, why: evil, remedy: evil } };
    for (const { stdout, stderr } of await Promise.all([status(), status('--by', 'node'), status('-o', 'json'), doctor(), doctor('-o', 'json')])) {
      expect(stdout).toContain('abc');
      // Everything but the ends of lines.
      expect(stdout.replaceAll('\n', '')).not.toMatch(/[\x00-\x1f\x7f-\x9f\u202e\u2028]/);
      expect(stderr).toBe('');
    }
  });
});

const ABLE = { ok: true, why: 'it works', remedy: '' };
const DOCTOR: NodeReport & { readonly inUse: string } = {
  node: 'v24.0.0',
  kernel: '6.18.0',
  root: true,
  capabilities: ['CAP_BPF'],
  cgroup2: '/sys/fs/cgroup',
  libbpf: ABLE,
  object: ABLE,
  load: ABLE,
  tcx: ABLE,
  cgroup: ABLE,
  clsact: ABLE,
  pcap: ABLE,
  tap: 'ebpf:tcx',
  considered: [],
  reason: 'links that vanish with the process',
  inUse: 'ebpf:tcx',
};

describe('shadowtap doctor --cluster', () => {
  it('sums up what nodes can do, with those that are alike in one row', async () => {
    for (const node of ['node-a', 'node-b', 'node-c', 'node-d']) (await scene.startAgent(node)).doctor = DOCTOR;
    const old = await scene.startAgent('node-old');
    old.doctor = { ...DOCTOR, kernel: '5.4.0', tap: 'pcap', inUse: 'pcap', reason: 'no BPF links', tcx: { ok: false, why: 'too old', remedy: 'take a kernel from 6.6' } };
    const { code, stdout, stderr } = await doctor();
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    expect(cells(stdout)).toEqual([
      ['nodes', 'such as', 'kernel', 'tap in use', 'best tap', 'why'],
      ['4', 'node-a, node-b, node-c, ...', '6.18.0', 'ebpf:tcx', 'ebpf:tcx', 'links that vanish with the process'],
      ['1', 'node-old', '5.4.0', 'pcap', 'pcap', 'no BPF links'],
    ]);
    expect(stdout).toContain('To get more:\n  tap ebpf:tcx: take a kernel from 6.6\n');
  });

  it('exits with 0 where all is well, with 3 where a node has no tap, and with 1 where an agent does not answer', async () => {
    const agent = await scene.startAgent('node-a');
    agent.doctor = DOCTOR;
    expect((await doctor()).code).toBe(0);
    agent.doctor = { ...DOCTOR, tap: null };
    expect((await doctor()).code).toBe(3);
    for (const said of [{ kernel: 5 }, { ...DOCTOR, tap: {} }, { ...DOCTOR, tcx: { ok: true } }]) {
      agent.doctor = said;
      const { code, stdout } = await doctor();
      expect(code).toBe(1);
      expect(stdout).toContain('what it says cannot be read; is it of another version?');
    }
  });

  it('gives the whole of it as JSON', async () => {
    (await scene.startAgent('node-a')).doctor = DOCTOR;
    const { code, stdout } = await doctor('-o', 'json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ nodes: [{ name: 'node-a', report: DOCTOR, problem: '' }] });
  });
});

describe('shadowtap controller', () => {
  function config(kubernetes: string): string {
    const path = join(folder, 'controller.yaml');
    writeFileSync(path, `apiVersion: shadowtap.dev/v1alpha1\nkind: Agent\nspec:\n  admin: 127.0.0.1:0\n${kubernetes}`);
    return path;
  }

  it('runs until it is told to stop, shows how it fares, and gives its lease back', async () => {
    const file = config(`  kubernetes: { kubeconfig: ${scene.kubeconfig} }\n`);
    await using command = new Running([SHADOWTAP, 'controller', '-f', file]);
    let log = '';
    command.child.stderr!.on('data', (data: Buffer) => (log += data.toString()));
    await eventually(async () => expect(log).toContain('"admin port open"'));
    const port = /"port":(\d+)/.exec(log)![1]!;
    const page = async (path: string): Promise<[number, string]> => {
      const response = await fetch(`http://127.0.0.1:${port}${path}`);
      return [response.status, await response.text()];
    };
    expect(await page('/healthz')).toEqual([200, 'ok\n']);
    await eventually(async () => expect(await page('/readyz')).toEqual([200, 'ready\n']));
    await scene.applyPolicy('p');
    await scene.untilCondition('p', 'ResolvedRefs=False BackendNotFound');
    const [, metrics] = await page('/metrics');
    expect(metrics).toContain('shadowtap_controller_leading 1');
    expect(metrics).toContain('shadowtap_policy_condition{policy="shop/p",type="ResolvedRefs",reason="BackendNotFound"} 0');
    const { code } = await command.stop(8_000);
    expect(code).toBe(0);
    const lease = await scene.cluster.get({ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { namespace: AGENTS, name: 'shadowtap-controller' } });
    expect(lease).toMatchObject({ spec: { holderIdentity: '' } });
    expect(scene.denials()).toEqual([]);
  });

  it('reads routes with --import, and only then', async () => {
    await scene.cluster.apply(...manifests('components/import/rbac'), HTTP_ROUTE_CRD, VIRTUAL_SERVICE_CRD);
    const file = config(`  kubernetes: { kubeconfig: ${scene.kubeconfig} }\n`);
    const watched = (): string[] => scene.faults.watches({ verb: 'watch' }).map(({ resource }) => resource);
    for (const [flags, routes] of [[[], 0], [['--import'], 2]] as const) {
      await using command = new Running([SHADOWTAP, 'controller', '-f', file, ...flags]);
      await eventually(async () => expect(watched()).toContain('mirrorpolicies'));
      await eventually(async () => expect(watched().filter((resource) => ['httproutes', 'virtualservices'].includes(resource))).toHaveLength(routes));
      expect((await command.stop(8_000)).code).toBe(0);
      await eventually(async () => expect(watched()).toEqual([]));
    }
  });

  it('is not ready, and says why, where it may not see what it needs', async () => {
    await scene.cluster.delete({ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRoleBinding', metadata: { name: 'shadowtap-controller' } });
    const file = config(`  kubernetes: { kubeconfig: ${scene.kubeconfig} }\n`);
    await using command = new Running([SHADOWTAP, 'controller', '-f', file]);
    let log = '';
    command.child.stderr!.on('data', (data: Buffer) => (log += data.toString()));
    await eventually(async () => expect(log).toContain('"the cluster cannot be followed; it is tried again"'));
    const port = /"port":(\d+)/.exec(log)![1]!;
    const response = await fetch(`http://127.0.0.1:${port}/readyz`);
    expect(response.status).toBe(503);
    expect(await response.text()).toMatch(/^the cluster has not been heard yet: cannot list|^the cluster has not been heard yet: cannot get .*the role lacks this verb/);
  });

  it('is for clusters', async () => {
    const file = config('  endpoints: [{ name: a, ports: [8080], interfaces: [lo] }]\n');
    const { code, stderr } = await shadowtap('controller', '-f', file);
    expect(code).toBe(2);
    expect(stderr).toBe(`shadowtap: ${file}: the Agent has no \`kubernetes\`; a controller is for clusters\n`);
  });
});
