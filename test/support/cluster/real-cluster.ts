import { writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Running } from '../process.ts';
import { ApiClient } from './api-client.ts';
import { createSigningKey, type Pki } from './pki.ts';
import type { Backend } from './served-cluster.ts';

const READY_WITHIN_MS = 90_000;
const ISSUER = 'https://kubernetes.default.svc';

/**
 * Starts `etcd` and `kube-apiserver` on ports of the loopback that are free, with their data in a folder. Resolves when
 * the API is ready.
 * @param assets the folder with both commands
 */
export async function startRealServer(assets: string, folder: string, pki: Pki): Promise<Backend & { readonly url: string }> {
  const [clients, peers, secure] = await freePorts(3);
  const etcd = startEtcd(join(assets, 'etcd'), folder, `http://127.0.0.1:${clients}`, `http://127.0.0.1:${peers}`);
  const files = await writeFiles(folder, pki);
  const server = startServer(join(assets, 'kube-apiserver'), folder, files, `http://127.0.0.1:${clients}`, secure ?? 0);
  const url = `https://127.0.0.1:${secure}`;
  const stop = async (): Promise<void> => {
    await server.stop(5_000);
    await etcd.stop(5_000);
  };
  try {
    await untilReady(url, pki, [etcd, server]);
  } catch (error) {
    await stop();
    throw error;
  }
  return { kind: 'real', faults: null, url, [Symbol.asyncDispose]: stop };
}

function startEtcd(command: string, folder: string, clients: string, peers: string): Running {
  return new Running([
    command,
    '--name=default',
    `--data-dir=${join(folder, 'etcd')}`,
    `--listen-client-urls=${clients}`,
    `--advertise-client-urls=${clients}`,
    `--listen-peer-urls=${peers}`,
    `--initial-advertise-peer-urls=${peers}`,
    `--initial-cluster=default=${peers}`,
    // What is in it is not worth a disk's time.
    '--unsafe-no-fsync',
  ]);
}

/** Flags that have been the same since Kubernetes 1.20. */
function startServer(command: string, folder: string, files: Files, etcd: string, port: number): Running {
  return new Running([
    command,
    `--etcd-servers=${etcd}`,
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    `--secure-port=${port}`,
    `--cert-dir=${folder}`,
    `--tls-cert-file=${files.cert}`,
    `--tls-private-key-file=${files.key}`,
    `--client-ca-file=${files.ca}`,
    `--service-account-issuer=${ISSUER}`,
    `--service-account-signing-key-file=${files.signingKey}`,
    `--service-account-key-file=${files.signingKey}`,
    '--service-cluster-ip-range=10.0.0.0/24',
    '--authorization-mode=RBAC',
    // There is no controller that would make the service accounts that it asks for.
    '--disable-admission-plugins=ServiceAccount',
    '--endpoint-reconciler-type=none',
    '--allow-privileged=true',
  ]);
}

interface Files {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  readonly signingKey: string;
}

async function writeFiles(folder: string, pki: Pki): Promise<Files> {
  const write = async (name: string, text: string): Promise<string> => {
    const path = join(folder, name);
    await writeFile(path, text, { mode: 0o600 });
    return path;
  };
  return {
    ca: await write('ca.pem', pki.ca),
    cert: await write('server.pem', pki.server.cert),
    key: await write('server-key.pem', pki.server.key),
    signingKey: await createSigningKey(folder),
  };
}

async function untilReady(url: string, pki: Pki, commands: readonly Running[]): Promise<void> {
  const ended = Promise.race(commands.map(async ({ finished, child }) => ({ ...(await finished), command: child.spawnfile })));
  const client = new ApiClient(url, pki.ca, pki.admin);
  const until = Date.now() + READY_WITHIN_MS;
  try {
    for (;;) {
      const isReady = await client.request('GET', '/readyz').then(
        () => true,
        () => false,
      );
      if (isReady) return;
      const end = await Promise.race([ended, sleep(200)]);
      if (end !== undefined) throw new Error(`${end.command} ended with ${end.code ?? end.signal}: ${end.stderr.slice(-2000)}`);
      if (Date.now() > until) throw new Error(`kube-apiserver is not ready after ${READY_WITHIN_MS} ms`);
    }
  } finally {
    await client.close();
  }
}

/** Ports of the loopback that nobody had a moment ago. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}
