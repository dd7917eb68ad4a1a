import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { connect, curl, wrk } from './clients.ts';
import { requireKernel } from './kernel.ts';
import { cgroup2Mount } from './netns.ts';
import { createNetwork, HOST } from './network.ts';
import { succeeded } from './process.ts';
import { startNginx } from './servers/nginx.ts';
import { startRecorder } from './servers/recorder.ts';

const UNREACHED_MS = 300;

describe.skipIf(!requireKernel())('the test network', () => {
  it('connects pods with each other and with the host, over IPv4 and IPv6', async () => {
    await using network = await createNetwork();
    const app = await network.createPod({ name: 'app' });
    const client = await network.createPod({ name: 'client' });
    await using server = await startRecorder(app, { port: 8080 });
    expect(await curl(client, `http://${app.address}:8080/four`)).toEqual({ status: 200, body: 'ok\n' });
    expect((await curl(client, `http://[${app.address6}]:8080/six`)).status).toBe(200);
    expect((await curl(HOST, `http://${app.address}:8080/host`)).status).toBe(200);
    expect((await curl(app, 'http://127.0.0.1:8080/loopback')).status).toBe(200);
    expect((await server.requests()).map((request) => request.target)).toEqual(['/four', '/six', '/host', '/loopback']);
    await using onHost = await startRecorder(HOST, { port: 18080, host: network.address });
    expect((await curl(app, `http://${network.address}:18080/up`)).status).toBe(200);
    expect(await onHost.count()).toBe(1);
  });

  it('leaves nothing behind: no namespace, interface, process or cgroup', async () => {
    const owner = process.pid;
    let number: number;
    const pids: number[] = [];
    {
      await using network = await createNetwork();
      number = network.number;
      const pod = await network.createPod({ name: 'app', cgroup: cgroup2Mount() !== null, impair: { loss: 0.1 } });
      pids.push((await startRecorder(pod, { port: 8080 })).pid); // Not stopped: it goes with its pod.
      pids.push((await startNginx(pod, { port: 8081 })).pid);
      expect(tracesOf({ number, owner }).length).toBeGreaterThan(3);
      expect(pids.every(isRunning)).toBe(true);
    }
    expect(tracesOf({ number, owner })).toEqual([]);
    await expect.poll(() => pids.filter(isRunning)).toEqual([]);
  });

  it('takes away what a killed run has left', async () => {
    const module = fileURLToPath(new URL('./network.ts', import.meta.url));
    const script = `
      import { createNetwork } from ${JSON.stringify(module)};
      const network = await createNetwork();
      const pod = await network.createPod({ name: 'left', cgroup: ${cgroup2Mount() !== null} });
      pod.start('sleep', ['1000']).finished.then(() => {});
      console.log(JSON.stringify({ number: network.number, owner: process.pid }));
      setTimeout(() => process.kill(process.pid, 'SIGKILL'), 100);`;
    const killed = HOST.start(process.execPath, ['--input-type=module-typescript', '-e', script]);
    const left = JSON.parse((await killed.finished).stdout) as { number: number; owner: number };
    expect(tracesOf(left)).not.toEqual([]);
    await using mine = await createNetwork();
    const remaining = tracesOf(left).filter((name) => mine.number !== left.number || !name.startsWith('stbr'));
    expect(remaining).toEqual([]);
  });

  it('gives a pod a cgroup in which its processes run', async (context) => {
    if (cgroup2Mount() === null) context.skip('no cgroup v2 hierarchy is mounted');
    await using network = await createNetwork();
    const pod = await network.createPod({ name: 'app', cgroup: true });
    await using server = await startRecorder(pod, { port: 8080 });
    expect(readFileSync(`${pod.cgroup}/cgroup.procs`, 'utf8').trim().split('\n')).toContain(String(server.pid));
  });

  it('lets a pod vanish while it serves', async () => {
    await using network = await createNetwork();
    const app = await network.createPod({ name: 'app' });
    const server = await startRecorder(app, { port: 8080 });
    await using client = await connect(app.address, 8080);
    app.remove();
    expect(existsSync(app.netns)).toBe(false);
    await expect(server.count()).rejects.toThrow();
    await expect(client.receive(1, UNREACHED_MS)).rejects.toThrow();
  });

  it('turns a pod into a black hole and back', async () => {
    await using network = await createNetwork();
    const app = await network.createPod({ name: 'app' });
    await using server = await startRecorder(app, { port: 8080 });
    const url = `http://${app.address}:8080/`;
    {
      await using _hole = await app.blackhole();
      const started = Date.now();
      await expect(curl(HOST, url, '--max-time', '0.5')).rejects.toThrow('ended with 28');
      expect(Date.now() - started).toBeGreaterThan(450);
    }
    expect((await curl(HOST, url)).status).toBe(200);
    expect(await server.count()).toBe(1);
  });

  it('switches offloads off where asked to', async () => {
    await using network = await createNetwork();
    const on = await network.createPod({ name: 'on' });
    const off = await network.createPod({ name: 'off', offloads: false, mtu: 1400 });
    expect(await on.exec('ethtool', '-k', 'eth0')).toContain('tcp-segmentation-offload: on');
    expect(await off.exec('ethtool', '-k', 'eth0')).toContain('tcp-segmentation-offload: off');
    expect(await off.exec('cat', '/sys/class/net/eth0/mtu')).toBe('1400\n');
  });

  it('drives nginx with wrk', async () => {
    await using network = await createNetwork();
    const app = await network.createPod({ name: 'app' });
    const client = await network.createPod({ name: 'client' });
    await using nginx = await startNginx(app, { port: 80, server: (folder) => `location / { root ${folder}; }` });
    await nginx.writeFile('file', 'x'.repeat(1000));
    const result = await wrk(client, `http://${app.address}/file`, { connections: 4, seconds: 1, headers: ['x-test: 1'] });
    expect(result.requests).toBeGreaterThan(100);
    expect(result.errors).toBe(0);
    expect(result.p99Ms).toBeGreaterThan(0);
    const logged = await nginx.requests();
    expect(logged.length).toBeGreaterThanOrEqual(result.requests);
    expect(logged[0]).toMatchObject({ method: 'GET', target: '/file', status: 200 });
  });

  it('leaves nothing of a pod that could not be made', async () => {
    await using network = await createNetwork();
    await expect(network.createPod({ name: 'tiny', cgroup: cgroup2Mount() !== null, mtu: 1 })).rejects.toThrow('mtu');
    const owner = process.pid;
    expect(tracesOf({ number: network.number, owner })).toEqual([network.bridge]);
  });

  it('says why a command in a pod failed', async () => {
    await using network = await createNetwork();
    const pod = await network.createPod({ name: 'app' });
    await expect(pod.exec('sh', '-c', 'echo it broke >&2; exit 3')).rejects.toThrow('sh in pod app ended with 3: it broke');
    await expect(succeeded('missing', HOST.start('/no/such/command').finished)).rejects.toThrow('missing ended with 127');
  });
});

/** What exists of a network: its interfaces, and the namespaces and cgroups of the process that made it. */
function tracesOf(network: { readonly number: number; readonly owner: number }): string[] {
  const mount = cgroup2Mount();
  const folders = ['/run/netns', '/sys/class/net', ...(mount === null ? [] : [mount])];
  const ours = new RegExp(`^(stbr${network.number}|st${network.number}p\\d+i?|shadowtap-test-${network.owner}-.*)$`);
  return folders.flatMap((folder) => readdirSync(folder)).filter((name) => ours.test(name));
}

/** A process that has ended but whose parent has not asked for its result yet does not run. */
function isRunning(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
