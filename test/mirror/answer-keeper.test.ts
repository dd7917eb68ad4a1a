import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteBudget } from '../../src/flow/budget.ts';
import { AnswerKeeper } from '../../src/mirror/answer-keeper.ts';
import { BalancedClient } from '../../src/mirror/balanced-client.ts';
import { AnswerReader } from '../../src/mirror/h1-answers.ts';
import { H1Client } from '../../src/mirror/h1-client.ts';
import type { HttpClient, HttpClientOptions } from '../../src/mirror/http-client.ts';
import { UndiciClient } from '../../src/mirror/undici-client.ts';
import { CA, MIRROR_NAME, tlsServer } from '../support/tls/tls.ts';
import { answering, Asker, httpMirror, listening, rawMirror, textOf } from './asking.ts';

const POOL: HttpClientOptions = { connections: 4, pipelining: 1 };

/** Ways to speak HTTP/1.1 to a mirror; undici does it without TLS, too. */
const CLIENTS: [string, (origin: string) => HttpClient][] = [
  ['our client', (origin) => new H1Client(origin, POOL)],
  ['undici', (origin) => new UndiciClient(origin)],
  ['a Service', (origin) => serviceOf(origin)],
];

function serviceOf(origin: string): HttpClient {
  const { hostname: host, port } = new URL(origin);
  return new BalancedClient((_address, room) => new H1Client(origin, POOL, room), [{ host, port: Number(port) }], POOL);
}

