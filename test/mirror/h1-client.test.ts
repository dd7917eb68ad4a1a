import { createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { H1Client } from '../../src/mirror/h1-client.ts';
import type { HttpClientOptions, OutgoingRequest } from '../../src/mirror/http-client.ts';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

/** A server that hears raw bytes and answers raw bytes. */
class RawMirror {
  readonly sockets: Socket[] = [];
  /** What came in, a text for each read of each connection. */
  readonly reads: string[] = [];
  origin = '';
  readonly #onRead: (socket: Socket, text: string, mirror: RawMirror) => void;

  constructor(onRead: (socket: Socket, text: string, mirror: RawMirror) => void) {
    this.#onRead = onRead;
  }

  async start(): Promise<this> {
    const server = createServer((socket) => {
      this.sockets.push(socket);
      socket.on('error', () => {});
      socket.on('data', (bytes) => {
        const text = bytes.toString('latin1');
        this.reads.push(text);
        this.#onRead(socket, text, this);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    this.origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    cleanups.push(() => {
      this.sockets.forEach((socket) => socket.destroy());
      server.close();
    });
    return this;
  }
}

/** Answers every request that ends in an empty line. */
function answering(answer: string): Promise<RawMirror> {
  return new RawMirror((socket, text) => socket.write(answer.repeat(text.split('\r\n\r\n').length - 1))).start();
}

function open({ origin }: RawMirror, options: Partial<HttpClientOptions> = {}): H1Client {
  const client = new H1Client(origin, { connections: 4, pipelining: 1, ...options });
  cleanups.push(() => void client.destroy());
  return client;
}

const GET: OutgoingRequest = { method: 'GET', path: '/', headers: ['Host', 'shop'], body: null };

/** @returns the status, or why there is none */
function fetchOne(client: H1Client, request: Partial<OutgoingRequest> = {}): Promise<number | string> {
  return new Promise((resolve) => {
    let status = 0;
    client.send(
      { ...GET, ...request },
      { keeper: null, onAnswer: (value) => (status = value), onEnd: () => resolve(status), onFailure: (reason) => resolve(reason) },
    );
  });
}

describe('requests of our HTTP/1.1 client', () => {
  it('go out in one piece, with the order and case of their fields, and nothing added but the length', async () => {
    const mirror = await answering(OK);
    const headers = ['x-B', '1', 'HOST', 'shop:80', 'X-b', '\xe9'];
    expect(await fetchOne(open(mirror), { method: 'POST', path: '/a?b', headers, body: Buffer.from('\x00\xff\r\n\r\n', 'latin1') })).toBe(200);
    expect(mirror.reads).toEqual(['POST /a?b HTTP/1.1\r\nx-B: 1\r\nHOST: shop:80\r\nX-b: \xe9\r\nContent-Length: 6\r\n\r\n\x00\xff\r\n\r\n']);
  });

  it('say that content is empty where there could be some', async () => {
    const mirror = await answering(OK);
    await fetchOne(open(mirror), { body: Buffer.alloc(0) });
    expect(mirror.reads).toEqual(['GET / HTTP/1.1\r\nHost: shop\r\nContent-Length: 0\r\n\r\n']);
  });

  it('may be OPTIONS *', async () => {
    const mirror = await answering(OK);
    expect(await fetchOne(open(mirror), { method: 'OPTIONS', path: '*' })).toBe(200);
    expect(mirror.reads[0]).toMatch(/^OPTIONS \* HTTP\/1\.1\r\n/);
  });

  it('arrive whole when their content is large', async () => {
    let received = 0;
    const mirror = await new RawMirror((socket, text) => {
      received += text.length;
      if (received >= 3_000_000) socket.write(OK);
    }).start();
    expect(await fetchOne(open(mirror), { method: 'PUT', body: Buffer.alloc(3_000_000, 'x') })).toBe(200);
    expect(received).toBe(3_000_000 + 'PUT / HTTP/1.1\r\nHost: shop\r\nContent-Length: 3000000\r\n\r\n'.length);
  });

  it.each<[string, Partial<OutgoingRequest>]>([
    ['a line break in a value', { headers: ['Host', 'shop', 'x', 'a\r\nSecond: b'] }],
    ['a character that becomes a line break as a byte', { headers: ['x', 'a\u010ab'] }],
    ['a colon in a name', { headers: ['a: b\r\nc', 'd'] }],
    ['an empty name', { headers: ['', 'd'] }],
    ['a space in the target', { path: '/a HTTP/1.1\r\nx: y' }],
    ['an empty target', { path: '' }],
    ['a method with a space', { method: 'GET /x' }],
  ])('are rejected with %s', async (_what, request) => {
    const mirror = await answering(OK);
    const client = open(mirror);
    expect(await fetchOne(client, request)).toBe('rejected');
    expect(await fetchOne(client)).toBe(200);
    expect(mirror.reads).toHaveLength(1);
  });
});

describe('answers to our HTTP/1.1 client', () => {
  it.each<[string, string]>([
    ['with a length', OK],
    ['without content', 'HTTP/1.1 204 No Content\r\n\r\n'],
    ['not modified, whatever length they name', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n'],
    ['in chunks, with extensions and trailers', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\nX: y\r\n\r\n'],
    ['after interim ones', `HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n${OK}`],
    ['of HTTP/1.0 that keep the connection', 'HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 0\r\n\r\n'],
    ['without a reason phrase', 'HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n'],
  ])('%s leave the connection to the next request, at every split', async (_what, answer) => {
    for (let at = 0; at < answer.length; at += Math.max(1, answer.length >> 4)) {
      const mirror = await new RawMirror((socket) => {
        socket.write(answer.slice(0, at), 'latin1');
        setImmediate(() => setImmediate(() => socket.write(answer.slice(at), 'latin1')));
      }).start();
      const client = open(mirror);
      expect(await fetchOne(client)).toBe(Number(/ ([2-5]\d\d)/.exec(answer)![1]));
      expect(await fetchOne(client)).toBeTypeOf('number');
      expect(mirror.sockets).toHaveLength(1);
      await client.destroy();
    }
  });

  it.each<[string, string]>([
    ['say close', 'HTTP/1.1 200 OK\r\nConnection: Foo, Close\r\nContent-Length: 0\r\n\r\n'],
    ['are of HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n'],
  ])('that %s end the connection', async (_what, answer) => {
    const mirror = await answering(answer);
    const client = open(mirror);
    for (let i = 0; i < 3; i++) expect(await fetchOne(client)).toBe(200);
    expect(mirror.sockets).toHaveLength(3);
  });

  it('without a length end with the connection', async () => {
    const mirror = await new RawMirror((socket) => socket.end('HTTP/1.1 200 OK\r\n\r\nall of it')).start();
    const client = open(mirror);
    expect([await fetchOne(client), await fetchOne(client)]).toEqual([200, 200]);
  });

  it('to HEAD have no content and keep the connection', async () => {
    const mirror = await answering('HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n');
    const client = open(mirror);
    for (let i = 0; i < 3; i++) expect(await fetchOne(client, { method: 'HEAD' })).toBe(200);
    expect(mirror.sockets).toHaveLength(1);
  });

  it('that come before all of the content was sent end the connection', async () => {
    const mirror = await new RawMirror((socket) => {
      socket.pause();
      socket.write('HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n');
    }).start();
    const client = open(mirror);
    expect(await fetchOne(client, { method: 'POST', body: Buffer.alloc(30_000_000) })).toBe(413);
    expect(await fetchOne(client)).toBe(413);
    expect(mirror.sockets).toHaveLength(2);
  });

  it.each<[string, string]>([
    ['of another protocol', 'SSH-2.0-x\r\n\r\n'],
    ['of HTTP/2', 'HTTP/2 200 OK\r\n\r\n'],
    ['with a bad status', 'HTTP/1.1 2x0 OK\r\n\r\n'],
    ['with a status of less than 100', 'HTTP/1.1 099 No\r\n\r\n'],
    ['with bare line feeds', 'HTTP/1.1 200 OK\nContent-Length: 0\n\n'],
    ['that switch protocols unasked', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n'],
    ['with a bad chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n'],
    ['with an endless head', `HTTP/1.1 200 OK\r\n${'x: y\r\n'.repeat(30_000)}`],
  ])('%s are a protocol failure', async (_what, answer) => {
    const client = open(await answering(answer));
    expect(await fetchOne(client)).toBe('protocol');
    expect(await fetchOne(client)).toBe('protocol');
  });

  it('that nobody asked for end the connection quietly', async () => {
    const mirror = await answering(OK);
    const client = open(mirror);
    await fetchOne(client);
    mirror.sockets[0]!.write('HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n');
    await sleep(20);
    expect(await fetchOne(client)).toBe(200);
    expect(mirror.sockets).toHaveLength(2);
  });
});

describe('connections of our HTTP/1.1 client', () => {
  it('that a server closes while idle are not used again', async () => {
    const mirror = await answering(OK);
    const client = open(mirror);
    for (let i = 0; i < 3; i++) {
      expect(await fetchOne(client)).toBe(200);
      mirror.sockets[i]!.end();
      await sleep(20);
    }
    expect(mirror.sockets).toHaveLength(3);
  });

  it('that end before the answer fail as reset, once, without another try', async () => {
    const mirror = await new RawMirror((socket, _text, { reads }) => (reads.length === 1 ? socket.write(OK) : socket.destroy())).start();
    const client = open(mirror);
    expect(await fetchOne(client)).toBe(200);
    expect(await fetchOne(client)).toBe('reset');
    expect(mirror.reads).toHaveLength(2);
  });

  it('are closed when they have been idle for long', async () => {
    const mirror = await answering(OK);
    const client = open(mirror);
    await fetchOne(client);
    client.tick(performance.now() + 3_000);
    expect(await fetchOne(client)).toBe(200);
    expect(mirror.sockets).toHaveLength(1);
    client.tick(performance.now() + 5_000);
    expect(await fetchOne(client)).toBe(200);
    expect(mirror.sockets).toHaveLength(2);
  });

  it('are as few as the load needs', async () => {
    const mirror = await answering(OK);
    const client = open(mirror);
    await Promise.all([fetchOne(client), fetchOne(client), fetchOne(client)]);
    for (let i = 0; i < 5; i++) await fetchOne(client);
    expect(mirror.sockets).toHaveLength(3);
  });

  it('are given up with a delivery that is given up, as connect where there was none', async () => {
    const client = new H1Client('http://192.0.2.1:9', { connections: 1, pipelining: 1 });
    cleanups.push(() => void client.destroy());
    const reasons: string[] = [];
    const delivery = client.send(GET, { keeper: null, onAnswer() {}, onEnd() {}, onFailure: (reason) => reasons.push(reason) });
    delivery.abort();
    delivery.abort();
    expect(reasons).toEqual(['connect']);
  });
});

describe('pipelining', () => {
  it('puts the requests of one turn into one write a connection, up to its depth', async () => {
    const mirror = await answering(OK);
    const client = open(mirror, { connections: 2, pipelining: 4 });
    expect(await Promise.all(Array.from({ length: 8 }, () => fetchOne(client)))).toEqual(Array.from({ length: 8 }, () => 200));
    expect(mirror.reads).toHaveLength(2);
    expect(mirror.reads.map((text) => text.split('GET').length - 1)).toEqual([4, 4]);
  });

  it('matches answers in order', async () => {
    const mirror = await new RawMirror((socket, text) => {
      for (const [, status] of text.matchAll(/GET \/(\d+)/g)) socket.write(`HTTP/1.1 ${status} X\r\nContent-Length: 3\r\n\r\nabc`);
    }).start();
    const client = open(mirror, { connections: 1, pipelining: 8 });
    const wanted = [200, 404, 201, 503, 302, 400];
    expect(await Promise.all(wanted.map((status) => fetchOne(client, { path: `/${status}` })))).toEqual(wanted);
  });

  it('fails what is unanswered when the connection breaks, and goes on with another', async () => {
    const mirror = await new RawMirror((socket, _text, { reads }) => {
      if (reads.length === 1) socket.end(OK + OK);
      else socket.write(OK);
    }).start();
    const client = open(mirror, { connections: 1, pipelining: 8 });
    expect(await Promise.all([1, 2, 3, 4].map(() => fetchOne(client)))).toEqual([200, 200, 'reset', 'reset']);
    expect(await fetchOne(client)).toBe(200);
  });

  it('ends with an answer that says close', async () => {
    const mirror = await answering('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
    const client = open(mirror, { connections: 1, pipelining: 8 });
    expect(await Promise.all([1, 2, 3].map(() => fetchOne(client)))).toEqual([200, 'reset', 'reset']);
  });

  it('spreads over idle connections before it queues behind one', async () => {
    const mirror = await new RawMirror(() => {}).start();
    const client = open(mirror, { connections: 3, pipelining: 8 });
    for (let i = 0; i < 6; i++) {
      void fetchOne(client);
      await sleep(5);
    }
    expect(mirror.sockets).toHaveLength(3);
    expect(mirror.reads).toHaveLength(6);
  });
});
