import { once } from 'node:events';
import { connect } from 'node:http2';
import type { ClientHttp2Session } from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Relay } from '../../support/relay.ts';
import { Running, succeeded } from '../../support/process.ts';
import { RecordingServer, requireCommands, startNghttpd, startNghttpx } from './servers.ts';
import type { Served } from './servers.ts';
import { digest, replay } from './collector.ts';
import type { Collected } from './collector.ts';

interface Wish {
  readonly path: string;
  readonly method: string;
  readonly headers: Record<string, string | string[]>;
  readonly body: Buffer | null;
  readonly trailers: Record<string, string> | null;
}

/** The same each time. */
function wishes(count: number): Wish[] {
  return Array.from({ length: count }, (_, i) => {
    const hasBody = i % 3 !== 0;
    return {
      path: `/path/${i % 7}?n=${i}`,
      method: hasBody ? 'POST' : 'GET',
      headers: {
        'x-answer': String((i * 977) % 40_000),
        'x-constant': 'always the same',
        ...(i % 2 === 0 && { 'x-varying': `value ${i}`.repeat(1 + (i % 9)) }),
        ...(i % 5 === 0 && { cookie: ['a=1', 'b=2', `c=${i}`] }),
        ...(i % 11 === 0 && { 'x-large': 'z'.repeat(20_000) }),
      },
      body: hasBody ? Buffer.alloc((i * 1231) % 50_000, `body of ${i} `) : null,
      trailers: i % 4 === 1 ? { 'x-trailer': `t${i}` } : null,
    };
  });
}

async function ask(session: ClientHttp2Session, { path, method, headers, body, trailers }: Wish): Promise<void> {
  const stream = session.request({ ':path': path, ':method': method, ...headers }, { endStream: body === null, waitForTrailers: trailers !== null });
  stream.on('wantTrailers', () => stream.sendTrailers(trailers!));
  if (body !== null) stream.end(body);
  stream.resume();
  await once(stream, 'close');
}

function comparable({ method, path, authority, headers, body, bodyLength }: Collected | Served): unknown {
  // Node joins cookies for its users.
  const others = headers.filter((_, i) => headers[i - (i % 2)] !== 'cookie');
  const cookies = headers.filter((_, i) => i % 2 === 1 && headers[i - 1] === 'cookie').join('; ');
  return { method, path, authority, others, cookies, body, bodyLength };
}

function byPath(list: readonly (Collected | Served)[]): unknown[] {
  return [...list].sort((a, b) => (a.path < b.path ? -1 : 1)).map(comparable);
}

describe('what Node sends and receives over HTTP/2', () => {
  it('is decoded as it was served: bodies, headers, trailers, many streams at once', { timeout: 60_000 }, async () => {
    await using server = await RecordingServer.start();
    await using relay = await Relay.start(server.port);
    const session = connect(`http://127.0.0.1:${relay.port}`);
    const all = wishes(300);
    for (let i = 0; i < all.length; i += 50) await Promise.all(all.slice(i, i + 50).map((wish) => ask(session, wish)));
    session.close();
    await once(session, 'close');
    await sleep(20);
    const transcript = relay.transcripts[0]!;
    for (const size of [65_536, 1448, 100]) {
      const { exchanges, muted } = replay(transcript, 0, size);
      expect(muted).toEqual([]);
      expect(exchanges.map(({ outcome }) => outcome)).toEqual(all.map(() => 'whole'));
      expect(byPath(exchanges)).toEqual(byPath(server.served));
      for (const exchange of exchanges) {
        const answer = exchange.headers[exchange.headers.indexOf('x-answer') + 1];
        expect(exchange).toMatchObject({ status: 200, responseComplete: true, responseTrailers: ['x-sum', answer], responseBody: digest(Buffer.alloc(Number(answer), 'y')) });
        const served = server.served.find(({ path }) => path === exchange.path)!;
        expect(Object.fromEntries(pairs(exchange.trailers))).toEqual(Object.fromEntries(Object.entries(served.trailers)));
      }
    }
  });

  it('is never decoded wrongly from any place in the middle', { timeout: 120_000 }, async () => {
    await using server = await RecordingServer.start();
    await using relay = await Relay.start(server.port);
    const session = connect(`http://127.0.0.1:${relay.port}`);
    // Fields whose names are in the static table, or that come only once: others stay unknown as long as they are repeated.
    const all = wishes(120).map((wish, i) => ({ ...wish, headers: { 'user-agent': `agent ${i}`.repeat(20), [`x-${i}`]: 'once', cookie: [`a=${i}`, 'b=2'] } }));
    for (let i = 0; i < all.length; i += 3) await Promise.all(all.slice(i, i + 3).map((wish) => ask(session, wish)));
    session.close();
    await once(session, 'close');
    const transcript = relay.transcripts[0]!;
    const served = new Map(server.served.map((request) => [request.path, comparable(request)]));
    let whole = 0;
    for (let from = 1; from < transcript.length - 40; from += 7) {
      const { exchanges } = replay(transcript, from);
      for (const exchange of exchanges) {
        if (exchange.outcome !== 'whole') continue;
        whole++;
        expect(comparable(exchange), `joined at piece ${from}`).toEqual(served.get(exchange.path));
      }
    }
    expect(whole).toBeGreaterThan(100);
  });
});

