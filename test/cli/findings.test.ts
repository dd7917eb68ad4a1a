import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { main } from '../../src/cli/program.ts';

let server: Server;
let admin = '';
let answer: unknown = {};
beforeAll(async () => {
  server = createServer((_, response) => void response.setHeader('content-type', 'application/json').end(JSON.stringify(answer)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  admin = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.close();
  server.closeAllConnections();
});

const SCAN = { rule: 'path-scan', severity: 'medium', endpoint: 'shop/pod', source: '10.0.0.9', method: '', template: '', evidence: '60 of 60 answers denied', firstMs: 1, lastMs: 2_000, count: 36 };
const FLOOD = { ...SCAN, rule: 'request-flood', severity: 'high', source: '', endpoint: 'other/pod', evidence: '900 requests', lastMs: 1_000 };

async function run(...args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ['', ''];
  const code = await main(['findings', '--admin', admin, ...args], { out: { write: (text: string) => (out += text) !== '' }, err: { write: (text: string) => (err += text) !== '' } } as unknown as Parameters<typeof main>[1]);
  return { code, out, err };
}

describe('shadowtap findings', () => {
  it('shows a table, the newest first', async () => {
    answer = { findings: [FLOOD, SCAN], totals: {}, unlisted: 3 };
    const { code, out } = await run();
    expect(code).toBe(0);
    const rows = out.split('\n').filter((line) => line.includes('pod')).map((line) => line.split('│').map((cell) => cell.trim()).filter((cell) => cell !== ''));
    expect(rows).toEqual([
      ['severity', 'rule', 'pod', 'client', 'request', 'count', 'last', 'what was seen'],
      ['medium', 'path-scan', 'shop/pod', '10.0.0.9', '(many)', '36', '1970-01-01T00:00:02Z', '60 of 60 answers denied'],
      ['high', 'request-flood', 'other/pod', '(many)', '(many)', '36', '1970-01-01T00:00:01Z', '900 requests'],
    ]);
    expect(out).toContain('3 more occurrences found no place in the list.');
  });

  it('shows those of one namespace, or those that are severe enough, also as JSON', async () => {
    answer = { findings: [FLOOD, SCAN], totals: { 'path-scan': 36 }, unlisted: 0 };
    expect((await run('-n', 'shop')).out).not.toContain('request-flood');
    const { out } = await run('--min-severity', 'high', '-o', 'json');
    expect(JSON.parse(out)).toEqual({ findings: [FLOOD], totals: { 'path-scan': 36 }, unlisted: 0, problems: [] });
  });

  it('says that nothing was found, that an answer cannot be read, and what is not allowed', async () => {
    answer = { findings: [], totals: {}, unlisted: 0 };
    expect(await run()).toEqual({ code: 0, out: 'Nothing was found. Pods are looked at where a MirrorPolicy that selects them has observe: true.\n', err: '' });
    answer = { error: '\x1b[2J' };
    const unread = await run();
    expect(unread.code).toBe(1);
    expect(unread.out).toContain('what it says cannot be read');
    expect((await run('--min-severity', 'dire')).err).toContain('give info, low, medium, high');
  });
});
