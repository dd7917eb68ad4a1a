import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { connect } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { CoreV1Api, KubeConfig } from '@kubernetes/client-node';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Faults } from './faults.ts';
import type { KubeObject } from './objects.ts';
import { RawClient } from './raw-client.ts';
import type { ServedCluster } from './served-cluster.ts';
import { startTestCluster } from './start.ts';

/** What only the test server can do: go wrong when it is told to. */
let cluster: ServedCluster;
let faults: Faults;
let client: RawClient;

const PODS = '/api/v1/namespaces/default/pods';

beforeEach(async () => {
  cluster = await startTestCluster();
  faults = cluster.faults!;
  client = new RawClient(cluster.kubeconfig);
});

afterEach(async () => {
  await client[Symbol.asyncDispose]();
  await cluster[Symbol.asyncDispose]();
});

function pod(name: string, labels: Record<string, string> = {}): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', labels },
    spec: { containers: [{ name: 'app', image: 'app' }] },
  };
}

async function versionNow(): Promise<string> {
  return ((await client.get(PODS)).json['metadata'] as { resourceVersion: string }).resourceVersion;
}

/** All that comes until the connection ends, and how it ends. */
async function readAll(path: string): Promise<{ text: string; error: unknown }> {
  const watch = await client.watch(path);
  let error: unknown = null;
  try {
    while ((await watch.next(true)) !== null);
  } catch (thrown) {
    error = thrown;
  }
  return { text: watch.text, error };
}

