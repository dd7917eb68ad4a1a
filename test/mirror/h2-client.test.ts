import { createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { BalancedClient } from '../../src/mirror/balanced-client.ts';
import { H2Client } from '../../src/mirror/h2-client.ts';
import type { Delivery, Http2Part, HttpClient, OutgoingRequest, TlsOptions } from '../../src/mirror/http-client.ts';
import { settings } from '../http/h2/frames.ts';
import { CA, MIRROR_CERT, MIRROR_KEY, MIRROR_NAME, tlsServer } from '../support/tls/tls.ts';
import { ANSWERING, H2Mirror, textOf, type Behaviour } from './h2-mirror.ts';

const PSEUDO = [':method', 'GET', ':path', '/a?b', ':authority', 'shop:80', ':scheme', 'http'];

interface Sent {
  readonly delivery: Delivery;
  /** `200`, or why there is no answer; with the trailers of the answer. */
  readonly result: Promise<{ readonly how: number | string; readonly trailers: readonly string[] }>;
}

function send(client: HttpClient, request: Partial<OutgoingRequest> = {}, http2: Partial<Http2Part> = {}): Sent {
  const { promise, resolve } = Promise.withResolvers<{ how: number | string; trailers: readonly string[] }>();
  let status = 0;
  const delivery = client.send(
    { method: 'GET', path: '/a?b', headers: [], body: null, ...request, http2: { pseudo: PSEUDO, trailers: [], live: null, ...http2 } },
    { keeper: null, onAnswer: (value) => (status = value), onEnd: (trailers) => resolve({ how: status, trailers }), onFailure: (how) => resolve({ how, trailers: [] }) },
  );
  return { delivery, result: promise };
}

async function how(sent: Sent): Promise<number | string> {
  return (await sent.result).how;
}

function open(origin: string, connections = 4, tls: TlsOptions = {}): H2Client & AsyncDisposable {
  const client = new H2Client(origin, { connections }, tls);
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.destroy() });
}

