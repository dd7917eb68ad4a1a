import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtempDisposable } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ApiClient } from '../../src/kube/api-client.ts';
import { ApiError } from '../../src/kube/api-error.ts';
import { Reflector } from '../../src/kube/reflector.ts';
import type { Faults } from '../support/cluster/faults.ts';
import type { ServedCluster } from '../support/cluster/served-cluster.ts';
import { startTestCluster } from '../support/cluster/start.ts';
import { Following, QUICK, setting, SETTINGS } from './support/following.ts';

let cluster: ServedCluster;
let faults: Faults;
let api: ApiClient;

const ASK_OFTEN = fileURLToPath(new URL('support/ask-often.ts', import.meta.url));
const WAIT = { interval: 5, timeout: 10_000 };
const CONFIG_MAPS = '/api/v1/configmaps';
const NAMESPACE = '/api/v1/namespaces/default';

beforeAll(async () => {
  cluster = await startTestCluster();
  if (cluster.faults === null) throw new Error('the test server has faults');
  faults = cluster.faults;
}, 60_000);

afterAll(() => cluster[Symbol.asyncDispose]());

beforeEach(() => {
  api = ApiClient.fromKubeconfig(cluster.kubeconfig);
  faults.forgetRequests();
});

afterEach(async () => {
  await api.close();
  faults.clear();
  await faults.available();
});

async function failureOf(work: Promise<unknown>): Promise<ApiError> {
  const thrown = await work.then(() => null, (error: unknown) => error);
  if (!(thrown instanceof ApiError)) throw new Error(`no ApiError was thrown, but ${String(thrown)}`, { cause: thrown });
  return thrown;
}

describe('a request', () => {
  it('takes parameters and a body, and gives the JSON of the answer', async () => {
    const made = await api.call({ method: 'POST', path: `${NAMESPACE}/configmaps`, body: setting('default', 'made', '1'), query: { fieldManager: 'x', dryRun: undefined } });
    expect(made).toMatchObject({ kind: 'ConfigMap', data: { value: '1' } });
    const contentType = 'application/merge-patch+json';
    await api.call({ method: 'PATCH', path: `${NAMESPACE}/configmaps/made`, body: { data: { value: '2' } }, contentType });
    expect(await api.call({ path: `${NAMESPACE}/configmaps/made` })).toMatchObject({ data: { value: '2' } });
    expect(faults.requests().map(({ target }) => target)).toEqual([
      `${NAMESPACE}/configmaps?fieldManager=x`,
      `${NAMESPACE}/configmaps/made`,
      `${NAMESPACE}/configmaps/made`,
    ]);
  });

  it('that is refused tells why: status, reason, and for how long the server wants to be left alone', async () => {
    const missing = await failureOf(api.call({ path: `${NAMESPACE}/configmaps/none` }));
    expect(missing).toMatchObject({ code: 'KUBE_API', status: 404, reason: 'NotFound', isNotFound: true, isGone: false, retryAfterMs: 0 });
    expect(missing.message).toBe(`cannot get ${NAMESPACE}/configmaps/none: configmaps "none" not found`);
    faults.answer({}, { status: 429, retryAfter: 7 }, 1);
    expect(await failureOf(api.call({ path: NAMESPACE }))).toMatchObject({ status: 429, retryAfterMs: 7_000 });
    faults.answer({}, { status: 503, retryAfter: 1e9 }, 1);
    expect(await failureOf(api.call({ path: NAMESPACE }))).toMatchObject({ status: 503, retryAfterMs: 300_000 });
    faults.answer({}, { status: 502, body: '<html>Bad Gateway</html>' }, 1);
    expect((await failureOf(api.call({ path: NAMESPACE }))).message).toBe(`cannot get ${NAMESPACE}: HTTP status 502`);
  });

  it('whose answer breaks off or is no JSON says so', async () => {
    faults.answer({}, { status: 200, body: '{"kind":' }, 1);
    expect((await failureOf(api.call({ path: NAMESPACE }))).message).toContain('broke off or is no JSON');
    faults.stream({}, { cutAfterBytes: 10 });
    expect((await failureOf(api.call({ path: NAMESPACE }))).message).toContain(`cannot get ${NAMESPACE}`);
  });

  it('that is not answered in time ends, and the next one takes another connection', async () => {
    await api.call({ path: NAMESPACE });
    faults.hang({}, 1);
    const error = await failureOf(api.call({ path: NAMESPACE, timeoutMs: 100 }));
    expect(error.message).toBe(`cannot get ${NAMESPACE}: ${cluster.url} does not answer (no answer within 0.1 s)`);
    await api.call({ path: NAMESPACE });
    const [first, hung, last] = faults.requests().map(({ connection }) => connection);
    expect(hung).toBe(first);
    expect(last).not.toBe(first);
  });

  it('that waits for a connection ends in time too, as do those behind it', async () => {
    // Takes connections and says nothing: a handshake that does not come to its end.
    const sockets: { destroy(): void }[] = [];
    const mute = createServer((socket) => void sockets.push(socket)).listen(0, '127.0.0.1');
    await once(mute, 'listening');
    await using folder = await mkdtempDisposable(join(tmpdir(), 'shadowtap-'));
    const file = join(folder.path, 'kubeconfig');
    writeFileSync(file, readFileSync(cluster.kubeconfig, 'utf8').replace(cluster.url, `https://127.0.0.1:${(mute.address() as AddressInfo).port}`));
    const waiting = ApiClient.fromKubeconfig(file);
    const begun = performance.now();
    await Promise.all(Array.from({ length: 5 }, () => failureOf(waiting.call({ path: NAMESPACE, timeoutMs: 200 }))));
    expect(performance.now() - begun).toBeLessThan(1_500);
    await waiting.close();
    for (const socket of sockets) socket.destroy();
    mute.close();
  });

  it('to a name with several addresses, none of which answers, tells what is wrong with them', async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'shadowtap-'));
    const file = join(folder.path, 'kubeconfig');
    writeFileSync(file, readFileSync(cluster.kubeconfig, 'utf8').replace(cluster.url, 'https://localhost:1'));
    expect((await failureOf(ApiClient.fromKubeconfig(file).call({ path: NAMESPACE }))).message).toMatch(/does not answer \(connect ECONNREFUSED/);
  });

  it('ends when nobody wants it any more', async () => {
    faults.hang({}, 1);
    const stop = new AbortController();
    const work = failureOf(api.call({ path: NAMESPACE, signal: stop.signal }));
    await expect.poll(() => faults.requests().length, WAIT).toBe(1);
    stop.abort();
    await work;
  });
});