describe('the server as a whole', () => {
  it('goes away for a while: connections are cut, and new ones are refused', async () => {
    await using watch = await client.watch(PODS);
    await faults.unavailable(300);
    await expect(watch.next()).rejects.toThrow();
    await expect(client.get('/healthz')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await expect.poll(() => client.get('/healthz').catch(() => ({ status: 0 })), { timeout: 3_000 }).toMatchObject({ status: 200 });
    expect(faults.connections).toBeGreaterThan(0);
  });

  it('resets connections and takes new ones', async () => {
    await using watch = await client.watch(PODS);
    faults.resetConnections();
    await expect(watch.next()).rejects.toThrow();
    expect((await client.get('/healthz')).status).toBe(200);
  });

  it('shows another time than that of its client', async () => {
    faults.clockSkew(3_600_000);
    const [made] = await cluster.apply(pod('a'));
    const { headers } = await client.get('/healthz');
    for (const text of [String(headers['date']), made?.metadata.creationTimestamp ?? '']) {
      expect(Math.abs(Date.parse(text) - Date.now() - 3_600_000)).toBeLessThan(5_000);
    }
    faults.clear();
    expect(Math.abs(Date.parse(String((await client.get('/healthz')).headers['date'])) - Date.now())).toBeLessThan(5_000);
  });

  it('speaks HTTP/2 over TLS, and HTTP/1.1 without', async () => {
    await cluster.apply(pod('a'));
    const kubeconfig = await cluster.kubeconfigOf('default', 'reader');
    const token = (
      await readFile(`${kubeconfig.replace(/kubeconfig$/, '')}var/run/secrets/kubernetes.io/serviceaccount/token`, 'utf8')
    ).trim();
    const session = connect(cluster.url, { rejectUnauthorized: false });
    const streams = ['/version', '/healthz'].map((path) => session.request({ ':path': path, authorization: `Bearer ${token}` }));
    const answers = await Promise.all(
      streams.map(async (stream) => ((await once(stream, 'response')) as [{ ':status': number }])[0][':status']),
    );
    expect(answers).toEqual([200, 200]);
    session.destroy();
    const plain = await fetch(`${cluster.url.replace('https:', 'http:')}/version`);
    expect(await plain.json()).toMatchObject({ major: '1' });
  });
});

describe('requests', () => {
  it('fail with a status as often as they are told to, and with Retry-After', async () => {
    faults.answer({ verb: 'list', resource: 'pods' }, { status: 429, retryAfter: 3 }, 2);
    const first = await client.get(PODS);
    expect(first).toMatchObject({
      status: 429,
      headers: { 'retry-after': '3' },
      json: { reason: 'TooManyRequests', details: { retryAfterSeconds: 3 } },
    });
    expect((await client.get(`${PODS}/none`)).status).toBe(404);
    expect((await client.get(PODS)).status).toBe(429);
    expect((await client.get(PODS)).status).toBe(200);
  });

  it('fail until that is cleared, with a body that is no Status', async () => {
    faults.answer({ verb: 'get' }, { status: 502, body: '<html>bad gateway</html>' });
    for (let i = 0; i < 3; i++)
      expect(await client.get('/version')).toMatchObject({ status: 502, text: '<html>bad gateway</html>', json: {} });
    faults.clear();
    expect((await client.get('/version')).status).toBe(200);
  });

  it('hang until that is cleared', async () => {
    faults.hang({ resource: 'pods' }, 1);
    const hanging = client.get(PODS);
    const first = await Promise.race([hanging.then(() => 'answered'), new Promise((resolve) => setTimeout(resolve, 100, 'hangs'))]);
    expect(first).toBe('hangs');
    expect((await client.get(PODS)).status).toBe(200);
    faults.clear();
    await expect(hanging).rejects.toThrow();
  });

  it('are counted by verb, resource and user', async () => {
    const kubeconfig = await cluster.kubeconfigOf('default', 'agent');
    await using agent = new RawClient(kubeconfig);
    faults.forgetRequests();
    await agent.get('/api/v1/pods?limit=5');
    await client.get('/api/v1/pods');
    const user = 'system:serviceaccount:default:agent';
    expect(faults.requests({ user })).toMatchObject([
      { verb: 'list', resource: 'pods', namespace: '', status: 403, target: '/api/v1/pods?limit=5' },
    ]);
    expect(faults.requests({ verb: 'list', resource: 'pods' })).toHaveLength(2);
    expect(faults.requests({ verb: 'watch' })).toEqual([]);
  });

  it('are refused with a token that has been revoked, until the file has a new one', async () => {
    const kubeconfig = await cluster.kubeconfigOf('default', 'agent');
    const tokenFile = kubeconfig.replace(/kubeconfig$/, 'var/run/secrets/kubernetes.io/serviceaccount/token');
    await using old = new RawClient(kubeconfig);
    expect((await old.get('/api')).status).toBe(200);
    faults.expireTokens();
    expect((await old.get('/api')).status).toBe(401);
    await faults.rotateTokens();
    await using fresh = new RawClient(kubeconfig, await readFile(tokenFile, 'utf8'));
    expect((await fresh.get('/api')).status).toBe(200);
  });

  it('are refused when time has passed over their token', async () => {
    await using agent = new RawClient(await cluster.kubeconfigOf('default', 'agent'));
    faults.clockSkew(2 * 3_600_000);
    expect((await agent.get('/api')).status).toBe(401);
  });
});

describe('old versions', () => {
  it('are gone for a watch: by an event, as kube-apiserver says it', async () => {
    const old = await versionNow();
    await cluster.apply(pod('a'));
    faults.compact();
    await using watch = await client.watch(`${PODS}?resourceVersion=${old}`);
    expect(watch.status).toBe(200);
    expect(await watch.next()).toMatchObject({ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } });
    expect(await watch.next()).toBeNull();
  });

  it('are gone for a watch: by the status code', async () => {
    const old = await versionNow();
    await cluster.apply(pod('a'));
    faults.compact('status');
    expect(await client.get(`${PODS}?watch=true&resourceVersion=${old}`)).toMatchObject({
      status: 410,
      json: { reason: 'Expired', code: 410 },
    });
    await using watch = await client.watch(`${PODS}?resourceVersion=${await versionNow()}`);
    expect(watch.status).toBe(200);
  });

  it('are gone for a list that is read page by page, which can go on inconsistently', async () => {
    await cluster.apply(pod('a'), pod('b'), pod('c'));
    const first = await client.get(`${PODS}?limit=1`);
    const token = (first.json['metadata'] as { continue: string }).continue;
    faults.compact();
    const expired = await client.get(`${PODS}?limit=1&continue=${token}`);
    expect(expired).toMatchObject({ status: 410, json: { reason: 'Expired' } });
    const rest = (expired.json['metadata'] as { continue: string }).continue;
    const { items } = (await client.get(`${PODS}?continue=${rest}`)).json as unknown as { items: KubeObject[] };
    expect(items.map((item) => item.metadata.name)).toEqual(['b', 'c']);
  });

  it('are gone in the middle of a watch', async () => {
    await using watch = await client.watch(`${PODS}?resourceVersion=${await versionNow()}`);
    expect(faults.expireWatches({ resource: 'pods' })).toBe(1);
    expect(await watch.next()).toMatchObject({ type: 'ERROR', object: { code: 410 } });
    expect(await watch.next()).toBeNull();
  });
});

