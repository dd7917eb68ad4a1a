import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { decodeHar } from '../../src/record/har-entry.ts';
import { decodeNdjson } from '../../src/record/ndjson.ts';
import type { ExchangeRecord } from '../../src/record/record.ts';
import { Folder } from '../record/support.ts';
import { outcomes, runCommand, startAgent, type AgentUnderTest } from '../support/agent.ts';
import { connect, curl, wrk } from '../support/clients.ts';
import { requireKernel } from '../support/kernel.ts';
import { HOST } from '../support/network.ts';
import { createScene, PORT, type Scene } from './scene.ts';

const CLI = fileURLToPath(new URL('../../src/cli.ts', import.meta.url));
const LOAD_TIME = 60_000;

type Fields = Readonly<Record<string, unknown>>;

/** A scene whose policy records to a file instead of sending copies. */
function recordingScene(file: Fields, policy: Fields = {}, settings: Fields = {}): Promise<Scene> {
  return createScene({ settings: { workers: 1, ...settings }, policy: { targets: [{ file }], ...policy } });
}

/** All records in a folder, in the order of the files' names. */
function recordsOf(folder: Folder): ExchangeRecord[] {
  return folder.names().flatMap((name) => {
    const text = folder.text(name);
    if (!name.endsWith('.har')) return text.split('\n').filter((line) => line !== '').map(decodeNdjson);
    return (JSON.parse(text) as { log: { entries: object[] } }).log.entries.map((entry) => decodeHar(JSON.stringify(entry)));
  });
}

/** Copies by target and outcome. */
async function copies(agent: AgentUnderTest): Promise<Record<string, number>> {
  const { ledger } = await agent.stats();
  return Object.fromEntries(ledger.copies.map(({ target, outcome, reason, count }) => [`${target.split(':')[0]!} ${outcome} ${reason}`.trim(), count]));
}

function replay(file: string, ...args: string[]): Promise<string> {
  return HOST.exec(process.execPath, CLI, 'replay', file, '--speed', 'max', ...args);
}

function sha256(data: Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}

/** Requests of every shape. @returns how many */
async function talk(scene: Scene): Promise<number> {
  await curl(HOST, `${scene.url}/get?a=b&c=%20`, '-H', 'X-Dup: 1', '-H', 'x-dup: 2', '-A', 'test');
  await curl(HOST, `${scene.url}/head`, '--head');
  await curl(HOST, `${scene.url}/json`, '--json', '{"a": "ü"}');
  await curl(HOST, `${scene.url}/delete`, '-X', 'DELETE');
  const client = await connect(scene.app.address, PORT);
  await client.send('POST /chunked HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n5;e=1\r\nhello\r\n3\r\n\0\x7f\n\r\n0\r\nX-Sum: 1\r\n\r\n');
  await client.receive('ok\n');
  await client.send('GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n');
  await client.receive('ok\n');
  await scene.production.waitFor(7);
  await client[Symbol.asyncDispose]();
  using folder = new Folder();
  const binary = folder.write('binary', Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7) % 256)));
  await curl(HOST, `${scene.url}/binary`, '-X', 'PUT', '--data-binary', `@${binary}`);
  return 8;
}

