import { describe, expect, it } from 'vitest';
import { ByteBudget } from '../../src/flow/budget.ts';
import { KeepBody } from '../../src/http/body.ts';
import { H2Client } from '../../src/mirror/h2-client.ts';
import type { Http2Part, OutgoingRequest, TlsOptions } from '../../src/mirror/http-client.ts';
import { LiveMessage } from '../../src/mirror/live-message.ts';
import { startEcho } from '../http/h2/grpc.ts';
import { CA, MIRROR_CERT, MIRROR_KEY, MIRROR_NAME } from '../support/tls/tls.ts';
import { Asker, textOf } from './asking.ts';
import { H2Mirror, type Behaviour } from './h2-mirror.ts';

const HTTP2: Http2Part = { pseudo: [':method', 'GET', ':path', '/', ':authority', 'shop', ':scheme', 'http'], trailers: [], live: null };
const GET: Partial<OutgoingRequest> = { headers: [], http2: HTTP2 };

function open(origin: string, tls: TlsOptions = {}): Asker {
  return new Asker(new H2Client(origin, { connections: 2 }, tls));
}

function answering(answer: (heard: Parameters<Behaviour>[0]) => void): Behaviour {
  return (heard) => {
    heard.stream.resume();
    heard.stream.on('end', () => answer(heard));
  };
}