describe('watches', () => {
  it('break at every byte, even within a character', async () => {
    await cluster.apply(pod('a', {}));
    await cluster.patch(pod('a'), { metadata: { annotations: { word: 'größe €' } } });
    const { text } = await readAll(`${PODS}?timeoutSeconds=1`);
    const bytes = Buffer.from(text);
    const [half, middle] = [Math.floor(bytes.length / 2), bytes.indexOf(Buffer.from('ö')) + 1];
    for (const cut of [1, half, middle, bytes.length - 1]) {
      faults.clear();
      faults.stream({ verb: 'watch' }, { cutAfterBytes: cut });
      const broken = await readAll(PODS);
      expect(broken.error).toBeInstanceOf(Error);
      expect(text.startsWith(broken.text)).toBe(true);
      expect(Buffer.byteLength(broken.text)).toBe(cut === middle ? cut - 1 : cut);
    }
  });

  it('come in pieces of one byte', async () => {
    await cluster.apply(pod('a'), pod('b'));
    faults.stream({ verb: 'watch' }, { pieceBytes: 1 });
    await using watch = await client.watch(PODS);
    expect(await watch.take(2)).toEqual(['ADDED a', 'ADDED b']);
    await cluster.delete(pod('a'));
    expect(await watch.take(2)).toEqual(['MODIFIED a', 'DELETED a']);
  });

  it('and lists come slowly', async () => {
    faults.stream({ verb: 'list' }, { pieceBytes: 50, pauseMs: 20 });
    const start = performance.now();
    const { json, text } = await client.get('/api/v1/namespaces');
    expect(json).toMatchObject({ kind: 'NamespaceList' });
    expect(performance.now() - start).toBeGreaterThan((text.length / 50) * 15);
  });

  it('fall silent while they are open, and go on when that is cleared', async () => {
    await using watch = await client.watch(PODS);
    faults.stream({ verb: 'watch' }, { silent: true });
    await cluster.apply(pod('lost'));
    expect(faults.bookmark()).toBe(0);
    faults.clear();
    await cluster.apply(pod('seen'));
    expect(await watch.take(1)).toEqual(['ADDED seen']);
  });

  it('bring bookmarks alone', async () => {
    await using watch = await client.watch(`${PODS}?allowWatchBookmarks=true`);
    faults.stream({ verb: 'watch' }, { bookmarksOnly: true });
    await cluster.apply(pod('lost'));
    expect(faults.bookmark({ resource: 'pods' })).toBe(1);
    expect(await watch.next(true)).toMatchObject({
      type: 'BOOKMARK',
      object: { kind: 'Pod', apiVersion: 'v1', metadata: { resourceVersion: await versionNow() } },
    });
  });

  it('get bookmarks now and then, if they ask for them', async () => {
    await using often = await startTestCluster({ bookmarkMs: 20 });
    await using reader = new RawClient(often.kubeconfig);
    await using watch = await reader.watch(`${PODS}?allowWatchBookmarks=true`);
    expect((await watch.next(true))?.type).toBe('BOOKMARK');
  });

  it('begin with the state of now and a bookmark that ends it, if they ask for that', async () => {
    await cluster.apply(pod('a'));
    await using watch = await client.watch(`${PODS}?sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true`);
    expect((await watch.next(true))?.type).toBe('ADDED');
    expect(await watch.next(true)).toMatchObject({
      type: 'BOOKMARK',
      object: { metadata: { annotations: { 'k8s.io/initial-events-end': 'true' } } },
    });
    expect((await client.get(`${PODS}?watch=true&sendInitialEvents=true`)).status).toBe(422);
  });

  it('tell everything twice', async () => {
    faults.stream({ verb: 'watch' }, { duplicate: true });
    await using watch = await client.watch(PODS);
    await cluster.apply(pod('a'));
    expect(await watch.take(2)).toEqual(['ADDED a', 'ADDED a']);
  });

  it('are late', async () => {
    faults.stream({ verb: 'watch' }, { delayMs: 200 });
    await using watch = await client.watch(PODS);
    const start = performance.now();
    await cluster.apply(pod('a'), pod('b'));
    expect(await watch.take(2)).toEqual(['ADDED a', 'ADDED b']);
    expect(performance.now() - start).toBeGreaterThan(190);
  });

  it('carry what is no JSON, and events that never were', async () => {
    await using watch = await client.watch(PODS);
    expect(faults.write('{"type":"ADDED","object":{]\n')).toBe(1);
    await expect(watch.next()).rejects.toThrow(SyntaxError);
    await using other = await client.watch(PODS);
    faults.sendEvent({ type: 'DELETED', object: { kind: 'Pod', apiVersion: 'v1', metadata: { name: 'ghost' } } });
    expect(await other.take(1)).toEqual(['DELETED ghost']);
  });

  it('end, cleanly or by a reset, and those of others go on', async () => {
    await using services = await client.watch('/api/v1/services');
    await using first = await client.watch(PODS);
    expect(faults.watches()).toMatchObject([{ resource: 'services' }, { resource: 'pods' }]);
    expect(faults.dropWatches({ resource: 'pods' })).toBe(1);
    expect(await first.next()).toBeNull();
    await using second = await client.watch(PODS);
    faults.dropWatches({ resource: 'pods' }, 'reset');
    await expect(second.next()).rejects.toThrow();
    await expect.poll(() => faults.watches()).toMatchObject([{ resource: 'services' }]);
    await cluster.apply({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 's', namespace: 'default' },
      spec: { ports: [{ port: 80 }] },
    });
    expect(await services.take(1)).toEqual(['ADDED s']);
  });

  it('are forgotten when their client goes', async () => {
    const watch = await client.watch(PODS);
    expect(faults.watches()).toHaveLength(1);
    await watch[Symbol.asyncDispose]();
    await expect.poll(() => faults.watches()).toEqual([]);
  });
});