describe.skipIf(!requireKernel())('a file target', () => {
  it.each(['ndjson', 'har'])('records live traffic as %s, and its replay sends the mirror the same requests', async (format) => {
    using folder = new Folder();
    await using scene = await recordingScene({ path: folder.file(`x.${format}`), format });
    const before = Date.now();
    const count = await talk(scene);
    expect(outcomes((await scene.agent.settled(count)).ledger)).toEqual({ recorded: count });
    await scene.agent.stop();
    const after = Date.now();
    expect(folder.names()).toHaveLength(1);
    expect(await scene.mirror.count()).toBe(0);

    const records = recordsOf(folder);
    const sent = await scene.production.waitFor(count);
    const key = (method: string, target: string, digest: string): string => `${method} ${target} ${digest}`;
    expect(records.map(({ request }) => key(request.method, request.target, sha256(request.body!))).sort()).toEqual(
      sent.map(({ method, target, bodySha256 }) => key(method, target, bodySha256)).sort(),
    );
    for (const { policy, client, server, request, response } of records) {
      expect({ policy, server }).toEqual({ policy: 'default/next', server: { address: scene.app.address, port: PORT } });
      expect(client.port).toBeGreaterThan(0);
      expect(response).toMatchObject({ status: 200, missing: null });
      expect(response!.body!.toString()).toBe(request.method === 'HEAD' ? '' : 'ok\n');
      const times = [before - 50, request.startMs, request.endMs, response!.startMs, response!.endMs, after + 50];
      expect(times).toEqual(times.toSorted((a, b) => a - b));
    }

    const summary = await HOST.start(process.execPath, [CLI, 'replay', folder.file(folder.names()[0]!), '--speed', 'max', '--to', `http://${scene.shadow.address}:${PORT}`]).finished;
    expect(summary.stderr).toMatch(new RegExp(`${count} (ndjson|HAR) records; ${count} requests: ${count} mirrored \\(2xx\\)`));
    await scene.expectSame(count);
  });

  it('stands beside an address, and each gets its own', async () => {
    using folder = new Folder();
    await using scene = await createScene({ agent: false });
    const { spec, policies } = scene.configuration();
    const [mirror] = (policies.next as { targets: object[] }).targets;
    const limits = { maxBodyBytes: 1000 };
    const next = { ...policies.next, targets: [mirror!, { file: { path: folder.file('x') } }], limits };
    await using agent = await startAgent({ spec, policies: { next } });
    await scene.production.behave({ kind: 'answer', bodyBytes: 1001, chunked: true });
    await curl(HOST, `${scene.url}/both`, '--data-binary', 'abc');
    await curl(HOST, `${scene.url}/large`, '--data-binary', 'x'.repeat(1001));
    expect(outcomes((await agent.settled(2)).ledger)).toEqual({ 'mirrored 2xx': 1, 'too-large': 1 });
    expect(await copies(agent)).toEqual({ 'http mirrored 2xx': 1, 'file recorded': 1 });
    await scene.mirror.waitFor(1);
    expect(recordsOf(folder)).toMatchObject([{ request: { target: '/both' }, response: { status: 200, body: null, missing: 'too-large', bodyLength: 1001 } }]);
  });

  it('records an answer that breaks off as incomplete, and a request without an answer', async () => {
    using folder = new Folder();
    await using scene = await recordingScene({ path: folder.file('x') });
    await scene.production.behave({ kind: 'answer', bodyBytes: 50_000_000 });
    await using slow = await connect(scene.app.address, PORT);
    await slow.send('GET /cut HTTP/1.1\r\nHost: h\r\n\r\n');
    await slow.receive('x');
    await slow[Symbol.asyncDispose]();
    await scene.agent.settled(1);
    await scene.production.behave({ kind: 'silent' });
    await using patient = await connect(scene.app.address, PORT);
    await patient.send('GET /silent HTTP/1.1\r\nHost: h\r\n\r\n');
    await scene.production.waitFor(2);
    await patient[Symbol.asyncDispose]();
    expect(outcomes((await scene.agent.settled(2)).ledger)).toEqual({ recorded: 2 });
    expect(recordsOf(folder)).toMatchObject([{ request: { target: '/cut' }, response: { status: 200, body: null } }, { request: { target: '/silent' }, response: null }]);
  });

  it('keeps within its bounds under load, with a file for each worker, and counts every request', { timeout: LOAD_TIME }, async () => {
    using folder = new Folder();
    const file = { path: folder.file('deep/er/x.har'), format: 'har', maxBytes: 200_000, maxTotalBytes: 2_000_000, maxFiles: 8, rotateEvery: '1s' };
    await using scene = await recordingScene(file, {}, { workers: 2 });
    let most = 0;
    let files = 0;
    const watch = setInterval(() => {
      const sizes = filesIn(folder.file('deep/er')).map((name) => statSync(name, { throwIfNoEntry: false })?.size ?? 0);
      most = Math.max(most, sizes.reduce((sum, size) => sum + size, 0));
      files = Math.max(files, sizes.length);
    }, 5);
    const load = await wrk(HOST, `${scene.url}/load`, { seconds: 2, connections: 16 });
    const sent = await scene.production.count();
    const { ledger, counters } = await scene.agent.settled(sent, 20_000);
    clearInterval(watch);
    expect(load.errors).toBe(0);
    const { recorded = 0, 'shed queue': queue = 0, 'shed bytes': bytes = 0, ...other } = outcomes(ledger);
    expect(recorded).toBeGreaterThan(1000);
    expect(recorded + queue + bytes, JSON.stringify(other)).toBeGreaterThanOrEqual(sent - 16);
    expect(most).toBeGreaterThan(1_000_000);
    expect(most).toBeLessThanOrEqual(2_000_000);
    expect(files).toBeLessThanOrEqual(8);
    expect(counters['worker.recordFilesDeleted']).toBeGreaterThan(0);
    await scene.agent.stop();
    const names = filesIn(folder.file('deep/er'));
    expect(new Set(names.map((name) => /-(\d)-\d+\.har$/.exec(name)?.[1]))).toEqual(new Set(['0', '1']));
    for (const name of names) expect(JSON.parse(folder.text(name.slice(folder.path.length)))).toMatchObject({ log: { version: '1.2' } });
  });

  it('begins a new file by age, and ends the old one though nothing comes', async () => {
    using folder = new Folder();
    await using scene = await recordingScene({ path: folder.file('x.har'), format: 'har', rotateEvery: '1s' });
    await curl(HOST, `${scene.url}/1`);
    await scene.agent.settled(1);
    await expect.poll(() => folder.text(folder.names()[0]!), { timeout: 4000 }).toMatch(/\]\}\}\n$/);
    await curl(HOST, `${scene.url}/2`);
    await scene.agent.settled(2);
    expect(folder.names()).toHaveLength(2);
  });

  it('fails alone where the disk is full: production, mirror and ledger go on, and it recovers', async () => {
    using folder = new Folder();
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder.path]);
    try {
      await using scene = await createScene({ agent: false });
      const { spec, policies } = scene.configuration();
      const file = { path: folder.file('x.ndjson'), rotateEvery: '1s', maxFiles: 2 };
      await using agent = await startAgent({ spec: { ...spec, workers: 1 }, policies: { ...policies, file: { selector: {}, targets: [{ file }] } } });
      for (let i = 0; i < 30; i++) expect((await curl(HOST, `${scene.url}/${i}`, '--data-binary', 'x'.repeat(10_000))).status).toBe(200);
      expect(outcomes((await agent.settled(30)).ledger)).toEqual({ 'mirrored 2xx': 30 });
      const counts = await copies(agent);
      expect(counts['http mirrored 2xx']).toBe(30);
      expect(counts['file recorded']).toBeGreaterThan(1);
      expect(counts['file failed write']).toBeGreaterThan(1);
      expect((counts['file recorded'] ?? 0) + (counts['file failed write'] ?? 0) + (counts['file shed breaker'] ?? 0)).toBe(30);
      expect(agent.log.filter(({ msg }) => /cannot record to .*x\.ndjson: .*(ENOSPC|could be written)/.test(String(msg)))).toHaveLength(1);
      await scene.mirror.waitFor(30);
      for (const name of folder.names()) for (const line of folder.text(name).trimEnd().split('\n')) decodeNdjson(line);
      execFileSync('mount', ['-o', 'remount,size=4m', folder.path]);
      const recorded = counts['file recorded'] ?? 0;
      await expect.poll(async () => {
        await curl(HOST, `${scene.url}/again`);
        return (await copies(agent))['file recorded'];
      }, { timeout: 5000, interval: 100 }).toBeGreaterThan(recorded);
    } finally {
      execFileSync('umount', ['-l', folder.path]);
    }
  });

  it('leaves at most its last file unfinished when the agent is killed, and that can be replayed', async () => {
    using folder = new Folder();
    await using scene = await recordingScene({ path: folder.file('x.har'), format: 'har' });
    for (let i = 0; i < 3; i++) await curl(HOST, `${scene.url}/${i}`);
    await scene.agent.settled(3);
    await scene.agent.kill();
    const [name] = folder.names();
    expect(() => JSON.parse(folder.text(name!)) as unknown).toThrow();
    const lines = (await replay(folder.file(name!), '--dry-run')).trim().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { request: { target: string } }).request.target)).toEqual(['/0', '/1', '/2']);
  });

  it('has nothing in clear of what the policy redacts, on neither side', async () => {
    using folder = new Folder();
    const redact = { headers: ['authorization', 'x-secret'], cookies: ['sid'], queryParams: ['token'], jsonFields: ['/password'], mode: 'Hash' };
    await using scene = await createScene({ agent: false });
    const { spec } = scene.configuration();
    const targets = [{ file: { path: folder.file('x.ndjson') } }, { file: { path: folder.file('x.har'), format: 'har' } }];
    await using agent = await startAgent({ spec, policies: { next: { selector: {}, redact, targets } } });
    await scene.production.behave({ kind: 'answer', headers: { 'Set-Cookie': 'sid=hunter2; Path=/', 'X-Secret': 'hunter2', Location: '/next?token=hunter2' } });
    await curl(HOST, `${scene.url}/login?token=hunter2&a=b`, '-H', 'Authorization: hunter2', '-H', 'Cookie: sid=hunter2; c=d', '--json', '{"password": "hunter2", "kept": 1}');
    await agent.settled(1);
    await agent.stop();
    for (const { request, response } of recordsOf(folder)) {
      const everything = JSON.stringify([request, response, request.body!.toString(), response!.body!.toString()]);
      expect(everything).not.toContain('hunter2');
      expect(request.target).toMatch(/^\/login\?token=redacted-.*&a=b$/);
      expect(JSON.parse(request.body!.toString())).toMatchObject({ kept: 1 });
    }
    for (const name of folder.names()) expect(folder.text(name)).not.toMatch(/hunter2|aHVudGVyM|h1bnRlcj|odW50ZXIy/);
  });

  it('is only counted in a dry run', async () => {
    using folder = new Folder();
    await using scene = await createScene({ agent: false });
    const { spec } = scene.configuration();
    await using plan = runCommand(['plan', '--for', '1s', '-o', 'json'], { spec, policies: { next: { selector: {}, targets: [{ file: { path: folder.file('x') } }] } } });
    const until = Date.now() + 1500;
    while (Date.now() < until) await curl(HOST, `${scene.url}/planned`);
    const { stdout, stderr } = await plan.finished;
    expect(stdout + stderr).toContain(`file://${folder.file('x')}`);
    expect(folder.names()).toEqual([]);
  });
});

function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder).map((name) => `${folder}/${name}`);
  } catch {
    return []; // Not made yet.
  }
}