const WHOLE = answering(({ stream }) => {
  stream.respond({ ':status': 201, 'x-b': ['1', '2'], 'content-type': 'text/plain' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': 'abc' }));
  stream.write('one ');
  setTimeout(() => stream.end('two'), 30);
});

describe('an answer of HTTP/2 that is kept', () => {
  it('has its status, its headers without pseudo-headers, its content and its trailers', async () => {
    await using mirror = await H2Mirror.start(WHOLE);
    await using asker = open(mirror.origin);
    const { keeper, outcome } = await asker.ask(GET);
    expect([outcome, keeper.state, keeper.status, textOf(keeper)]).toEqual(['mirrored:2xx', 'whole', 201, 'one two']);
    expect(keeper.headers.slice(0, 6)).toEqual(['x-b', '1', 'x-b', '2', 'content-type', 'text/plain']);
    expect(keeper.headers.some((text) => text.startsWith(':'))).toBe(false);
    expect(keeper.trailers).toEqual(['x-sum', 'abc']);
    expect(keeper.completeMs - keeper.firstByteMs).toBeGreaterThan(20);
  });

  it('comes over TLS, too, and says how long connecting took where that was done for its copy', async () => {
    await using mirror = await H2Mirror.start(WHOLE, { tls: { cert: MIRROR_CERT, key: MIRROR_KEY } });
    await using asker = open(mirror.origin, { ca: CA, serverName: MIRROR_NAME });
    const [first, second] = await Promise.all([asker.ask(GET), asker.ask(GET)]);
    expect([textOf(first.keeper), textOf(second.keeper)]).toEqual(['one two', 'one two']);
    expect(first.keeper.connectUs).toBeGreaterThan(300);
    expect(second.keeper.connectUs).toBe(-1);
    expect((await asker.ask(GET)).keeper.connectUs).toBe(-1);
    // Both waited for the connection, and neither counts that.
    for (const { keeper } of [first, second]) expect(keeper.firstByteMs - keeper.sentMs).toBeLessThan(25);
  });

  it('has no content where it is nothing but a head, and that is no trailer', async () => {
    await using mirror = await H2Mirror.start(answering(({ stream }) => stream.respond({ ':status': 204, 'x-a': 'b' }, { endStream: true })));
    await using asker = open(mirror.origin);
    const { keeper } = await asker.ask(GET);
    expect([keeper.state, keeper.status, keeper.headers.slice(0, 2), keeper.content, keeper.trailers]).toEqual(['whole', 204, ['x-a', 'b'], null, []]);
  });

  it('is the final one, whatever came before', async () => {
    await using mirror = await H2Mirror.start(
      answering(({ stream }) => {
        stream.additionalHeaders({ ':status': 103, link: 'x' });
        stream.respond({ ':status': 200 });
        stream.end('ok');
      }),
    );
    await using asker = open(mirror.origin);
    const { keeper } = await asker.ask(GET);
    expect([keeper.status, keeper.headers.includes('link'), textOf(keeper)]).toEqual([200, false, 'ok']);
  });

  it('is too large beyond the bound, and the copy is mirrored', async () => {
    await using mirror = await H2Mirror.start(answering(({ stream }) => {
      stream.respond({ ':status': 200 });
      stream.end(Buffer.alloc(3_000_000));
    }));
    await using asker = open(mirror.origin);
    const { keeper, outcome } = await asker.ask(GET, { maxBytes: 100_000 });
    expect([outcome, keeper.state, keeper.content, asker.budget.used]).toEqual(['mirrored:2xx', 'too-large', null, 0]);
  });

  it.each<[string, Behaviour, string]>([
    ['by a reset of its stream', ({ stream }) => {
      stream.respond({ ':status': 200 });
      stream.write('half', () => setTimeout(() => stream.destroy(new Error('no more')), 30));
    }, 'incomplete'],
    ['by the end of its connection', ({ stream }, { sockets }) => {
      stream.respond({ ':status': 200 });
      stream.write('half', () => setTimeout(() => sockets[0]!.destroy(), 30));
    }, 'incomplete'],
    ['before it began', ({ stream }) => stream.close(2), 'failed'],
  ])('that is cut %s is no answer', async (_what, behaviour, state) => {
    await using mirror = await H2Mirror.start(behaviour);
    await using asker = open(mirror.origin);
    const { keeper, outcome } = await asker.ask(GET);
    expect(outcome).toMatch(/^failed:/);
    expect([keeper.state, keeper.content, keeper.headers, asker.budget.used]).toEqual([state, null, [], 0]);
  });
});

describe('an answer of gRPC that is kept', () => {
  const held = new ByteBudget(1 << 20);

  /** One message of a call, as it is captured. */
  function messageOf(text: string): LiveMessage {
    const bytes = Buffer.from(`\0\0\0\0\0${text}`);
    bytes.writeUInt32BE(text.length, 1);
    const body = new KeepBody(1 << 20, held);
    body.write(bytes, 0, bytes.length);
    return new LiveMessage(body);
  }

  function callOf(method: string): Partial<OutgoingRequest> {
    const pseudo = [':method', 'POST', ':scheme', 'http', ':path', `/shop.Cart/${method}`, ':authority', 'shop'];
    return { method: 'POST', headers: ['content-type', 'application/grpc', 'te', 'trailers'], http2: { pseudo, trailers: [], live: null } };
  }

  async function call(asker: Asker, method: string, texts: readonly string[], maxBytes = 1 << 20) {
    const { feed, answered } = asker.call(callOf(method), { maxBytes });
    for (const text of texts) {
      const message = messageOf(text);
      feed.push(message);
      message.release();
    }
    feed.end();
    feed.originalOver(performance.now());
    return answered;
  }

  it('has the message and the status of a unary call', async () => {
    await using mirror = await startEcho();
    await using asker = open(`http://127.0.0.1:${mirror.port}`);
    const { keeper, outcome } = await call(asker, 'Get', ['hello']);
    expect([outcome, keeper.state, keeper.status, textOf(keeper)]).toEqual(['mirrored:2xx', 'whole', 200, '\0\0\0\0\x05hello']);
    expect(keeper.trailers.slice(0, 2)).toEqual(['grpc-status', '0']);
    expect(keeper.headers).toContain('application/grpc+proto');
    expect(held.used).toBe(0);
  });

  it('has the status of a call that fails', async () => {
    await using mirror = await startEcho();
    await using asker = open(`http://127.0.0.1:${mirror.port}`);
    const { keeper } = await call(asker, 'Get', ['fail']);
    const fields = [...keeper.headers, ...keeper.trailers];
    expect(keeper.content).toBeNull();
    expect(fields[fields.indexOf('grpc-status') + 1]).toBe('9');
    expect(fields[fields.indexOf('grpc-message') + 1]).toBe('as%20asked');
  });

  it('has all messages of a stream within the bound, and none beyond it', async () => {
    await using mirror = await startEcho();
    await using asker = open(`http://127.0.0.1:${mirror.port}`);
    const small = await call(asker, 'Chat', ['a', 'b', 'c']);
    expect(textOf(small.keeper)).toBe('\0\0\0\0\x01a\0\0\0\0\x01b\0\0\0\0\x01c');
    small.keeper.release();
    const large = await call(asker, 'Watch', ['x'.repeat(1000)], 2000);
    expect([large.outcome, large.keeper.state, large.keeper.content, asker.budget.used]).toEqual(['mirrored:2xx', 'too-large', null, 0]);
  });

  it('is cut where the original was cancelled', async () => {
    await using mirror = await startEcho();
    await using asker = open(`http://127.0.0.1:${mirror.port}`);
    const { feed, answered } = asker.call(callOf('Chat'));
    feed.push(messageOf('a'));
    setTimeout(() => feed.cancel(), 100);
    const { keeper, outcome } = await answered;
    expect([outcome, keeper.state, keeper.content, asker.budget.used]).toEqual(['mirrored:2xx', 'incomplete', null, 0]);
  });
});
