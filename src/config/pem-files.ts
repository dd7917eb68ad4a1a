import { X509Certificate, createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { messageOf, ShadowtapError } from '../errors.ts';
import { policyName } from '../policy/policy-name.ts';
import type { MirrorPolicy } from '../policy/schema.ts';

/** More is no certificate. */
const MAX_BYTES = 1 << 20;

/**
 * Reads the PEM files that `https` targets name.
 * @returns contents by path
 * @throws ShadowtapError CONFIG_INVALID: policy, field, file and what is wrong with it
 */
export function readPemFiles(policies: readonly MirrorPolicy[]): Readonly<Record<string, string>> {
  const contents: Record<string, string> = {};
  for (const policy of policies) {
    for (const [index, { tls }] of policy.spec.targets.entries()) {
      if (tls === undefined) continue;
      const { caFile, certFile, keyFile } = tls;
      const read = (field: string, path: string, check: (pem: string) => unknown): void => {
        const where = `MirrorPolicy ${policyName(policy)}: spec.targets[${index}].tls.${field}: ${path}`;
        contents[path] ??= readText(where, path);
        attempt(where, 'give a PEM file', () => check(contents[path]!));
      };
      if (caFile !== undefined) read('caFile', caFile, (pem) => new X509Certificate(pem));
      if (certFile !== undefined) read('certFile', certFile, (pem) => new X509Certificate(pem));
      if (keyFile !== undefined) read('keyFile', keyFile, (pem) => createPrivateKey(pem));
      if (certFile === undefined || keyFile === undefined) continue;
      const where = `MirrorPolicy ${policyName(policy)}: spec.targets[${index}].tls.keyFile: ${keyFile}`;
      attempt(where, `give the key of ${certFile}`, () => createSecureContext({ cert: contents[certFile]!, key: contents[keyFile]! }));
    }
  }
  return contents;
}

function readText(where: string, path: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (thrown) {
    throw new ShadowtapError('CONFIG_INVALID', `${where}: cannot be read: ${messageOf(thrown)}`, { cause: thrown });
  }
  if (bytes.length > MAX_BYTES) throw new ShadowtapError('CONFIG_INVALID', `${where}: larger than ${MAX_BYTES} bytes; give a PEM file`);
  return bytes.toString('latin1');
}

function attempt(where: string, remedy: string, action: () => unknown): void {
  try {
    action();
  } catch (thrown) {
    throw new ShadowtapError('CONFIG_INVALID', `${where}: not usable; ${remedy} (${messageOf(thrown)})`, { cause: thrown });
  }
}