function pairs(flat: readonly string[]): [string, string][] {
  return flat.flatMap((text, i) => (i % 2 === 0 ? [[text, flat[i + 1]!] as [string, string]] : []));
}

describe.skipIf(!requireCommands('nghttp', 'h2load', 'nghttpd', 'nghttpx', 'curl'))('what other programs send over HTTP/2', () => {
  it.each([
    ['curl', ['curl', '-s', '--http2-prior-knowledge', '-d', 'x=1', 'URL/a'], 1],
    ['nghttp, with padding and CONTINUATION', ['nghttp', '-n', '--padding=100', '--continuation', '-H', `x: ${'y'.repeat(30_000)}`, 'URL/a', 'URL/b'], 2],
    ['h2load, 10 streams at once', ['h2load', '-n', '500', '-c', '1', '-m', '10', '-H', 'x-test: 1', 'URL/a'], 500],
    ['h2load, with small header tables of both sides', ['h2load', '-n', '100', '-c', '1', '-m', '5', '--header-table-size=100', '--encoder-header-table-size=64', 'URL/a'], 100],
  ])('is decoded whole: %s', async (name, argv, count) => {
    await using server = await startNghttpd();
    await using relay = await Relay.start(server.port);
    await succeeded(name, new Running(withUrl(argv, relay)).finished);
    const found = relay.transcripts.flatMap((transcript) => replay(transcript).exchanges);
    expect(found.map(({ outcome }) => outcome)).toEqual(Array.from({ length: count }, () => 'whole'));
    for (const exchange of found) {
      expect(exchange).toMatchObject({ protocol: 'h2', status: 404, responseComplete: true, path: expect.stringMatching(/^\/[abc]$/) as string });
    }
  });

  it.each([
    ['curl', ['curl', '-s', '--http2', 'URL/a', 'URL/b', 'URL/c'], ['/a', '/b', '/c']],
    ['nghttp', ['nghttp', '-u', '-n', 'URL/a', 'URL/b', 'URL/c'], ['/a', '/b', '/c']],
  ])('is decoded whole from its upgrade on: %s', async (name, argv, paths) => {
    await using server = await startNghttpx();
    await using relay = await Relay.start(server.port);
    await succeeded(name, new Running(withUrl(argv, relay)).finished);
    const found = relay.transcripts.flatMap((transcript) => replay(transcript).exchanges);
    // Streams end in any order.
    const seen = found.map(({ outcome, path, status, responseComplete }) => [outcome, path, status, responseComplete]);
    expect(seen).toHaveLength(paths.length);
    expect(seen).toEqual(expect.arrayContaining(paths.map((path) => ['whole', path, 404, true])));
    expect(found[0]!.protocol).toBe('h1');
    expect(found.at(-1)!.protocol).toBe('h2');
  });
});

function withUrl(argv: readonly string[], relay: Relay): [string, ...string[]] {
  return argv.map((text) => text.replace('URL', `http://127.0.0.1:${relay.port}`)) as [string, ...string[]];
}
