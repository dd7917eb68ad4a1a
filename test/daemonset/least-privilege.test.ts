import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { outcomes, startAgent, type AgentUnderTest } from '../support/agent.ts';
import { curl } from '../support/clients.ts';
import { createClusterScene } from '../e2e/cluster-scene.ts';
import { createScene, PORT, type Scene } from '../e2e/scene.ts';
import { requireKernel } from '../support/kernel.ts';
import { agentPod } from '../support/kustomize.ts';
import { HOST } from '../support/network.ts';
import { inContainer, type ContainerOptions } from '../support/oci/launch.ts';

/** How each overlay finds a pod, and which tap it has here. */
const OVERLAYS = {
  default: { by: 'pid', tapped: 'ebpf:tcx' },
  cgroup: { by: 'cgroup', tapped: 'ebpf:cgroup' },
  pcap: { by: 'pid', tapped: 'pcap' },
} as const;

type Overlay = keyof typeof OVERLAYS;

interface Contained extends Partial<ContainerOptions> {
  readonly overlay: Overlay;
  readonly tap?: string;
  readonly ready?: boolean;
  /** How the pod is found. */
  readonly by?: 'pid' | 'cgroup';
}

async function startContained(scene: Scene, { overlay, tap = 'auto', ready = true, by, ...options }: Contained): Promise<AgentUnderTest> {
  const place = await scene.network.createPod({ name: 'agent' });
  const { spec, policies } = scene.configuration();
  const where = (by ?? OVERLAYS[overlay].by) === 'cgroup' ? { cgroup: scene.app.cgroup } : { pid: scene.production.pid };
  const endpoint = { name: 'shop/v1', labels: { app: 'shop' }, ports: [PORT], ...where };
  const launch = inContainer({ pod: agentPod(overlay), ...options }, place);
  return startAgent({ spec: { ...spec, tap, admin: '0.0.0.0:9464', endpoints: [endpoint] }, policies, ready, launch });
}

async function expectCopies(scene: Scene, agent: AgentUnderTest, tap: string): Promise<void> {
  await curl(HOST, `${scene.url}/get?a=b`, '-H', 'X-Dup: 1', '-H', 'x-dup: 2');
  await curl(HOST, `${scene.url}/post`, '--data-binary', 'x'.repeat(5000));
  await scene.expectSame(2);
  const stats = await agent.settled(2);
  expect(stats.tap.name).toBe(tap);
  expect(outcomes(stats.ledger)).toEqual({ 'mirrored 2xx': 2 });
  expect(outcomes(await agent.stop())).toEqual({ 'mirrored 2xx': 2 });
}

describe.skipIf(!requireKernel()).each(Object.keys(OVERLAYS) as Overlay[])('the agent with what the overlay %s gives it', (overlay) => {
  const { tapped } = OVERLAYS[overlay];

  it('mirrors with only its capabilities, a read-only root and the system calls of RuntimeDefault', async () => {
    await using scene = await createScene({ agent: false, pod: { cgroup: true } });
    await using agent = await startContained(scene, { overlay });
    const pod = agentPod(overlay);
    const { add = [] } = pod.containers[0]!.securityContext.capabilities ?? {};
    const inside = confinementOf(agent);
    expect(inside).toMatchObject({ bounding: add.toSorted(), effective: add.toSorted(), ambient: [], seccomp: 'filter', rootIsReadOnly: true });
    expect(inside.noNewPrivileges).toBe(overlay === 'cgroup');
    expect(inside.seesNode).toBe(pod.hostPID === true);
    await expectCopies(scene, agent, tapped);
  });

  it('finds the pods of its node by their uid, and mirrors them as the cluster says', async () => {
    await using scene = await createClusterScene({ tap: 'auto' });
    const app = await scene.createPod({ name: 'app', labels: { app: 'checkout' } });
    const next = await scene.createPod({ name: 'next', labels: { app: 'next' } });
    await scene.createService('next', { app: 'next' });
    const { kubeconfig } = scene.kubernetes('node-a');
    // The API server of the test listens on the node's loopback.
    const container = inContainer({ pod: agentPod(overlay) }, { netns: `/proc/${process.pid}/ns/net`, address: '127.0.0.1' });
    const agent = await scene.startAgent('node-a', { kubeconfig: '/etc/shadowtap/kubeconfig' }, true, (folder) => {
      writeFileSync(join(folder, 'kubeconfig'), withoutFiles(readFileSync(kubeconfig, 'utf8')));
      return container(folder);
    });
    await app.label({ 'shadowtap.dev/mirror-to': 'next' });
    await agent.until(({ endpoints }) => endpoints.length === 1 && endpoints[0]!.attached);
    await curl(HOST, `${app.url}/get?a=b`);
    await next.app.waitFor(1);
    const { tap, ledger } = await agent.settled(1);
    expect([tap.name, outcomes(ledger)]).toEqual([tapped, { 'mirrored 2xx': 1 }]);
  });

  it('mirrors as another user, were the capabilities ambient, and with no_new_privs', async () => {
    await using scene = await createScene({ agent: false, pod: { cgroup: true } });
    await using agent = await startContained(scene, { overlay, ambientFor: 65_532, noNewPrivileges: true });
    await expectCopies(scene, agent, tapped);
  });
});

