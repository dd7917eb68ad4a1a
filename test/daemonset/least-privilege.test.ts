import { describe, expect, it } from 'vitest';
import { outcomes, startAgent, type AgentUnderTest } from '../support/agent.ts';
import { curl } from '../support/clients.ts';
import { createScene, PORT, type Scene } from '../e2e/scene.ts';
import { requireKernel } from '../support/kernel.ts';
import { agentPod } from '../support/kustomize.ts';
import { HOST } from '../support/network.ts';
import { inContainer, type ContainerOptions } from '../support/oci/launch.ts';

/** How each overlay finds a pod, and which tap it uses. */
const OVERLAYS = {
  default: { tap: 'auto', tapped: 'ebpf:tcx' },
  cgroup: { tap: 'auto', tapped: 'ebpf:cgroup' },
  pcap: { tap: 'auto', tapped: 'pcap' },
} as const;

type Overlay = keyof typeof OVERLAYS;

interface Contained extends Partial<ContainerOptions> {
  readonly overlay: Overlay;
  readonly tap?: string;
  readonly ready?: boolean;
}

async function startContained(scene: Scene, { overlay, tap = OVERLAYS[overlay].tap, ready = true, ...options }: Contained): Promise<AgentUnderTest> {
  const place = await scene.network.createPod({ name: 'agent' });
  const { spec, policies } = scene.configuration();
  const where = overlay === 'cgroup' ? { cgroup: scene.app.cgroup } : { pid: scene.production.pid };
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
  it('mirrors, with a read-only root, only its capabilities and the system calls of RuntimeDefault', async () => {
    await using scene = await createScene({ agent: false, pod: { cgroup: true } });
    await using agent = await startContained(scene, { overlay });
    await expectCopies(scene, agent, OVERLAYS[overlay].tapped);
  });
});
