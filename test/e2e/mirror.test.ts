import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { outcomes } from '../support/agent.ts';
import { connect, curl } from '../support/clients.ts';
import { requireKernel } from '../support/kernel.ts';
import { HOST } from '../support/network.ts';
import { createScene, PORT } from './scene.ts';

const HEADERS = ['-H', 'X-Request-ID: 7', '-H', 'x-dup: 1', '-H', 'X-Dup: 2', '-H', 'Cookie: a=b; c=d', '-A', 'curl-test'];

describe.skipIf(!requireKernel()).each(['ebpf:tcx', 'ebpf:cgroup', 'ebpf:clsact', 'pcap'])('mirroring through %s', (tap) => {
  it('copies GET, HEAD, POST, PUT, DELETE and a query exactly once, headers and all', async () => {
    await using scene = await createScene({ tap });
    await curl(HOST, `${scene.url}/a?b=c&d=%20`, ...HEADERS);
    await curl(HOST, `${scene.url}/head`, '--head');
    await curl(HOST, `${scene.url}/post`, '--json', '{"a": "ü"}', ...HEADERS);
    await curl(HOST, `${scene.url}/put`, '-X', 'PUT', '--data-binary', 'x'.repeat(5000));
    await curl(HOST, `${scene.url}/delete`, '-X', 'DELETE');
    await scene.expectSame(5);
    const { ledger } = await scene.agent.settled(5);
    expect(outcomes(ledger)).toEqual({ 'mirrored 2xx': 5 });
    expect(outcomes(await scene.agent.stop())).toEqual({ 'mirrored 2xx': 5 });
  });

  it('copies requests over IPv6', async () => {
    await using scene = await createScene({ tap });
    await curl(HOST, `http://[${scene.app.address6}]:${PORT}/six`, '--data-binary', 'six');
    await scene.expectSame(1);
  });

  it('joins a connection that is older than the agent at its next request', async () => {
    await using scene = await createScene({ tap, agent: false });
    await using client = await connect(scene.app.address, PORT);
    await client.send('GET /before HTTP/1.1\r\nHost: h\r\n\r\n');
    await client.receive('ok\n');
    await scene.production.forget();
    await scene.startAgent();
    for (const path of ['/1', '/2']) {
      await client.send(`POST ${path} HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc`);
      await client.receive('ok\n');
    }
    await scene.expectSame(2);
  });

  it('copies a 1 MiB and a 20 MiB body byte for byte', async () => {
    // A ring that holds the whole upload, at a speed at which also the 8 MiB of the pcap tap in the kernel hold for a while:
    // on a busy machine the worker may come late, and the tap would rightly shed.
    const settings = { ringBytes: 64 << 20 };
    await using scene = await createScene({ tap, settings, policy: { limits: { maxBodyBytes: 32 << 20, maxQueueBytes: 64 << 20 } } });
    await using stack = new AsyncDisposableStack();
    for (const mib of [1, 20]) {
      const upload = HOST.start('sh', ['-c', `head -c ${mib << 20} /dev/urandom | curl -sS --limit-rate 10M --data-binary @- ${scene.url}/${mib}`]);
      stack.use(upload);
      expect(await upload.finished).toMatchObject({ code: 0, stderr: '' });
    }
    await scene.expectSame(2, 20_000);
  });
});

