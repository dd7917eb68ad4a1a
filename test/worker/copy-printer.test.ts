import { fileURLToPath } from 'node:url';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import type { CopyLine } from '../../src/worker/copy-printer.ts';
import { replayCapture } from '../../src/worker/replay.ts';
import { policy } from '../policy/support.ts';

const CAPTURE = fileURLToPath(new URL('../../scripts/demo/traffic.pcap', import.meta.url));

async function dryRun(spec: Record<string, unknown>): Promise<{ lines: CopyLine[]; out: string; err: string }> {
  const out = new PassThrough();
  const err = new PassThrough();
  const written = Promise.all([text(out), text(err)]);
  const policies = [policy({ matches: [{ path: { value: '/api' } }], ...spec })];
  await replayCapture({ capture: CAPTURE, to: null, policies, speed: Infinity, ports: [], dryRun: true, out, err });
  out.end();
  err.end();
  const [lines, summary] = await written;
  return { lines: lines.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as CopyLine), out: lines, err: summary };
}

function headerOf({ headers }: CopyLine, name: string): string | undefined {
  return headers.find(([sent]) => sent.toLowerCase() === name)?.[1];
}

describe('a dry run of a capture with policies', () => {
  it('prints copies as their target would get them, and sends nothing', async () => {
    const filters = [{ type: 'URLRewrite', urlRewrite: { path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/v2' } } }];
    const { lines, err } = await dryRun({ targets: [{ url: 'http://192.0.2.1', hostname: 'Target', filters }] });
    expect(lines.length).toBeGreaterThan(10);
    for (const line of lines) {
      expect(line).toMatchObject({ policy: 'default/p', target: 'http://192.0.2.1' });
      expect(line.path).toMatch(/^\/v2\//);
      expect([headerOf(line, 'host'), headerOf(line, 'shadowtap-mirrored')]).toEqual(['192.0.2.1', 'default/p']);
    }
    expect(err).toContain(`${lines.length} planned`);
  });

  it('shows nothing of what is secret', async () => {
    const redact = { headers: ['x-request-id', 'x-tenant'], queryParams: ['view'] };
    const before = await dryRun({});
    const hidden = await dryRun({ redact: { ...redact, mode: 'Hash' } });
    expect(hidden.lines).toHaveLength(before.lines.length);
    const secrets = new Set(before.lines.flatMap((line) => [headerOf(line, 'x-request-id') ?? '-', headerOf(line, 'x-tenant') ?? '-']));
    secrets.delete('-');
    expect(secrets.size).toBeGreaterThan(10);
    for (const secret of [...secrets, 'view=full']) {
      expect(before.out).toContain(secret);
      expect(hidden.out).not.toContain(secret);
    }
    expect(hidden.out).toMatch(/view=redacted-/);
  });
});