describe('the connections of a client', () => {
  it('are one, for all requests and watches together', async () => {
    const reflectors = Array.from({ length: 7 }, () => new Reflector(api, SETTINGS, {}, () => {}, QUICK));
    for (const reflector of reflectors) reflector.start();
    await expect.poll(() => faults.watches().length, WAIT).toBe(7);
    await Promise.all(Array.from({ length: 20 }, () => api.call({ path: NAMESPACE })));
    expect(new Set(faults.requests().map(({ connection }) => connection)).size).toBe(1);
    // A server that was away gets one again, though all watches failed at the same moment; another where one of them
    // still failed while the first was being opened.
    await faults.unavailable();
    await expect.poll(() => reflectors.every((reflector) => reflector.status().state === 'failing'), WAIT).toBe(true);
    faults.forgetRequests();
    await faults.available();
    await expect.poll(() => faults.watches().length, WAIT).toBe(7);
    expect(new Set(faults.requests().map(({ connection }) => connection)).size).toBeLessThanOrEqual(2);
    await Promise.all(reflectors.map((reflector) => reflector.stop()));
  });

  it('are not given up for what failed over those before them', async () => {
    await api.call({ path: NAMESPACE });
    faults.hang({ verb: 'get' }, 2);
    const [early, late] = [50, 300].map((timeoutMs) => failureOf(api.call({ path: NAMESPACE, timeoutMs })));
    await early;
    await api.call({ path: NAMESPACE });
    await late;
    await api.call({ path: NAMESPACE });
    const [, , , before, after] = faults.requests().map(({ connection }) => connection);
    expect(after).toBe(before);
  });

  it('are closed with it, those too that it has given up while streams ran over them', async () => {
    const { signal } = new AbortController();
    for (let i = 0; i < 3; i++) {
      const bytes = await api.stream({ path: CONFIG_MAPS, query: { watch: '1' }, signal, silenceMs: 0 });
      void drain(bytes);
      faults.hang({ verb: 'get' }, 1);
      await failureOf(api.call({ path: NAMESPACE, timeoutMs: 50 }));
    }
    expect(new Set(faults.watches().map(({ connection }) => connection)).size).toBe(3);
    await api.close();
    await expect.poll(() => faults.watches(), WAIT).toEqual([]);
  });

  it('take no memory for each request, though client-node makes a dispatcher for each', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [ASK_OFTEN, cluster.kubeconfig], { timeout: 15_000 });
    // 2,000 dispatchers with their pools would be two megabytes and more.
    expect(Number(stdout)).toBeLessThan(300_000);
    expect(new Set(faults.requests().map(({ connection }) => connection)).size).toBe(1);
  });
});