describe.skipIf(!requireKernel())('the overlay default', () => {
  it.each(['ebpf:cgroup', 'ebpf:clsact'])('is enough for %s as well', async (tap) => {
    await using scene = await createScene({ agent: false, pod: { cgroup: true } });
    await using agent = await startContained(scene, { overlay: 'default', tap, ...(tap === 'ebpf:cgroup' && { by: 'cgroup' }) });
    await expectCopies(scene, agent, tap);
  });

  it.each(['default', 'pcap'] as const)('and pcap are within what CRI-O allows: %s', async (overlay) => {
    await using scene = await createScene({ agent: false, pod: { cgroup: true } });
    await using agent = await startContained(scene, { overlay, seccomp: 'cri-o' });
    await expectCopies(scene, agent, OVERLAYS[overlay].tapped);
  });
});

/** What goes wrong without each capability, and what the agent says then: at once, or while it tries again. */
const NEEDED: readonly { overlay: Overlay; without: string; tap?: string; says: RegExp; starts: boolean }[] = [
  { overlay: 'default', without: 'SYS_ADMIN', says: /missing: CAP_BPF, CAP_PERFMON;/, starts: false },
  { overlay: 'default', without: 'SYS_PTRACE', says: /may not be looked at; run as root or with CAP_SYS_PTRACE/, starts: true },
  { overlay: 'default', without: 'NET_ADMIN', tap: 'ebpf:clsact', says: /missing: CAP_NET_ADMIN/, starts: true },
  { overlay: 'cgroup', without: 'BPF', says: /missing: CAP_BPF$/m, starts: false },
  { overlay: 'cgroup', without: 'PERFMON', says: /missing: CAP_PERFMON$/m, starts: false },
  { overlay: 'cgroup', without: 'NET_ADMIN', says: /missing: CAP_NET_ADMIN/, starts: true },
  { overlay: 'pcap', without: 'NET_RAW', says: /it takes CAP_NET_RAW/, starts: true },
  { overlay: 'pcap', without: 'SYS_ADMIN', says: /it takes CAP_SYS_ADMIN/, starts: true },
  { overlay: 'pcap', without: 'SYS_PTRACE', says: /run as root or with CAP_SYS_PTRACE/, starts: true },
];