describe.skipIf(!requireKernel())('mirroring', () => {
  it('copies chunked requests with extensions and trailers, with the content whole', async () => {
    await using scene = await createScene();
    await using client = await connect(scene.app.address, PORT);
    await client.send([
      'POST /chunked HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n',
      '5;ext="a;b"\r\nhello\r\n',
      '6\r\n world\r\n0\r\nX-Sum: 1\r\n\r\n',
    ], 20);
    await client.receive('ok\n');
    await scene.expectSame(1);
    expect(await scene.production.requests()).toMatchObject([{ trailers: [['X-Sum', '1']], bodyLength: 11 }]);
  });

  it('copies pipelined requests, however they are cut into packets', async () => {
    await using scene = await createScene();
    const one = (i: number): string => `POST /p${i} HTTP/1.1\r\nHost: h\r\nX-N: ${i}\r\nContent-Length: 4\r\n\r\nbod${i % 10}`;
    await using together = await connect(scene.app.address, PORT);
    await together.send(Array.from({ length: 8 }, (_, i) => one(i)).join(''));
    await using cut = await connect(scene.app.address, PORT);
    const text = Array.from({ length: 8 }, (_, i) => one(i + 8)).join('');
    await cut.send(text.match(/[^]{1,10}/g) ?? [], 1);
    await scene.expectSame(16);
    expect(outcomes((await scene.agent.settled(16)).ledger)).toEqual({ 'mirrored 2xx': 16 });
  });

  it('copies what arrives byte by byte', async () => {
    await using scene = await createScene();
    await using client = await connect(scene.app.address, PORT);
    await client.sendSlowly('\r\nPOST /slow HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nslow!', 1);
    await client.receive('ok\n');
    await scene.expectSame(1);
  });

  it('copies Expect: 100-continue without the expectation', async () => {
    await using scene = await createScene();
    await curl(HOST, `${scene.url}/expect`, '-H', 'Expect: 100-continue', '--data-binary', 'z'.repeat(2000));
    await scene.expectSame(1);
    expect((await scene.mirror.requests())[0]!.headers.map(([name]) => name.toLowerCase())).not.toContain('expect');
  });

  it('copies thousands of short connections, each once', async () => {
    // Room for all that two seconds bring, so that nothing has to give way.
    const limits = { maxQueued: 1_000_000, maxQueueBytes: 1 << 30, timeout: '30s' };
    await using scene = await createScene({ settings: { ringBytes: 128 << 20, memoryBytes: 2 ** 30 }, policy: { limits } });
    const load = await HOST.exec('wrk', '-c', '16', '-t', '1', '-d', '2s', '-H', 'Connection: close', `${scene.url}/short`);
    expect(load).toContain('requests in');
    const sent = await scene.production.count();
    expect(sent).toBeGreaterThan(1000);
    const { ledger } = await scene.agent.settled(sent, 20_000);
    const { 'mirrored 2xx': mirrored = 0, ...other } = outcomes(ledger);
    // wrk cuts its last requests short when its time is over; all others arrive.
    expect(ledger.seen - mirrored, JSON.stringify(other)).toBeLessThanOrEqual(16);
    expect(await scene.mirror.count()).toBe(mirrored);
    expect(mirrored).toBeGreaterThanOrEqual(sent - 16);
  });

  it('counts an aborted upload as incomplete and sends nothing of it', async () => {
    await using scene = await createScene();
    for (const how of ['closed', 'reset'] as const) {
      const client = await connect(scene.app.address, PORT);
      await client.send(`POST /${how} HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\nonly this much`);
      await sleep(50);
      if (how === 'closed') client.end();
      await client[Symbol.asyncDispose]();
    }
    const { ledger } = await scene.agent.settled(2);
    expect(Object.keys(outcomes(ledger)).every((name) => name.startsWith('incomplete'))).toBe(true);
    expect(await scene.mirror.count()).toBe(0);
  });

  it('copies requests of pods whose interface cuts everything into packets', async () => {
    await using scene = await createScene({ pod: { offloads: false } });
    const body = 'x'.repeat(300_000);
    const client = await connect(scene.app.address, PORT);
    await client.send(`POST /plain HTTP/1.1\r\nHost: h\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    await client.receive('ok\n');
    await client[Symbol.asyncDispose]();
    await scene.expectSame(1);
  });

  it('copies everything over a path that loses, reorders and duplicates packets', async () => {
    await using scene = await createScene({ pod: { impair: { loss: 0.02, reorder: 0.05, duplicate: 0.05, seed: 7 } } });
    const body = 'y'.repeat(40_000);
    await using client = await connect(scene.app.address, PORT);
    for (let i = 0; i < 40; i++) {
      await client.send(`PUT /${i} HTTP/1.1\r\nHost: h\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
      await client.receive('ok\n', 20_000);
    }
    await scene.expectSame(40, 20_000);
    expect(outcomes((await scene.agent.settled(40)).ledger)).toEqual({ 'mirrored 2xx': 40 });
  });

  it('copies what is said on the loopback interface, once', async () => {
    await using scene = await createScene();
    await curl(scene.app, `http://127.0.0.1:${PORT}/lo`);
    await scene.expectSame(1);
    expect(outcomes((await scene.agent.settled(1)).ledger)).toEqual({ 'mirrored 2xx': 1 });
  });

  it('counts requests by policy: unmatched, excluded, method, sampled out, too large, loop', async () => {
    const policy = {
      matches: [{ path: { type: 'PathPrefix', value: '/api' } }],
      excludes: [{ path: { type: 'PathPrefix', value: '/api/private' } }],
      methods: ['GET', 'POST'],
      limits: { maxBodyBytes: 100 },
    };
    await using scene = await createScene({ policy });
    await curl(HOST, `${scene.url}/api/yes`);
    await curl(HOST, `${scene.url}/apis`);
    await curl(HOST, `${scene.url}/api/private/x`);
    await curl(HOST, `${scene.url}/api/x`, '-X', 'DELETE');
    await curl(HOST, `${scene.url}/api/x`, '--data-binary', 'x'.repeat(101));
    await curl(HOST, `${scene.url}/api/x`, '-H', 'Shadowtap-Mirrored: other/agent');
    const { ledger } = await scene.agent.settled(6);
    expect(outcomes(ledger)).toEqual({ 'mirrored 2xx': 1, unmatched: 1, excluded: 1, method: 1, 'too-large': 1, loop: 1 });
    expect((await scene.mirror.requests()).map(({ target }) => target)).toEqual(['/api/yes']);
  });

  it('changes the copy as the target says: base path, host and headers', async () => {
    await using scene = await createScene({ agent: false });
    const target = {
      url: `http://${scene.shadow.address}:${PORT}/v2/`,
      hostname: 'Shadow',
      filters: [{
        type: 'RequestHeaderModifier',
        requestHeaderModifier: { set: [{ name: 'X-Env', value: 'shadow' }], add: [{ name: 'X-More', value: '1' }], remove: ['Authorization'] },
      }],
    };
    const { startAgent } = await import('../support/agent.ts');
    const { spec } = scene.configuration();
    await using agent = await startAgent({ spec, policies: { next: { selector: {}, targets: [target] } } });
    await curl(HOST, `${scene.url}/a`, '-H', 'Host: shop.example:81', '-H', 'x-env: prod', '-H', 'Authorization: Bearer t');
    const [copy] = await scene.mirror.waitFor(1);
    expect(copy!.target).toBe('/v2/a');
    const headers = copy!.headers.map(([name, value]) => [name.toLowerCase(), value]);
    expect(headers).toContainEqual(['host', 'shop.example-shadow:81']);
    expect(headers).toContainEqual(['x-env', 'shadow']);
    expect(headers).toContainEqual(['x-more', '1']);
    expect(headers.map(([name]) => name)).not.toContain('authorization');
    await agent.settled(1);
  });
});