describe('requests of the HTTP/2 client', () => {
  it('keep the order of pseudo-headers and headers, duplicates, cookies in pieces and bytes above 127', async () => {
    await using mirror = await H2Mirror.start();
    await using client = open(mirror.origin);
    const headers = ['cookie', 'a=1', 'x-b', '1', 'cookie', 'b=2', 'te', 'trailers', 'x-b', '\xe9', 'host', 'a', 'user-agent', 'x', 'user-agent', 'y'];
    expect(await how(send(client, { headers }))).toBe(200);
    expect(mirror.heard[0]!.headers).toEqual([...PSEUDO, ...headers]);
    expect(mirror.heard[0]!.ended).toBe(true);
  });

  it('carry content and trailers', async () => {
    await using mirror = await H2Mirror.start();
    await using client = open(mirror.origin);
    expect(await how(send(client, { body: Buffer.from('abc') }, { trailers: ['x-sum', '1', 'x-b', '2', 'x-b', '3'] }))).toBe(200);
    expect(await how(send(client, {}, { trailers: ['x-sum', '1'] }))).toBe(200);
    expect(await how(send(client, { body: Buffer.alloc(3 << 20, 'x') }))).toBe(200);
    expect(mirror.heard.map((heard) => [textOf(heard).length, heard.trailers])).toEqual([[3, ['x-sum', '1', 'x-b', '2', 'x-b', '3']], [0, ['x-sum', '1']], [3 << 20, []]]);
    expect(mirror.sessions).toHaveLength(1);
  });

  it.each([
    ['a line break in a value', { headers: ['x', 'a\r\nb'] }],
    ['a name that is none', { headers: ['x y', 'a'] }],
    ['a field of HTTP/1.1', { headers: ['connection', 'close'] }],
  ])('are rejected where they cannot be expressed: %s', async (_what, request) => {
    await using mirror = await H2Mirror.start();
    await using client = open(mirror.origin);
    expect(await how(send(client, request))).toBe('rejected');
  });

  it('are told of the trailers of an answer, and of a head that is all there is', async () => {
    await using mirror = await H2Mirror.start(({ stream, headers }) => {
      if (headers.includes('alone')) return stream.respond({ ':status': 200, 'grpc-status': '12' }, { endStream: true });
      stream.respond({ ':status': 200 }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.end('x'.repeat(100_000));
    });
    await using client = open(mirror.origin);
    expect(await send(client).result).toEqual({ how: 200, trailers: ['grpc-status', '0'] });
    const { trailers } = await send(client, { headers: ['x-is', 'alone'] }).result;
    expect(trailers.slice(trailers.indexOf('grpc-status')).slice(0, 2)).toEqual(['grpc-status', '12']);
  });

  it('share one connection as far as the server allows streams, and wait for more connections than that', async () => {
    const waiting: (() => void)[] = [];
    let most = 0;
    await using mirror = await H2Mirror.start(
      ({ stream }, self) => {
        for (const session of self.sessions) most = Math.max(most, self.heard.filter((one) => one.stream.session === session && !one.stream.closed).length);
        waiting.push(() => {
          stream.respond({ ':status': 204 }, { endStream: true });
        });
      },
      { settings: { maxConcurrentStreams: 3 } },
    );
    await using client = open(mirror.origin, 2);
    const first = send(client);
    while (waiting.length === 0) await sleep(5);
    const rest = Array.from({ length: 9 }, () => send(client));
    await sleep(100);
    expect([mirror.sessions.length, waiting.length, client.connections, client.capacity]).toEqual([2, 6, 2, 6]);
    const timer = setInterval(() => waiting.shift()?.(), 5);
    expect(await Promise.all([first, ...rest].map(how))).toEqual(Array.from({ length: 10 }, () => 204));
    clearInterval(timer);
    expect([mirror.sessions.length, most]).toEqual([2, 3]);
  });
});

describe('a connection of the HTTP/2 client', () => {
  it('finishes what it has when the server takes leave, and another one takes what comes', async () => {
    await using mirror = await H2Mirror.start(({ stream }, self) => {
      if (self.heard.length === 1) self.sessions[0]!.goaway(0, 2 ** 31 - 1);
      setTimeout(() => stream.respond({ ':status': 200 }, { endStream: true }), 50);
    });
    await using client = open(mirror.origin);
    const first = send(client);
    while (mirror.heard.length === 0) await sleep(5);
    await sleep(20);
    expect([await how(send(client)), await how(first)]).toEqual([200, 200]);
    expect(mirror.sessions).toHaveLength(2);
  });

  it('fails what the server refuses, resets or breaks, each by itself', async () => {
    await using mirror = await H2Mirror.start(({ stream, headers }) => {
      const code = Number(headers[headers.indexOf('x-code') + 1]);
      if (code === 200) stream.respond({ ':status': 200 }, { endStream: true });
      else stream.close(code);
    });
    await using client = open(mirror.origin);
    const results = [7, 8, 2, 1, 11, 200].map((code) => how(send(client, { headers: ['x-code', `${code}`] })));
    expect(await Promise.all(results)).toEqual(['reset', 'reset', 'reset', 'protocol', 'reset', 200]);
    expect(mirror.sessions).toHaveLength(1);
  });

  it('is replaced when the server dies with answers half sent', async () => {
    await using mirror = await H2Mirror.start(({ stream }, self) => {
      stream.respond({ ':status': 200 });
      if (self.sessions.length > 1) return void stream.end();
      stream.write('half');
      setTimeout(() => self.sockets[0]!.destroy(), 30);
    });
    await using client = open(mirror.origin);
    expect(await Promise.all([how(send(client)), how(send(client))])).toEqual(['reset', 'reset']);
    expect(await how(send(client))).toBe(200);
  });

  it('goes on when a request is given up, which the server hears as a reset and never as its end', async () => {
    await using mirror = await H2Mirror.start((heard) => {
      if (!heard.headers.includes('slow')) ANSWERING(heard, mirror);
    });
    await using client = open(mirror.origin);
    await how(send(client));
    const slow = send(client, { headers: ['x-is', 'slow'], body: Buffer.alloc(1 << 20) });
    await how(send(client));
    slow.delivery.abort();
    slow.delivery.abort();
    expect(await how(slow)).toBe('timeout');
    expect(await how(send(client))).toBe(200);
    const heard = mirror.heard.find(({ headers }) => headers.includes('slow'))!;
    while (heard.reset === null) await sleep(5);
    expect([heard.ended, heard.reset, mirror.sessions.length]).toEqual([false, 8, 1]);
  });

  it('gets no more requests once it has said nothing while one ran out of time', async () => {
    await using mirror = await H2Mirror.start((heard, self) => {
      if (self.sessions.length > 1) ANSWERING(heard, self);
    });
    await using client = open(mirror.origin);
    const lost = send(client);
    while (mirror.heard.length === 0) await sleep(5);
    await sleep(20);
    const late = send(client);
    await sleep(20);
    late.delivery.abort();
    expect(await how(late)).toBe('timeout');
    expect(await how(send(client))).toBe(200);
    lost.delivery.abort();
    expect(await how(lost)).toBe('timeout');
    expect(mirror.sessions).toHaveLength(2);
    expect(client.connections).toBe(1);
  });

  it('that nobody accepts fails as connect, also when it is given up before', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    await using client = open(`http://127.0.0.1:${port}`);
    expect(await how(send(client))).toBe('connect');
    await using silent = open('http://192.0.2.1:9');
    const sent = send(silent);
    sent.delivery.abort();
    expect([await how(sent), silent.connections]).toEqual(['connect', 0]);
  });

  it('fails as protocol where the server speaks something else', async () => {
    const server = createServer((socket) => socket.on('error', () => {}).on('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    await using client = open(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    expect(await how(send(client))).toBe('protocol');
    server.close();
  });

  it('that says nothing for minutes is asked once whether it is there, and given up where it is not', async () => {
    const pings: number[] = [];
    const sockets: Socket[] = [];
    const server = createServer((socket) => {
      sockets.push(socket);
      socket.on('error', () => {}).on('data', (bytes) => bytes.includes(Buffer.from([0, 0, 8, 6, 0])) && pings.push(bytes.length));
      socket.write(settings());
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    await using client = open(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const sent = send(client);
    await sleep(50);
    const nowMs = performance.now();
    for (const seconds of [300, 331, 340]) client.tick(nowMs + seconds * 1000);
    await sleep(50);
    expect([pings, client.connections]).toEqual([[17], 1]);
    client.tick(nowMs + 352_000);
    expect(await how(sent)).toBe('timeout');
    sockets.forEach((socket) => socket.destroy());
    server.close();
  });

  it('is closed when it has been idle for long, and makes way for others', async () => {
    await using mirror = await H2Mirror.start();
    await using client = open(mirror.origin);
    await how(send(client));
    client.tick(performance.now() + 59_000);
    expect([client.connections, client.idle]).toEqual([1, 1]);
    client.tick(performance.now() + 61_000);
    expect(client.connections).toBe(0);
    await how(send(client));
    client.closeIdle();
    expect(client.connections).toBe(0);
  });
});

describe('HTTP/2 to the endpoints of a Service', () => {
  it('is spread over them, and what we cancel is held against none', async () => {
    const silent: Behaviour = () => {};
    await using one = await H2Mirror.start();
    await using other = await H2Mirror.start();
    await using mute = await H2Mirror.start(silent);
    const addressOf = ({ origin }: H2Mirror) => ({ host: '127.0.0.1', port: Number(new URL(origin).port) });
    const client = new BalancedClient(({ host, port }, room) => new H2Client(`http://${host}:${port}`, { connections: 4 }, {}, room), [addressOf(one), addressOf(other)], { connections: 4, pipelining: 1 });
    expect(await Promise.all(Array.from({ length: 40 }, () => how(send(client))))).toEqual(Array.from({ length: 40 }, () => 200));
    expect([one.heard.length, other.heard.length, one.sessions.length, other.sessions.length]).toEqual([20, 20, 1, 1]);
    client.setAddresses([addressOf(mute)]);
    for (let i = 0; i < 10; i++) {
      const sent = send(client);
      await sleep(i === 0 ? 50 : 5);
      sent.delivery.abort('cancelled');
      expect(await how(sent)).toBe('cancelled');
    }
    expect(client.anyHealthy).toBe(true);
    await client.destroy();
  });
});

describe('the HTTP/2 client behind TLS', () => {
  it('agrees on HTTP/2, by the name of the mirror and its authority', async () => {
    await using mirror = await H2Mirror.start(ANSWERING, { tls: { key: MIRROR_KEY, cert: MIRROR_CERT } });
    await using client = open(mirror.origin, 4, { ca: CA, serverName: MIRROR_NAME });
    expect(await how(send(client))).toBe(200);
    await using stranger = open(mirror.origin, 4, { serverName: MIRROR_NAME });
    expect(await how(send(stranger))).toBe('connect');
  });

  it('sends nothing to a server that has no HTTP/2', async () => {
    const server = tlsServer((_request, response) => response.end());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    server.on('tlsClientError', () => {});
    await using client = open(`https://127.0.0.1:${(server.address() as AddressInfo).port}`, 4, { ca: CA, serverName: MIRROR_NAME });
    expect(['protocol', 'connect']).toContain(await how(send(client)));
    server.closeAllConnections();
    server.close();
  });
});
