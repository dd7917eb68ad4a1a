import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Cluster } from './cluster.ts';
import { testPki } from './pki.ts';
import { startRealServer } from './real-cluster.ts';
import { ServedCluster } from './served-cluster.ts';
import { TestServer } from './server/server.ts';

export interface ClusterOptions {
  /** How often the test server sends bookmarks, in ms; a minute by default, as a real one does. */
  readonly bookmarkMs?: number;
}

/**
 * Starts a cluster: a real one, of the `etcd` and `kube-apiserver` in the folder that KUBEBUILDER_ASSETS names (the
 * convention of controller-runtime's envtest), or the test server where the variable is not set.
 */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const assets = process.env['KUBEBUILDER_ASSETS'];
  return assets ? startRealCluster(assets) : startTestCluster(options);
}

async function startRealCluster(assets: string): Promise<ServedCluster> {
  const folder = await mkdtemp(join(tmpdir(), 'shadowtap-cluster-'));
  const pki = await testPki();
  const server = await startRealServer(assets, folder, pki);
  return ServedCluster.over(server, server.url, folder, pki);
}

/** Starts the test server, whatever the environment says: for tests of faults. */
export async function startTestCluster(options: ClusterOptions = {}): Promise<ServedCluster> {
  const folder = await mkdtemp(join(tmpdir(), 'shadowtap-cluster-'));
  const pki = await testPki();
  let cluster: ServedCluster | null = null;
  const server = new TestServer(pki, { ...options, rotateTokens: async () => cluster?.rotateTokens() });
  await server.open();
  const backend = { kind: 'test' as const, faults: server.faults, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
  cluster = await ServedCluster.over(backend, `https://127.0.0.1:${server.port}`, folder, pki);
  return cluster;
}
