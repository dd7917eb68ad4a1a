import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { buildSnapshot } from '../../src/policy/build-snapshot.ts';
import { Router } from '../../src/policy/router.ts';
import { Verdict } from '../../src/policy/verdict.ts';
import { exchange, policy } from '../policy/support.ts';
import { outcomes, startAgent, type AgentUnderTest } from '../support/agent.ts';
import { curl } from '../support/clients.ts';
import { requireKernel } from '../support/kernel.ts';
import type { ReceivedRequest } from '../support/servers/recorder.ts';
import { Tcpdump } from '../support/tcpdump.ts';
import { createScene, PORT, type Scene } from './scene.ts';

interface Sent {
  readonly method?: string;
  readonly headers?: readonly string[];
  readonly body?: string | Buffer;
}

/** Sends a request from the test's own process and waits for its answer. */
function send(url: string, { method = 'GET', headers = [], body }: Sent = {}): Promise<void> {
  return new Promise((resolve, reject) => {
    const length = body === undefined ? [] : ['Content-Length', String(Buffer.byteLength(body))];
    const sent = request(url, { method, headers: ['Host', 'shop.example:81', ...headers, ...length] }, (response) => {
      response.resume().on('end', resolve);
    });
    sent.on('error', reject).end(body);
  });
}

type Policies = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** Starts the agent with policies that all mirror to the scene's mirror, each the requests below `/<its name>`. */
async function start(scene: Scene, policies: Policies, spec: Record<string, unknown> = {}, endpoints: readonly object[] = []): Promise<AgentUnderTest> {
  const { spec: base } = scene.configuration();
  const documents = Object.entries(policies).map(([name, { target, ...fields }]) => {
    const targets = [{ url: `http://${scene.shadow.address}:${PORT}`, ...(target as object) }];
    return [name, { selector: { matchLabels: { app: 'shop' } }, matches: [{ path: { value: `/${name}` } }], targets, ...fields }];
  });
  return startAgent({ spec: { ...base, ...spec, endpoints: [...base.endpoints, ...endpoints] }, policies: Object.fromEntries(documents) as Record<string, object> });
}

