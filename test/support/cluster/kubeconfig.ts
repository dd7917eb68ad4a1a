import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { Identity } from './pki.ts';

/** Where a pod finds its service account's token. */
const MOUNT = 'var/run/secrets/kubernetes.io/serviceaccount';

/** Writes a kubeconfig file for a client certificate. @returns its path */
export async function writeAdminConfig(folder: string, url: string, ca: string, { cert, key }: Identity): Promise<string> {
  const user = { 'client-certificate-data': base64(cert), 'client-key-data': base64(key) };
  return writeConfig(join(folder, 'admin.kubeconfig'), url, ca, 'admin', user, 'default');
}

/** A service account's files, below the folder that its kubeconfig lies in. */
export interface AccountFiles {
  readonly kubeconfig: string;
  readonly tokenFile: string;
}

/**
 * Writes the files of a service account: a kubeconfig whose `tokenFile` is laid out, with `ca.crt` and `namespace`, as
 * it is in a pod, below the kubeconfig's folder.
 */
export async function writeAccountConfig(
  folder: string,
  url: string,
  ca: string,
  namespace: string,
  name: string,
  token: string,
): Promise<AccountFiles> {
  const home = join(folder, namespace, name);
  const mount = join(home, MOUNT);
  await mkdir(mount, { recursive: true });
  const tokenFile = join(mount, 'token');
  await Promise.all([
    writeFile(tokenFile, token, { mode: 0o600 }),
    writeFile(join(mount, 'ca.crt'), ca),
    writeFile(join(mount, 'namespace'), namespace),
  ]);
  const kubeconfig = await writeConfig(join(home, 'kubeconfig'), url, ca, `${namespace}:${name}`, { token, tokenFile }, namespace);
  return { kubeconfig, tokenFile };
}

async function writeConfig(path: string, url: string, ca: string, name: string, user: object, namespace: string): Promise<string> {
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server: url, 'certificate-authority-data': base64(ca) } }],
    users: [{ name, user }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: name, namespace } }],
    'current-context': 'test',
  };
  await writeFile(path, stringify(config), { mode: 0o600 });
  return path;
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
