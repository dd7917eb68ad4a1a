import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** A certificate and its key, PEM. */
export interface Identity {
  readonly cert: string;
  readonly key: string;
}

/** The authority of the clusters of one process, and whom it vouches for. */
export interface Pki {
  readonly ca: string;
  /** Of the API server, at the loopback. */
  readonly server: Identity;
  /** Of an administrator: of the group `system:masters`. */
  readonly admin: Identity;
}

const run = promisify(execFile);
const NAMES = 'subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:kubernetes.default.svc,IP:10.0.0.1';

let made: Promise<Pki> | null = null;

/** An authority and certificates, made with the `openssl` command when they are first asked for. */
export function testPki(): Promise<Pki> {
  return (made ??= createPki());
}

async function createPki(): Promise<Pki> {
  const folder = await mkdtemp(join(tmpdir(), 'shadowtap-pki-'));
  try {
    await certificate(folder, 'ca', '/CN=shadowtap-test-ca', ['-addext', 'keyUsage=critical,keyCertSign,digitalSignature']);
    const signed = ['-CA', join(folder, 'ca.pem'), '-CAkey', join(folder, 'ca-key.pem'), '-addext', 'basicConstraints=critical,CA:FALSE'];
    await certificate(folder, 'server', '/CN=kube-apiserver', [...signed, '-addext', NAMES]);
    await certificate(folder, 'admin', '/O=system:masters/CN=shadowtap-test-admin', [...signed, '-addext', 'extendedKeyUsage=clientAuth']);
    const identity = async (name: string): Promise<Identity> => ({
      cert: await readFile(join(folder, `${name}.pem`), 'utf8'),
      key: await readFile(join(folder, `${name}-key.pem`), 'utf8'),
    });
    return { ca: (await identity('ca')).cert, server: await identity('server'), admin: await identity('admin') };
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function certificate(folder: string, name: string, subject: string, options: readonly string[]): Promise<void> {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', join(folder, `${name}-key.pem`)];
  await run('openssl', ['req', '-x509', '-days', '30', ...key, '-subj', subject, ...options, '-out', join(folder, `${name}.pem`)]);
}

/** A pair of RSA keys, with which a real API server signs tokens of service accounts. @returns the path of the private key */
export async function createSigningKey(folder: string): Promise<string> {
  const path = join(folder, 'service-account-key.pem');
  const { stdout } = await run('openssl', ['genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048']);
  await writeFile(path, stdout, { mode: 0o600 });
  return path;
}
