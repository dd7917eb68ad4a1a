import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadConfig, loadControllerConfig } from '../../src/config.ts';

const folder = mkdtempSync(join(tmpdir(), 'shadowtap-page-'));
const tokenFile = join(folder, 'token');
writeFileSync(tokenFile, '0123456789abcdef\n');
afterAll(() => rmSync(folder, { recursive: true }));

function pageWith(page: object | undefined, admin?: string) {
  const file = join(folder, 'agent.yaml');
  const spec = { ...(page && { page }), ...(admin !== undefined && { admin }), endpoints: [{ name: 'a', ports: [80], interfaces: ['lo'] }] };
  writeFileSync(file, JSON.stringify({ apiVersion: 'shadowtap.dev/v1alpha1', kind: 'Agent', spec }));
  return loadConfig(file).settings.page;
}

describe('the page', () => {
  it.each(['127.0.0.1:9464', 'localhost:9464', '[::1]:9464', undefined])('is there by itself where only this machine reaches it: %s', (admin) => {
    expect(pageWith(undefined, admin)).toEqual({ enabled: true, token: null, bodies: false });
    expect(pageWith({ enabled: false }, admin).enabled).toBe(false);
  });

  it.each(['0.0.0.0:9464', ':9464', '10.0.0.1:9464', 'node-1:9464', '127.evil.example:1', 'off'])('is not there by itself at %s', (admin) => {
    expect(pageWith(undefined, admin).enabled).toBe(false);
  });

  it('needs a token where others reach it', () => {
    expect(() => pageWith({ enabled: true }, '0.0.0.0:9464')).toThrow('page.tokenFile: missing; give one');
    expect(pageWith({ enabled: true, tokenFile, bodies: true }, '0.0.0.0:9464')).toEqual({ enabled: true, token: '0123456789abcdef', bodies: true });
  });

  it('refuses a token that is short or cannot be read', () => {
    writeFileSync(join(folder, 'short'), 'short');
    expect(() => pageWith({ tokenFile: join(folder, 'short') })).toThrow('page.tokenFile');
    expect(() => pageWith({ tokenFile: join(folder, 'nowhere') })).toThrow('cannot be read');
  });

  it('does not keep a controller from starting, which goes by the same file but has no token', () => {
    const file = join(folder, 'cluster.yaml');
    const spec = { admin: '0.0.0.0:9464', kubernetes: {}, page: { enabled: true, tokenFile: '/nowhere/token' }, hashKeyFile: '/nowhere/key' };
    writeFileSync(file, JSON.stringify({ apiVersion: 'shadowtap.dev/v1alpha1', kind: 'Agent', spec }));
    expect(() => loadConfig(file)).toThrow('/nowhere/token');
    expect(loadControllerConfig(file, { logLevel: 'warn' })).toMatchObject({ admin: { host: '0.0.0.0', port: 9464 }, logLevel: 'warn', kubernetes: expect.anything() });
  });
});
