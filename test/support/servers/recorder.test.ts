import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { connect, curl } from '../clients.ts';
import { requireKernel } from '../kernel.ts';
import { createNetwork, HOST } from '../network.ts';
import { startRecorder } from './recorder.ts';

const CHUNKED = ['POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n', '3\r\nabc\r\n', '0\r\nX-Sum: 7\r\n\r\n'];

describe.skipIf(!requireKernel())('the recording server', () => {
  it('remembers a request as it came: head, body, trailers, connection', async () => {
    await using network = await createNetwork();
    const app = await network.createPod({ name: 'app' });
    await using server = await startRecorder(app, { port: 80 });
    await using client = await connect(app.address, 80);
    await client.send(CHUNKED, 5);
    await client.receive('ok\n');
    await curl(HOST, `http://${app.address}/u`, '--data-binary', 'x'.repeat(100_000), '-H', 'X-Twice: 1', '-H', 'X-Twice: 2');
    const [chunked, curled] = await server.waitFor(2);
    expect(chunked).toMatchObject({
      method: 'POST',
      target: '/c',
      version: '1.1',
      headers: [['Host', 'a'], ['Transfer-Encoding', 'chunked'], ['Trailer', 'X-Sum']],
      trailers: [['X-Sum', '7']],
      bodyLength: 3,
      bodySha256: createHash('sha256').update('abc').digest('hex'),
      complete: true,
      connection: 1,
    });
    expect(curled).toMatchObject({ bodyLength: 100_000, connection: 2 });
    expect(curled?.headers.filter(([name]) => name === 'X-Twice')).toEqual([['X-Twice', '1'], ['X-Twice', '2']]);
  });

  it('tells an aborted upload from a whole one', async () => {
    await using network = await createNetwork();
    const app = await network.createPod({ name: 'app' });
    await using server = await startRecorder(app, { port: 80 });
    const client = await connect(app.address, 80);
    await client.send('POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 100\r\n\r\n');
    await client.receive('100 Continue');
    await client.send('half');
    client.reset();
    const [request] = await server.waitFor(1);
    expect(request).toMatchObject({ target: '/a', complete: false });
    expect(request?.bodyLength).toBeLessThanOrEqual(4);
  });

  it('answers slowly, never, with garbage, with half an answer, with a reset, or not at all', async () => {
    await using network = await createNetwork();
    const app = await network.createPod({ name: 'app' });
    await using server = await startRecorder(app, { port: 80, behaviour: { kind: 'answer', delayMs: 300, status: 503 } });
    const ask = () => curl(HOST, `http://${app.address}/`, '--max-time', '1');

    const started = Date.now();
    expect((await ask()).status).toBe(503);
    expect(Date.now() - started).toBeGreaterThanOrEqual(299);
    await server.behave({ kind: 'silent' });
    await expect(ask()).rejects.toThrow('ended with 28');
    await server.behave({ kind: 'garbage' });
    await expect(ask()).rejects.toThrow('ended with 1:');
    await server.behave({ kind: 'truncate' });
    await expect(ask()).rejects.toThrow(/ended with (18|56)/);
    await server.behave({ kind: 'reset' });
    await expect(ask()).rejects.toThrow(/ended with (52|56)/);
    await server.behave({ kind: 'answer', bodyBytes: 10, chunked: true });
    expect(await ask()).toEqual({ status: 200, body: 'xxxxxxxxxx' });
    server.pause();
    await expect(ask()).rejects.toThrow('ended with 28');
    server.resume();
    await server.stop();
    await expect(ask()).rejects.toThrow('ended with 7');
  });

  it('waits for requests no longer than it is told to', async () => {
    await using server = await startRecorder(HOST, { port: 0, host: '127.0.0.1' });
    await expect(server.waitFor(1, 50)).rejects.toThrow('0 of 1 requests arrived within 50 ms');
  });

  it('says why it cannot listen', async () => {
    await using network = await createNetwork();
    await using _first = await startRecorder(HOST, { port: 18080, host: network.address });
    await expect(startRecorder(HOST, { port: 18080, host: network.address })).rejects.toThrow('EADDRINUSE');
  });
});