describe('the proxy', () => {
  it('asks the pod, at its address or where it is said to be', async () => {
    const server = createServer((request, response) =>
      response.setHeader('content-type', 'text/plain').end(`${request.method} ${request.url}`),
    ).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    await cluster.apply(pod('a'));
    expect((await client.get(`${PODS}/a:9900/proxy/status`)).status).toBe(400);
    await cluster.applyStatus({ ...pod('a'), status: { podIP: '10.9.9.9' } });
    faults.routePod('10.9.9.9:9900', `127.0.0.1:${port}`);
    expect(await client.get(`${PODS}/a:9900/proxy/status/x?y=1`)).toMatchObject({ status: 200, text: 'GET /status/x?y=1' });
    const config = new KubeConfig();
    config.loadFromFile(cluster.kubeconfig);
    const api = config.makeApiClient(CoreV1Api);
    expect(await api.connectGetNamespacedPodProxyWithPath({ name: 'a:9900', namespace: 'default', path: 'status' })).toBe('GET /status');
    server.close();
    faults.routePod('10.9.9.9:9900', '127.0.0.1:1');
    expect(await client.get(`${PODS}/a:9900/proxy/`)).toMatchObject({ status: 503, json: { reason: 'ServiceUnavailable' } });
  });
});

describe('a large cluster', () => {
  it('is loaded without requests, its pods with their status', async () => {
    faults.forgetRequests();
    faults.load(Array.from({ length: 5_000 }, (_, i) => ({ ...pod(`p-${i}`), status: { phase: 'Running', podIP: '10.0.0.1' } })));
    expect(faults.requests()).toEqual([]);
    const { items } = (await client.get(`${PODS}?fieldSelector=status.phase%3DRunning`)).json as unknown as { items: KubeObject[] };
    expect(items).toHaveLength(5_000);
    expect(() => faults.load([pod('p-0')])).toThrow('already exists');
  });

  it('tells a change to the watches of its node, and to no others', async () => {
    const nodes = 200;
    const watches = await Promise.all(
      Array.from({ length: nodes }, (_, i) => client.watch(`/api/v1/pods?fieldSelector=spec.nodeName%3Dnode-${i}`)),
    );
    expect(faults.watches({ resource: 'pods' })).toHaveLength(nodes);
    faults.load(
      Array.from({ length: nodes }, (_, i) => ({
        ...pod(`p-${i}`),
        spec: { nodeName: `node-${i}`, containers: [{ name: 'app', image: 'app' }] },
      })),
    );
    for (const [i, watch] of watches.entries()) expect(await watch.take(1)).toEqual([`ADDED p-${i}`]);
    for (const watch of watches) await watch[Symbol.asyncDispose]();
  });
});