describe('credentials', () => {
  it('are taken up soon after they were renewed, also when the server knows the old ones no more', async () => {
    const root = dirname(await cluster.kubeconfigOf('credentials', 'agent'));
    await cluster.apply(
      { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name: 'reader' }, rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['list', 'watch'] }] },
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'ClusterRoleBinding',
        metadata: { name: 'reader' },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'reader' },
        subjects: [{ kind: 'ServiceAccount', namespace: 'credentials', name: 'agent' }],
      },
    );
    const { hostname, port } = new URL(cluster.url);
    process.env['KUBERNETES_SERVICE_HOST'] = hostname;
    process.env['KUBERNETES_SERVICE_PORT'] = port;
    const inPod = ApiClient.inCluster(`${root}/`);
    expect([inPod.server, inPod.namespace]).toEqual([cluster.url, 'credentials']);
    const reflector = new Reflector(inPod, SETTINGS, {}, () => {}, QUICK);
    reflector.start();
    await expect.poll(() => reflector.status().watches, WAIT).toBe(1);
    faults.expireTokens();
    faults.dropWatches();
    await expect.poll(() => reflector.status().problem, WAIT).toContain('the credentials are not accepted');
    await faults.rotateTokens();
    const begun = performance.now();
    await expect.poll(() => reflector.status().state, WAIT).toBe('following');
    expect(performance.now() - begun).toBeLessThan(2_000);
    expect(reflector.status().lists).toBe(1);
    await reflector.stop();
    await inPod.close();
  });

  it('that cannot be read are told as such', async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'shadowtap-'));
    const file = join(folder.path, 'kubeconfig');
    const write = (change: (text: string) => string): void => writeFileSync(file, change(readFileSync(cluster.kubeconfig, 'utf8')));
    expect(() => ApiClient.fromKubeconfig(join(folder.path, 'none'))).toThrow(/none cannot be used: ENOENT/);
    expect(() => ApiClient.fromKubeconfig(cluster.kubeconfig, 'elsewhere')).toThrow(/it has no context "elsewhere"/);
    write((text) => text.replace(/current-context: test/, 'current-context: gone'));
    expect(() => ApiClient.fromKubeconfig(file)).toThrow(/names no cluster/);
    write((text) => text.replace(/client-key-data: .*/, 'client-key: missing.pem'));
    const unreadable = ApiClient.fromKubeconfig(file);
    await expect(unreadable.call({ path: NAMESPACE })).rejects.toMatchObject({ code: 'KUBE_CONFIG', message: expect.stringContaining('missing.pem') });
    write((text) => text.replace('https:', 'http:'));
    await expect(ApiClient.fromKubeconfig(file).call({ path: NAMESPACE })).rejects.toMatchObject({ code: 'KUBE_CONFIG' });
  });

  it('outside a pod are asked for', () => {
    delete process.env['KUBERNETES_SERVICE_HOST'];
    expect(() => ApiClient.inCluster()).toThrow(/KUBERNETES_SERVICE_HOST is not set/);
  });
});

describe('the clock of the server', () => {
  it('is compared with ours at each answer', async () => {
    await api.call({ path: NAMESPACE });
    expect(api.clockSkewMs).toBe(0);
    faults.clockSkew(90_000);
    await using following = new Following({ kubeconfig: cluster.kubeconfig, resource: SETTINGS, selection: {} });
    await expect.poll(() => following.api.clockSkewMs, WAIT).toBeGreaterThan(87_000);
    expect(following.api.clockSkewMs).toBeLessThan(93_000);
    faults.clockSkew(-3_600_000);
    await api.call({ path: NAMESPACE });
    expect(Math.round(api.clockSkewMs / 60_000)).toBe(-60);
    faults.clockSkew(0);
    await api.call({ path: NAMESPACE });
    expect(api.clockSkewMs).toBe(0);
  });
});

/** Reads to the end, which may be a break. */
async function drain(bytes: AsyncIterable<Uint8Array>): Promise<void> {
  const reader = bytes[Symbol.asyncIterator]();
  const next = (): Promise<void> => reader.next().then(({ done }) => (done === true ? undefined : next()), () => {});
  await next();
}
