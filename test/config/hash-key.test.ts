import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { ShadowtapError } from '../../src/errors.ts';
import { hashKeys } from '../../src/policy/keys.ts';

const folder = mkdtempSync(join(tmpdir(), 'shadowtap-key-'));
afterAll(() => rmSync(folder, { recursive: true }));

function keysWith(hashKeyFile: string | null) {
  const file = join(folder, 'agent.yaml');
  const spec = { ...(hashKeyFile !== null && { hashKeyFile }), endpoints: [{ name: 'a', ports: [80], interfaces: ['lo'] }] };
  writeFileSync(file, JSON.stringify({ apiVersion: 'shadowtap.dev/v1alpha1', kind: 'Agent', spec }));
  return loadConfig(file).settings.hashKeys;
}

function secretFile(text: string): string {
  const file = join(folder, 'key');
  writeFileSync(file, text);
  return file;
}

function complaint(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof ShadowtapError) return `${error.code}: ${error.message}`;
  }
  throw new Error('was taken');
}

describe('hashKeyFile', () => {
  it('gives all agents that have the same secret the same keys, space around it apart', () => {
    expect(keysWith(secretFile('0123456789abcdef\n'))).toEqual(hashKeys('0123456789abcdef'));
    expect(hashKeys('0123456789abcdef')).not.toEqual(hashKeys('0123456789abcdeg'));
  });

  it('that is not given makes choices that are the same everywhere, and redaction that is not to be undone elsewhere', () => {
    expect(keysWith(null)).toEqual(hashKeys(null));
    const { stable, secret } = hashKeys(null);
    expect(stable).toBe('jOQhuVOxZaTyD6EnKUQTF41HPK-dx1tW7LKuwoET_c0');
    expect(secret).not.toBe(stable);
  });

  it('is refused where it is missing or short', () => {
    expect(complaint(() => keysWith('/nowhere/key'))).toMatch(/^CONFIG_FILE: hashKeyFile \/nowhere\/key: cannot be read .*; give a file with a secret$/);
    expect(complaint(() => keysWith(secretFile('short')))).toBe(
      `CONFIG_FILE: hashKeyFile ${join(folder, 'key')}: has 5 characters; give a secret of at least 16`,
    );
  });

  it('is refused where it is no path', () => {
    expect(complaint(() => keysWith('key'))).toContain('spec.hashKeyFile: "key" is not allowed; give a path such as /etc/shadowtap/hash-key');
  });
});
