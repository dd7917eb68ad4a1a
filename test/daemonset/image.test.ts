import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { outcomes, startAgent } from '../support/agent.ts';
import { curl } from '../support/clients.ts';
import { createScene, PORT } from '../e2e/scene.ts';
import { requireKernel } from '../support/kernel.ts';
import { agentPod, build, DAEMONSET, workload } from '../support/kustomize.ts';
import { run } from '../support/netns.ts';
import { HOST } from '../support/network.ts';
import { inContainer, runContainer } from '../support/oci/launch.ts';

const BUILD = fileURLToPath(new URL('../../scripts/image.mjs', import.meta.url));
const TAG = 'localhost/shadowtap:test';
const MIB = 1 << 20;

/** Making a base of Debian's packages and the image upon it takes a minute, on a busy machine two. */
const BUILD_MS = 300_000;

describe.skipIf(!requireKernel())('the image that daemonset/Dockerfile makes', () => {
  let storage: string;
  const buildah = (...args: string[]): string => run('buildah', '--root', `${storage}/root`, '--runroot', `${storage}/run`, ...args).trim();
  let image: Image;

  beforeAll(async () => {
    storage = mkdtempSync(join(tmpdir(), 'shadowtap-image-'));
    await HOST.exec(process.execPath, BUILD, '--storage', storage, '--tag', TAG);
    image = { rootfs: buildah('mount', buildah('from', '--pull-never', TAG)), ...imageConfig(buildah('inspect', '--type', 'image', TAG)) };
  }, BUILD_MS);

  afterAll(() => {
    buildah('umount', '--all');
    rmSync(storage, { recursive: true, force: true });
  });

  it('holds Node, the product and the libraries that they load, and no shell and no program that gives rights', () => {
    const { rootfs } = image;
    expect(readdirSync(`${rootfs}/usr/local/bin`).toSorted()).toEqual(['node', 'shadowtap']);
    expect(['bin', 'sbin', 'usr/bin', 'usr/sbin'].filter((folder) => existsSync(join(rootfs, folder)))).toEqual([]);
    expect(run('find', rootfs, '-xdev', '-type', 'f', '-perm', '/6000')).toBe('');
    expect(readdirSync(`${rootfs}/opt/shadowtap/node_modules`)).not.toContain('vitest');
    expect(readdirSync(`${rootfs}/var/lib/dpkg/status.d`)).toEqual(expect.arrayContaining(['libbpf1', 'libc6', 'libpcap0.8']));
  });

  it('is smaller than 220 MiB', () => {
    const bytes = Number(run('du', '-sxb', image.rootfs).split('\t')[0]);
    expect(bytes / MIB).toBeLessThan(220);
  });

  it('is run by nobody unless somebody else is asked for', () => {
    expect(image.user).toBe('65532:65532');
  });

  it.each(['default', 'cgroup', 'pcap'] as const)('mirrors as the overlay %s runs it', async (overlay) => {
    await using scene = await createScene({ agent: false, pod: { cgroup: true } });
    const place = await scene.network.createPod({ name: 'agent' });
    const { spec, policies } = scene.configuration();
    const where = overlay === 'cgroup' ? { cgroup: scene.app.cgroup } : { pid: scene.production.pid };
    const endpoint = { name: 'shop/v1', labels: { app: 'shop' }, ports: [PORT], ...where };
    const launch = inContainer({ pod: agentPod(overlay), ...image }, place);
    await using agent = await startAgent({ spec: { ...spec, tap: 'auto', admin: '0.0.0.0:9464', endpoints: [endpoint] }, policies, launch });
    await curl(HOST, `${scene.url}/image`, '--data-binary', 'x'.repeat(5000));
    await scene.expectSame(1);
    expect(outcomes(await agent.stop())).toEqual({ 'mirrored 2xx': 1 });
  });

  it('runs without rights, as the controller does', async () => {
    await using scene = await createScene({ agent: false });
    const pod = workload(build(`${DAEMONSET}/overlays/default`), 'Deployment', 'shadowtap-controller').spec.template.spec;
    const finished = await runContainer({ pod, ...image, args: ['doctor', '--output', 'json'] }, scene.app, storage).finished;
    const report = JSON.parse(finished.stdout) as { capabilities: readonly string[]; root: boolean; libbpf: { ok: boolean }; object: { ok: boolean } };
    expect(report).toMatchObject({ capabilities: [], root: false, libbpf: { ok: true }, object: { ok: true } });
  });
});

interface Image {
  readonly rootfs: string;
  readonly env: readonly string[];
  readonly entrypoint: readonly string[];
  readonly user: string;
}

function imageConfig(inspected: string): Omit<Image, 'rootfs'> {
  const { OCIv1 } = JSON.parse(inspected) as { OCIv1: { config: { Env: string[]; Entrypoint: string[]; User: string } } };
  return { env: OCIv1.config.Env, entrypoint: OCIv1.config.Entrypoint, user: OCIv1.config.User };
}
