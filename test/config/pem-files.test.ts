import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readPemFiles } from '../../src/config/pem-files.ts';
import { policy } from '../policy/support.ts';
import { AGENT_CERT_FILE, AGENT_KEY_FILE, CA, CA_FILE, MIRROR_KEY_FILE } from '../support/tls/tls.ts';

const folder = mkdtempSync(join(tmpdir(), 'shadowtap-pem-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function read(tls: Record<string, unknown>): Readonly<Record<string, string>> {
  return readPemFiles([policy({ targets: [{ url: 'http://a' }, { url: 'https://b', tls }] }, 'next')]);
}

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

describe('PEM files that targets name', () => {
  it('are read, by path', () => {
    const contents = read({ caFile: CA_FILE, certFile: AGENT_CERT_FILE, keyFile: AGENT_KEY_FILE });
    expect(Object.keys(contents)).toEqual([CA_FILE, AGENT_CERT_FILE, AGENT_KEY_FILE]);
    expect(contents[CA_FILE]).toBe(CA);
  });

  it('may be bundles of several certificates', () => {
    expect(() => read({ caFile: file('bundle.pem', CA + CA) })).not.toThrow();
  });

  it.each<[string, () => Record<string, unknown>, RegExp]>([
    ['is missing', () => ({ caFile: '/nowhere/ca.pem' }), /^MirrorPolicy default\/next: spec\.targets\[1\]\.tls\.caFile: \/nowhere\/ca\.pem: cannot be read: ENOENT/],
    ['is no certificate', () => ({ caFile: file('no.pem', 'no') }), /tls\.caFile: .*no\.pem: not usable; give a PEM file/],
    ['is a key in place of a certificate', () => ({ caFile: AGENT_KEY_FILE }), /tls\.caFile: .*: not usable; give a PEM file/],
    ['is no key', () => ({ certFile: AGENT_CERT_FILE, keyFile: CA_FILE }), /tls\.keyFile: .*: not usable; give a PEM file/],
    ['is the key of another certificate', () => ({ certFile: AGENT_CERT_FILE, keyFile: MIRROR_KEY_FILE }), /tls\.keyFile: .*: not usable; give the key of .*agent\.pem/],
    ['is far too large', () => ({ caFile: file('big.pem', 'x'.repeat(2 << 20)) }), /tls\.caFile: .*: larger than 1048576 bytes; give a PEM file/],
  ])('are refused by field, file and remedy where one %s', (_what, tls, message) => {
    expect(() => read(tls())).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringMatching(message) as string }));
  });
});