describe.each(CLIENTS)('an answer that is kept, by %s', (_name, open) => {
  it('has its status, its headers as they were sent, and its content', async () => {
    await using mirror = await httpMirror((_request, response) => {
      response.sendDate = false;
      response.writeHead(201, ['X-B', '1', 'set-cookie', 'a=1', 'Set-Cookie', 'b=\xe9', 'Content-Length', '7']);
      response.end(Buffer.from('content'));
    });
    await using asker = new Asker(open(mirror.origin));
    const { keeper, outcome } = await asker.ask();
    expect([outcome, keeper.state, keeper.status, textOf(keeper)]).toEqual(['mirrored:2xx', 'whole', 201, 'content']);
    expect(keeper.headers.slice(0, 8)).toEqual(['X-B', '1', 'set-cookie', 'a=1', 'Set-Cookie', 'b=\xe9', 'Content-Length', '7']);
    expect(keeper.trailers).toEqual([]);
  });

  it('has content without its chunks, and the trailers behind them', async () => {
    await using mirror = await answering('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n4\r\ndefg\r\n0\r\nX-Sum: 1\r\nx-two: \xe9\r\n\r\n');
    await using asker = new Asker(open(mirror.origin));
    const { keeper } = await asker.ask();
    expect([keeper.state, textOf(keeper)]).toEqual(['whole', 'abcdefg']);
    expect(keeper.trailers).toEqual(['X-Sum', '1', 'x-two', '\xe9']);
  });

  it('stays in its content-encoding', async () => {
    const packed = gzipSync('{"a":1}'.repeat(100));
    await using mirror = await httpMirror((_request, response) => response.setHeader('content-encoding', 'gzip').end(packed));
    await using asker = new Asker(open(mirror.origin));
    expect((await asker.ask()).keeper.content).toEqual(packed);
  });

  it.each([
    ['to HEAD', 'HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n', 200],
    ['of 204', 'GET', 'HTTP/1.1 204 No Content\r\n\r\n', 204],
    ['of 304', 'GET', 'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n', 304],
    ['that is empty', 'GET', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', 200],
  ])('%s has no content', async (_what, method, answer, status) => {
    await using mirror = await answering(answer);
    await using asker = new Asker(open(mirror.origin));
    const { keeper } = await asker.ask({ method });
    expect([keeper.state, keeper.status, keeper.content]).toEqual(['whole', status, null]);
  });

  it('is the final one, whatever came before', async () => {
    await using mirror = await answering('HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    await using asker = new Asker(open(mirror.origin));
    const { keeper } = await asker.ask();
    expect([keeper.status, keeper.headers, textOf(keeper)]).toEqual([200, ['Content-Length', '2'], 'ok']);
  });

  it('ends with the connection where it has no length', async () => {
    await using mirror = await rawMirror((socket) => socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\n\r\nall of it')));
    await using asker = new Asker(open(mirror.origin));
    const { keeper } = await asker.ask();
    expect([keeper.state, textOf(keeper)]).toEqual(['whole', 'all of it']);
  });

  it('is too large beyond the bound, and then nothing of it is kept though the copy is mirrored', async () => {
    await using mirror = await httpMirror((_request, response) => response.end('x'.repeat(300_000)));
    await using asker = new Asker(open(mirror.origin));
    const { keeper, outcome } = await asker.ask({}, { maxBytes: 299_999 });
    expect([outcome, keeper.state, keeper.status, keeper.headers, keeper.content]).toEqual(['mirrored:2xx', 'too-large', 200, [], null]);
    expect(asker.budget.used).toBe(0);
    const whole = await asker.ask({}, { maxBytes: 300_000 });
    expect([whole.keeper.state, whole.keeper.content?.length]).toEqual(['whole', 300_000]);
  });

  it.each([['content', 4000], ['the head', 100]])('finds no memory for %s, and the copy is mirrored', async (_what, bytes) => {
    await using mirror = await httpMirror((_request, response) => response.end('x'.repeat(5000)));
    await using asker = new Asker(open(mirror.origin));
    const budget = new ByteBudget(bytes);
    const { keeper, outcome } = await asker.ask({}, { budget });
    expect([outcome, keeper.state, keeper.headers, keeper.content]).toEqual(['mirrored:2xx', 'memory', [], null]);
    expect(budget.used).toBe(0);
    expect(budget.refused).toBeGreaterThan(0);
  });

  it('counts against the budget until it is released', async () => {
    await using mirror = await httpMirror((_request, response) => response.end('x'.repeat(5000)));
    await using asker = new Asker(open(mirror.origin));
    const { keeper } = await asker.ask();
    expect(asker.budget.used).toBeGreaterThan(5000);
    keeper.release();
    keeper.release();
    expect(asker.budget.used).toBe(0);
    expect([keeper.content, keeper.headers]).toEqual([null, []]);
  });

  it.each([
    ['in its content', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf', 'incomplete', 200],
    ['between chunks', 'HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n', 'incomplete', 500],
    ['in its head', 'HTTP/1.1 200 OK\r\nContent-Le', 'failed', 0],
    ['before it began', '', 'failed', 0],
  ])('that is cut %s is no answer', async (_what, answer, state, status) => {
    await using mirror = await rawMirror((socket) => socket.once('data', () => socket.write(answer, () => socket.resetAndDestroy())));
    await using asker = new Asker(open(mirror.origin));
    const { keeper, outcome } = await asker.ask();
    expect(outcome).toMatch(/^failed:/);
    expect([keeper.state, keeper.status, keeper.headers, keeper.content]).toEqual([state, status, [], null]);
    expect(asker.budget.used).toBe(0);
  });

  it.each([
    ['is no HTTP', 'SSH-2.0-x\r\n\r\n', 'failed'],
    ['has a bad chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n', 'incomplete'],
    ['has an endless head', `HTTP/1.1 200 OK\r\n${'x: y\r\n'.repeat(30_000)}`, 'failed'],
    ['has endless trailers', `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n${'x: y\r\n'.repeat(30_000)}`, 'incomplete'],
  ])('that %s is no answer', async (_what, answer, state) => {
    await using mirror = await answering(answer);
    await using asker = new Asker(open(mirror.origin));
    const { keeper, outcome } = await asker.ask();
    expect(outcome).toMatch(/^failed:/);
    expect([keeper.state, keeper.content]).toEqual([state, null]);
    expect(asker.budget.used).toBe(0);
  });

  it('that does not come in time is none, and what comes after is not taken', async () => {
    let answer: (() => void) | null = null;
    await using mirror = await httpMirror((_request, response) => {
      response.write('half');
      answer = () => response.end('the rest');
    });
    await using asker = new Asker(open(mirror.origin), { timeoutMs: 1_000 });
    const { keeper, outcome } = await asker.ask();
    expect([outcome, keeper.state]).toEqual(['failed:timeout', 'incomplete']);
    answer!();
    await sleep(20);
    expect([keeper.state, keeper.content, asker.budget.used]).toEqual(['incomplete', null, 0]);
  });

  it('that is under way at a shutdown is none', async () => {
    await using mirror = await httpMirror((_request, response) => response.write('half'));
    const asker = new Asker(open(mirror.origin));
    const answered = asker.ask();
    await sleep(100);
    await asker[Symbol.asyncDispose]();
    const { keeper, outcome } = await answered;
    expect([outcome, keeper.state, asker.budget.used]).toEqual(['incomplete:shutdown', 'incomplete', 0]);
  });

  it('of a mirror that is not there is none', async () => {
    const mirror = await httpMirror(() => {});
    await mirror[Symbol.asyncDispose]();
    await using asker = new Asker(open(mirror.origin));
    const { keeper, outcome } = await asker.ask();
    expect([outcome, keeper.state, keeper.firstByteMs, keeper.completeMs]).toEqual(['failed:connect', 'failed', -1, -1]);
  });

  it('has times: of the request, of its first byte and of its last', async () => {
    await using mirror = await httpMirror((_request, response) => {
      setTimeout(() => {
        response.writeHead(200, { 'content-length': 4 }).write('ab');
        setTimeout(() => response.end('cd'), 300);
      }, 50);
    });
    await using asker = new Asker(open(mirror.origin));
    const before = performance.now();
    const { keeper } = await asker.ask();
    expect(keeper.sentMs).toBeGreaterThanOrEqual(before);
    expect(keeper.firstByteMs - keeper.sentMs).toBeGreaterThan(40);
    expect(keeper.completeMs - keeper.firstByteMs).toBeGreaterThan(30);
    expect(keeper.completeMs).toBeLessThanOrEqual(performance.now());
  });

  it('says how long connecting took where that was done for its copy', async () => {
    await using mirror = await httpMirror((_request, response) => response.end());
    await using asker = new Asker(open(mirror.origin));
    const { keeper: first } = await asker.ask();
    expect(first.connectUs).toBeGreaterThan(0);
    expect(first.connectUs).toBeLessThan(1_000_000);
    expect((await asker.ask()).keeper.connectUs).toBe(-1);
  });

  it('is not disturbed by copies whose answers nobody wants', async () => {
    await using mirror = await httpMirror((_request, response) => response.end('mine'));
    await using asker = new Asker(open(mirror.origin));
    const answers = await Promise.all([asker.tell(), asker.ask(), asker.tell(), asker.ask()]);
    expect([textOf(answers[1].keeper), textOf(answers[3].keeper)]).toEqual(['mine', 'mine']);
  });
});

describe('an answer that is kept', () => {
  it('is the same wherever the bytes of the wire are cut', async () => {
    const answer = 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nT: u\r\n\r\n';
    for (let at = 1; at < answer.length; at += 3) {
      await using mirror = await rawMirror((socket) => {
        socket.setNoDelay().once('data', () => {
          socket.write(answer.slice(0, at));
          setImmediate(() => setImmediate(() => socket.write(answer.slice(at))));
        });
      });
      await using asker = new Asker(new H1Client(mirror.origin, POOL));
      const { keeper } = await asker.ask();
      expect([keeper.state, keeper.headers, textOf(keeper), keeper.trailers]).toEqual(['whole', ['A', 'b', 'Transfer-Encoding', 'chunked'], 'abcde', ['T', 'u']]);
    }
  });

  it('is that of its own request where several are on one connection', async () => {
    await using mirror = await httpMirror(({ url }, response) => setTimeout(() => response.end(url), url === '/0' ? 30 : 0));
    await using asker = new Asker(new H1Client(mirror.origin, { connections: 1, pipelining: 8 }));
    const asked = Array.from({ length: 8 }, (_, i) => asker.ask({ path: `/${i}` }));
    void asker.tell();
    const answers = await Promise.all(asked);
    expect(answers.map(({ keeper }) => textOf(keeper))).toEqual(['/0', '/1', '/2', '/3', '/4', '/5', '/6', '/7']);
    expect(answers.map(({ keeper }) => keeper.connectUs > 0)).toEqual([true, false, false, false, false, false, false, false]);
  });

  it('counts the time from when the content of the request was out', async () => {
    await using mirror = await rawMirror((socket) => {
      let received = 0;
      socket.pause();
      setTimeout(() => socket.resume(), 100);
      socket.on('data', (piece) => {
        received += piece.length;
        if (received > 20_000_000) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
      });
    });
    await using asker = new Asker(new H1Client(mirror.origin, POOL), { timeoutMs: 5000 });
    const before = performance.now();
    const { keeper } = await asker.ask({ method: 'POST', body: Buffer.alloc(20_000_000) });
    expect(keeper.sentMs - before).toBeGreaterThan(80);
    expect(keeper.firstByteMs).toBeGreaterThanOrEqual(keeper.sentMs);
  });

  it('comes over TLS, too, and connecting includes that', async () => {
    const server = tlsServer((_request, response) => response.writeHead(200, { 'X-Up': 'y', trailer: 't' }).end('secret'));
    await using mirror = await listening(server, 'https');
    await using asker = new Asker(new UndiciClient(mirror.origin, { ca: CA, serverName: MIRROR_NAME }));
    const { keeper } = await asker.ask();
    expect([keeper.state, textOf(keeper), keeper.headers.slice(0, 2)]).toEqual(['whole', 'secret', ['X-Up', 'y']]);
    expect(keeper.connectUs).toBeGreaterThan(300);
  });

  it('is none where the copy is shed', async () => {
    await using mirror = await httpMirror((_request, response) => response.end());
    await using asker = new Asker(new H1Client(mirror.origin, POOL), { maxBytes: 0 });
    const { keeper, outcome } = await asker.ask();
    expect([outcome, keeper.state, keeper.sentMs]).toEqual(['shed:bytes', 'failed', -1]);
  });
});

describe('whatever a mirror sends', () => {
  const piece = fc.constantFrom(
    'HTTP/1.1 200 OK\r\n', 'HTTP/1.1 100 Continue\r\n\r\n', 'Content-Length: 5\r\n', 'Transfer-Encoding: chunked\r\n', 'A: b\r\n', '\r\n', '5\r\nabcde\r\n', '0\r\n', 'T: u\r\n', 'abcde', 'zz', '\0',
  );

  it('stays within the bound, and gives its room back', () => {
    const wire = fc.array(piece, { maxLength: 20 }).map((pieces) => Buffer.from(pieces.join('')));
    fc.assert(
      fc.property(wire, fc.integer({ min: 1, max: 9 }), fc.integer({ min: 0, max: 12 }), fc.integer({ min: 0, max: 9000 }), (bytes, step, maxBytes, room) => {
        const budget = new ByteBudget(room);
        const kept: AnswerKeeper[] = [];
        let keeper = new AnswerKeeper(maxBytes, budget);
        const next = (): void => {
          keeper.close();
          expect(keeper.content?.length ?? 0).toBeLessThanOrEqual(maxBytes);
          if (keeper.state !== 'whole') expect([keeper.content, keeper.headers, keeper.trailers]).toEqual([null, [], []]);
          kept.push(keeper);
          keeper = new AnswerKeeper(maxBytes, budget);
        };
        const handler = {
          awaited: 'GET',
          get keeper() { return keeper; },
          onAnswer() {},
          onAnswerEnd() { keeper.onEnd(1); next(); },
          onNonsense: next,
        };
        const reader = new AnswerReader(handler);
        for (let at = 0; at < bytes.length; at += step) reader.read(bytes, at, Math.min(bytes.length, at + step), 1000);
        reader.finish(2000);
        next();
        expect(budget.used).toBeLessThanOrEqual(room);
        for (const each of kept) each.release();
        expect(budget.used).toBe(0);
      }),
      { numRuns: 3000, interruptAfterTimeLimit: 5000 },
    );
  });
});