/** Header of a copy by its name in lower case; undefined where it is not there. */
function header(copy: ReceivedRequest, name: string): string | undefined {
  return copy.headers.find(([sent]) => sent.toLowerCase() === name)?.[1];
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const TRACEPARENT = ['traceparent', `00-${TRACE}-00f067aa0ba902b7-01`, 'tracestate', 'v=1', 'baggage', 'user=7', 'b3', '1', 'X-Request-ID', 'r-1'];

describe.skipIf(!requireKernel())('policies over real traffic', () => {
  it('choose by source, path, method, headers and query', async () => {
    await using scene = await createScene({ agent: false });
    const { address: host, address6: host6, number } = scene.network;
    const client = { name: 'default/client', labels: { app: 'client' }, ports: [1], netns: scene.shadow.netns, addresses: [scene.shadow.address] };
    const policies = {
      block: { from: [{ ipBlock: { cidr: `10.231.${number}.0/24`, except: [`${host}/32`] } }] },
      six: { from: [{ ipBlock: { cidr: `${host6}/128` } }] },
      pod: { from: [{ podSelector: { matchLabels: { app: 'client' } } }] },
      space: { from: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'default' } } }] },
      elsewhere: { from: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'lab' } } }] },
      match: {
        matches: [
          { path: { type: 'Exact', value: '/match' }, method: 'POST' },
          { path: { type: 'RegularExpression', value: '/match/v[0-9]+' }, headers: [{ name: 'X-Tenant', value: 'acme' }] },
          { headers: [{ name: 'x-kind', type: 'RegularExpression', value: 'a|b' }], queryParams: [{ name: 'v', value: '2' }, { name: 'w', type: 'RegularExpression', value: '[0-9]+' }] },
        ],
      },
    };
    await using agent = await start(scene, policies, {}, [client]);
    const paths = ['/block', '/six', '/pod', '/space', '/elsewhere'];
    for (const path of paths) {
      await send(`${scene.url}${path}?host`);
      await send(`http://[${scene.app.address6}]:${PORT}${path}?host6`);
      await curl(scene.shadow, `${scene.url}${path}?pod`);
    }
    await send(`${scene.url}/match`, { method: 'POST' });
    await send(`${scene.url}/match`);
    await send(`${scene.url}/match/v12`, { headers: ['x-tenant', 'acme'] });
    await send(`${scene.url}/match/v12`, { headers: ['x-tenant', 'other'] });
    await send(`${scene.url}/match/v12/x`, { headers: ['x-tenant', 'acme'] });
    await send(`${scene.url}/any?w=7&v=2`, { headers: ['X-Kind', 'b'] });
    await send(`${scene.url}/any?w=x&v=2`, { headers: ['X-Kind', 'b'] });
    const { ledger } = await agent.settled(22);
    expect(outcomes(ledger)).toEqual({ 'mirrored 2xx': 7, unmatched: 15 });
    expect((await scene.mirror.requests()).map(({ target }) => target).sort()).toEqual([
      '/any?w=7&v=2', '/block?pod', '/match', '/match/v12', '/pod?pod', '/six?host6', '/space?pod',
    ]);
  });

  it('sample as they say: all, none, by share, by key, for each target by itself', async () => {
    await using scene = await createScene({ agent: false });
    const half = { sample: { percent: 50 } };
    const policies: Policies = {
      all: { sample: { percent: 100 } },
      none: { sample: { percent: 0 } },
      share: { sample: { percent: 12.5 } },
      fraction: { sample: { fraction: { numerator: 1, denominator: 4 } } },
      header: { ...half, stickyBy: { header: 'x-user' } },
      cookie: { ...half, stickyBy: { cookie: 'sid' } },
      query: { ...half, stickyBy: { queryParam: 'u' } },
      trace: { ...half, stickyBy: { traceId: true, seed: 'traces' } },
      source: { ...half, stickyBy: { sourceIP: true } },
      target: { stickyBy: { header: 'x-user' }, target: { percent: 50 } },
    };
    await using agent = await start(scene, policies);
    const requests: { readonly target: string; readonly headers: string[] }[] = [];
    for (let i = 0; i < 24; i++) {
      const trace = `00-${sha256(String(i)).slice(0, 32)}-00f067aa0ba902b7-01`;
      const headers = ['X-User', `u${i}`, 'Cookie', `a=1; sid=s${i}`, 'traceparent', trace];
      for (const name of Object.keys(policies).filter((one) => one !== 'share' && one !== 'fraction')) {
        requests.push({ target: `/${name}/${i}?u=q${i}`, headers });
      }
    }
    for (const { target, headers } of [...requests, ...requests]) await send(`${scene.url}${target}`, { headers });
    for (let i = 0; i < 200; i++) {
      await send(`${scene.url}/share/${i}`);
      await send(`${scene.url}/fraction/${i}`);
    }
    await agent.settled(requests.length * 2 + 400);
    const copies = (await scene.mirror.requests()).map(({ target }) => target);
    const among = (name: string): string[] => copies.filter((target) => target.startsWith(`/${name}/`));
    expect(among('all')).toHaveLength(48);
    expect(among('none')).toHaveLength(0);
    // Three sigma and a bit: 25 of 200 and 50 of 200.
    expect(Math.abs(among('share').length - 25)).toBeLessThan(20);
    expect(Math.abs(among('fraction').length - 50)).toBeLessThan(26);
    // This process has never heard of that one, and says the same of each key.
    const sticky = Object.keys(policies).filter((name) => policies[name]!['stickyBy'] !== undefined);
    const ours = Object.fromEntries(sticky.map((name) => [name, expected(name, policies[name]!, requests, scene.network.address)]));
    expect(Object.fromEntries(sticky.map((name) => [name, among(name).sort()]))).toEqual(ours);
    for (const name of ['header', 'cookie', 'query', 'trace', 'target']) {
      expect(ours[name]!.length).toBeGreaterThan(8);
      expect(ours[name]!.length).toBeLessThan(40);
    }
  });

  it('change copies: path, query, host, markers, trace, idempotency keys', async () => {
    await using scene = await createScene({ agent: false });
    const filters = [
      { type: 'URLRewrite', urlRewrite: { hostname: 'next.example', path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/v2' } } },
      { type: 'QueryModifier', queryModifier: { set: [{ name: 'env', value: 'a b' }], remove: ['debug'] } },
      { type: 'RequestHeaderModifier', requestHeaderModifier: { set: [{ name: 'X-City', value: 'Zürich' }], remove: ['Accept'] } },
    ];
    const full = [{ type: 'URLRewrite', urlRewrite: { path: { type: 'ReplaceFullPath', replaceFullPath: '/one' } } }];
    await using agent = await start(scene, {
      rewrite: { target: { filters }, marker: { name: 'X-Shadow', value: 'yes' }, trace: 'Drop', idempotencyKeys: 'Rewrite' },
      full: { target: { filters: full, hostname: 'literal.example:99' }, marker: { value: 'blue' }, trace: 'Keep' },
      plain: { target: { hostname: 'Target' } },
    });
    const headers = [...TRACEPARENT, 'Idempotency-Key', 'k-1', 'Accept', '*/*'];
    await send(`${scene.url}/rewrite/a/b?debug=1&x=%2f`, { method: 'POST', headers, body: 'body' });
    await send(`${scene.url}/rewrite`, { headers });
    await send(`${scene.url}/full/a?b=c`, { headers });
    await send(`${scene.url}/plain`, { headers });
    const { ledger } = await agent.settled(4);
    expect(outcomes(ledger)).toEqual({ 'mirrored 2xx': 4 });
    const copies = await scene.mirror.waitFor(4);
    const copyOf = (target: string): ReceivedRequest => copies.find((copy) => copy.target === target)!;
    const rewritten = copyOf('/v2/a/b?x=%2f&env=a%20b');
    expect(rewritten).toMatchObject({ method: 'POST', bodyLength: 4 });
    expect(['host', 'x-shadow', 'shadowtap-mirrored', 'x-request-id'].map((name) => header(rewritten, name))).toEqual(['next.example', 'yes', 'default/rewrite', 'r-1']);
    expect(['traceparent', 'tracestate', 'baggage', 'b3', 'accept'].map((name) => header(rewritten, name))).toEqual(Array.from({ length: 5 }));
    expect(Buffer.from(header(rewritten, 'x-city')!, 'latin1').toString()).toBe('Zürich');
    expect(header(rewritten, 'idempotency-key')).toMatch(/^[0-9a-f-]{36}$/);
    expect(header(copyOf('/v2?env=a%20b'), 'idempotency-key')).toBe(header(rewritten, 'idempotency-key'));
    const whole = copyOf('/one?b=c');
    expect(['host', 'shadowtap-mirrored', 'traceparent', 'baggage', 'b3', 'idempotency-key'].map((name) => header(whole, name))).toEqual([
      'literal.example:99', 'blue', TRACEPARENT[1], 'user=7', '1', 'k-1',
    ]);
    const plain = copyOf('/plain');
    expect(['host', 'traceparent', 'b3', 'baggage'].map((name) => header(plain, name))).toEqual([
      `${scene.shadow.address}:${PORT}`, `00-${TRACE}-00f067aa0ba902b7-00`, '0', 'user=7',
    ]);
  });

  it('let nothing out that is secret: not to the mirror, not to the log, not to any page', async () => {
    const SECRET = 'CLEARTEXT-4111';
    const folder = mkdtempSync(join(tmpdir(), 'shadowtap-redact-'));
    using _ = { [Symbol.dispose]: () => rmSync(folder, { recursive: true }) };
    const hashKeyFile = join(folder, 'key');
    writeFileSync(hashKeyFile, '0123456789abcdef');
    await using scene = await createScene({ agent: false });
    const fields = { headers: ['Authorization'], cookies: ['sid'], queryParams: ['token'], jsonFields: ['/card/number', '/list/*/pin'] };
    await using agent = await start(scene, { hash: { redact: { ...fields, mode: 'Hash' } }, remove: { redact: fields } }, { logLevel: 'debug', hashKeyFile });
    const capture = join(folder, 'mirror.pcap');
    await using tcpdump = await Tcpdump.start((...command) => scene.shadow.start(...command), capture, 'any');
    const headers = [
      'AUTHORIZATION', SECRET, 'Cookie', `a=1; sid=${SECRET}`, 'Referer', `http://shop/?token=${SECRET}`, 'Content-Type', 'application/json',
    ];
    const body = `{"card": {"number": "${SECRET}", "n": 1.0}, "list": [{"pin": "${SECRET}"}, {"x": [1]}]}`;
    const post = (path: string, content: string | Buffer, more: string[] = []): Promise<void> =>
      send(`${scene.url}${path}?a=1&token=${SECRET}`, { method: 'POST', headers: [...headers, ...more], body: content });
    await post('/hash', body);
    await post('/remove', body);
    await post('/remove/damaged', `${body},`);
    await post('/hash/encoded', gzipSync(body), ['Content-Encoding', 'gzip']);
    const { ledger } = await agent.settled(4);
    expect(outcomes(ledger)).toEqual({ 'mirrored 2xx': 2, 'failed redaction': 2 });
    const copies = await scene.mirror.waitFor(2);
    const hashed = copies.find(({ target }) => target.startsWith('/hash'))!;
    const hash = header(hashed, 'authorization')!;
    expect(hash).toMatch(/^redacted-[\w-]{22}$/);
    expect([hashed.target, header(hashed, 'cookie'), header(hashed, 'referer')]).toEqual([
      `/hash?a=1&token=${hash}`, `a=1; sid=${hash}`, `http://shop/?token=${hash}`,
    ]);
    expect(hashed).toMatchObject({ complete: true, bodySha256: sha256(body.replaceAll(SECRET, hash)) });
    const removed = copies.find(({ target }) => target.startsWith('/remove'))!;
    expect([removed.target, header(removed, 'authorization'), header(removed, 'cookie'), header(removed, 'referer')]).toEqual([
      '/remove?a=1', undefined, 'a=1', 'http://shop/',
    ]);
    expect(removed).toMatchObject({ complete: true, bodySha256: sha256('{"card": { "n": 1.0}, "list": [{}, {"x": [1]}]}') });
    const pages = await Promise.all(['/metrics', '/stats', '/readyz'].map(async (path) => (await agent.page(path)).text()));
    expect(pages.join()).not.toContain(SECRET);
    await agent.stop();
    const { stdout, stderr } = await agent.process.finished;
    await tcpdump.stop();
    // Only whether it is there: a failure must not print a capture.
    const captured = (text: string): boolean => readFileSync(capture, 'latin1').includes(text);
    expect(captured(hash)).toBe(true);
    expect(captured(SECRET)).toBe(false);
    expect(stdout + stderr).toContain('"level"');
    expect(stdout + stderr).not.toContain(SECRET);
  });
});

/** Targets of the requests that a router of our own would mirror, twice each as they were sent twice. */
function expected(name: string, fields: Readonly<Record<string, unknown>>, requests: readonly { target: string; headers: string[] }[], source: string): string[] {
  const { target, ...spec } = fields;
  const own = policy({ ...spec, targets: [{ url: 'http://m', ...(target as object) }] }, name);
  const router = new Router(buildSnapshot(1, [own], [{ id: 1, name: 'e', labels: {}, ports: [] }]));
  const verdict = new Verdict();
  return requests
    .filter((one) => one.target.startsWith(`/${name}/`))
    .flatMap((one) => {
      const made = exchange(one);
      router.route(Object.assign(made, { flow: { ...made.flow, clientAddress: source } }), 1, 80, verdict);
      return verdict.targets.length > 0 ? [one.target, one.target] : [];
    })
    .sort();
}