describe.skipIf(!requireKernel())('each capability of an overlay', () => {
  it('is among those that are tried without', () => {
    const given = (Object.keys(OVERLAYS) as Overlay[]).flatMap((overlay) =>
      (agentPod(overlay).containers[0]?.securityContext.capabilities?.add ?? []).map((name) => `${overlay} ${name}`));
    expect(NEEDED.map(({ overlay, without }) => `${overlay} ${without}`).toSorted()).toEqual(given.toSorted());
  });

  it.each(NEEDED)('is needed, and missed in words: $overlay without $without', async ({ overlay, without, tap, says, starts }) => {
    await using scene = await createScene({ agent: false, pod: { cgroup: true } });
    const options = { overlay, without: [without], ready: false, ...(tap !== undefined && { tap }) };
    if (!starts) return void (await expect(startContained(scene, options)).rejects.toThrow(says));
    await using agent = await startContained(scene, options);
    const page = await agent.page('/readyz');
    expect(page.status).toBe(503);
    expect(await page.text()).toMatch(says);
    await curl(HOST, `${scene.url}/unseen`);
    expect((await agent.stats()).ledger.seen).toBe(0);
  });
});

describe.skipIf(!requireKernel())('a runtime whose seccomp profile knows no CAP_BPF', () => {
  it('is named where the capabilities are there and bpf(2) is refused all the same', async () => {
    await using scene = await createScene({ agent: false, pod: { cgroup: true } });
    await expect(startContained(scene, { overlay: 'cgroup', seccomp: 'cri-o' })).rejects.toThrow(/BPF is not permitted.*seccomp profile/);
  });
});

/** A kubeconfig that can be read elsewhere: its token is in it, too. */
function withoutFiles(kubeconfig: string): string {
  const config = parse(kubeconfig) as { users: { user: { tokenFile?: string } }[] };
  for (const { user } of config.users) delete user.tokenFile;
  return JSON.stringify(config);
}

/** What the kernel says of the agent's process. */
function confinementOf(agent: AgentUnderTest): Confinement {
  // runc waits for the container, which is its child.
  const pid = childOf(agent.process.pid);
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const field = (name: string): string => new RegExp(`^${name}:\\s*(\\w+)`, 'm').exec(status)?.[1] ?? '';
  const root = readFileSync(`/proc/${pid}/mountinfo`, 'utf8').split('\n').find((line) => line.split(' ')[4] === '/');
  return {
    bounding: capabilityNames(field('CapBnd')),
    effective: capabilityNames(field('CapEff')),
    ambient: capabilityNames(field('CapAmb')),
    seccomp: field('Seccomp') === '2' ? 'filter' : 'none',
    noNewPrivileges: field('NoNewPrivs') === '1',
    rootIsReadOnly: root?.split(' ')[5]?.split(',').includes('ro') ?? false,
    seesNode: readlinkSync(`/proc/${pid}/ns/pid`) === readlinkSync('/proc/self/ns/pid'),
  };
}

/** The one child of a process. */
function childOf(parent: number): string {
  const children = readdirSync('/proc').filter((entry) => {
    try {
      return /^\d+$/.test(entry) && new RegExp(`^PPid:\\s*${parent}$`, 'm').test(readFileSync(`/proc/${entry}/status`, 'utf8'));
    } catch {
      return false; // It has ended meanwhile.
    }
  });
  expect(children).toHaveLength(1);
  return children[0] ?? '';
}

interface Confinement {
  readonly bounding: readonly string[];
  readonly effective: readonly string[];
  readonly ambient: readonly string[];
  readonly seccomp: 'filter' | 'none';
  readonly noNewPrivileges: boolean;
  readonly rootIsReadOnly: boolean;
  /** It is in the node's pid namespace. */
  readonly seesNode: boolean;
}

/** Of a mask as /proc/<pid>/status has it, sorted; numbers of linux/capability.h. */
function capabilityNames(mask: string): string[] {
  const numbers = { NET_ADMIN: 12, NET_RAW: 13, SYS_PTRACE: 19, SYS_ADMIN: 21, PERFMON: 38, BPF: 39 };
  const bits = BigInt(`0x${mask}`);
  const known = Object.entries(numbers).filter(([, bit]) => ((bits >> BigInt(bit)) & 1n) === 1n);
  const rest = known.reduce((left, [, bit]) => left & ~(1n << BigInt(bit)), bits);
  return [...known.map(([name]) => name), ...(rest === 0n ? [] : [`0x${rest.toString(16)}`])].toSorted();
}
