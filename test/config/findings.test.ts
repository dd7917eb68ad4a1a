import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { isMetadataAddress } from '../../src/config/metadata-address.ts';

const folder = mkdtempSync(join(tmpdir(), 'shadowtap-findings-'));
afterAll(() => rmSync(folder, { recursive: true }));

let files = 0;
function file(text: string): string {
  const path = join(folder, `${files++}`);
  writeFileSync(path, text);
  return path;
}

function load(findings: object): ReturnType<typeof loadConfig>['settings']['findings'] {
  const spec = { endpoints: [{ name: 'a', ports: [80], interfaces: ['lo'] }], findings };
  return loadConfig(file(JSON.stringify({ apiVersion: 'shadowtap.dev/v1alpha1', kind: 'Agent', spec }))).settings.findings;
}

const HOOK = 'https://hooks.example/shadowtap';

describe('settings of findings', () => {
  it('learn for five minutes and tell nobody where nothing is said', () => {
    expect(load({})).toEqual({ learnSeconds: 300, webhook: null });
  });

  it('take headers of the webhook from a file', () => {
    const headersFile = file('# for the hook\nAuthorization: Bearer abc\r\n\nX-Team:  ops \n');
    expect(load({ webhook: HOOK, headersFile, minSeverity: 'low', learning: '30s' })).toEqual({
      learnSeconds: 30,
      webhook: { url: HOOK, minSeverity: 'low', headers: { authorization: 'Bearer abc', 'x-team': 'ops' } },
    });
  });

  it.each([
    ['Authorization Bearer SECRET', 'line 1 is no header'],
    ['A: b\nContent-Length: 1SECRET', 'line 2: Content-Length is set by the agent'],
    ['A: SECRET\x01', 'line 1 is no header'],
  ])('refuse the headers %j, without showing them', (text, problem) => {
    const headersFile = file(text);
    const load1 = (): unknown => load({ webhook: HOOK, headersFile });
    expect(load1).toThrow(problem);
    expect(load1).not.toThrow('SECRET');
  });

  it.each([
    ['ftp://hooks.example/', 'give a URL'],
    ['https://user:pass@hooks.example/', 'give credentials in headersFile'],
    ['http://169.254.169.254/latest', 'link-local'],
    ['http://2852039166/', 'link-local'],
    ['http://[fd00:ec2::254]/', 'link-local'],
    ['http://[::ffff:169.254.169.254]/', 'link-local'],
    ['https://hooks.example/#x', 'without a fragment'],
  ])('refuse the webhook %s', (webhook, problem) => {
    expect(() => load({ webhook })).toThrow(problem);
  });

  it('refuse headers without a webhook, and a file that is not there', () => {
    expect(() => load({ headersFile: '/nowhere' })).toThrow('give findings.webhook');
    expect(() => load({ webhook: HOOK, headersFile: '/nowhere/x' })).toThrow('findings.headersFile /nowhere/x: cannot be read');
  });
});

describe('addresses of metadata services', () => {
  it('are known in every form, and others are not among them', () => {
    expect(['169.254.169.254', '::ffff:169.254.0.1', 'fe80::1', 'fd00:ec2::254', '168.63.129.16', '0.0.0.0'].map(isMetadataAddress)).toEqual([true, true, true, true, true, true]);
    expect(['127.0.0.1', '::1', '10.0.0.1', '100.100.100.201', '2001:db8::1'].map(isMetadataAddress)).toEqual([false, false, false, false, false]);
  });
});
