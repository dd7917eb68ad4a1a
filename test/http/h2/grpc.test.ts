import { Client, credentials, makeClientConstructor, Metadata } from '@grpc/grpc-js';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Relay } from '../../support/relay.ts';
import { digest, replay } from './collector.ts';
import type { Collected } from './collector.ts';
import { ECHO_SERVICE, startEcho } from './grpc.ts';

interface Calls extends Client {
  get(message: Buffer, metadata: Metadata, options: object, done: (error: Error | null, reply?: Buffer) => void): { cancel(): void };
  upload(done: (error: Error | null, reply?: Buffer) => void): { write(message: Buffer): void; end(): void };
  watch(message: Buffer): AsyncIterable<Buffer>;
  chat(): AsyncIterable<Buffer> & { write(message: Buffer): void; end(): void; cancel(): void };
}

const Shop = makeClientConstructor(ECHO_SERVICE, 'Cart');

/** Runs calls against an echo server. @returns what is decoded of their connection; from any other place on it is that or less */
async function decoded(run: (client: Calls) => Promise<void>): Promise<readonly Collected[]> {
  await using server = await startEcho();
  await using relay = await Relay.start(server.port);
  const client = new Shop(`127.0.0.1:${relay.port}`, credentials.createInsecure()) as unknown as Calls;
  await run(client);
  client.close();
  await sleep(50);
  const [transcript] = relay.transcripts;
  const all = replay(transcript!).exchanges;
  const known = new Set(all.map(({ path, headers, body }) => JSON.stringify([path, headers, body])));
  for (let from = 1; from < transcript!.length; from++) {
    const whole = replay(transcript!, from).exchanges.filter(({ outcome }) => outcome === 'whole');
    for (const { path, headers, body } of whole) expect(known, `joined at piece ${from}`).toContain(JSON.stringify([path, headers, body]));
  }
  return all;
}

const get = (client: Calls, message: Buffer, metadata = new Metadata(), options = {}): Promise<Buffer | Error> =>
  new Promise((resolve) => client.get(message, metadata, options, (error, reply) => resolve(error ?? reply!)));

async function drain(replies: AsyncIterable<Buffer>): Promise<number> {
  let count = 0;
  for await (const _ of replies) count++;
  return count;
}

/** Length-prefixed as gRPC does, without compression. */
function framed(...messages: Buffer[]): Buffer {
  return Buffer.concat(messages.flatMap((message) => {
    const prefix = Buffer.alloc(5);
    prefix.writeUInt32BE(message.length, 1);
    return [prefix, message];
  }));
}

const text = (value: string): Buffer => Buffer.from(value);

describe('gRPC, as grpc-js speaks it', () => {
  it('is decoded: unary calls with metadata, deadlines, large messages and failures', async () => {
    const large = Buffer.alloc(3 << 20, 'large ');
    const found = await decoded(async (client) => {
      const metadata = new Metadata();
      metadata.set('x-token', 'abc');
      await get(client, text('one'), metadata, { deadline: Date.now() + 5000 });
      await get(client, large);
      await get(client, text('fail'));
    });
    expect(found.map(({ outcome, path, status, responseComplete }) => [outcome, path, status, responseComplete])).toEqual(Array.from({ length: 3 }, () => ['whole', '/shop.Cart/Get', 200, true]));
    expect(found[0]!.headers).toEqual(expect.arrayContaining(['te', 'trailers', 'x-token', 'abc', 'content-type', 'application/grpc', 'grpc-timeout']));
    expect(found.map(({ body }) => body)).toEqual([text('one'), large, text('fail')].map((message) => digest(framed(message))));
    expect(found[1]!.responseBody).toBe(digest(framed(large)));
    const statusOf = ({ responseTrailers, responseHeaders }: Collected): string | undefined => {
      const fields = [...responseHeaders, ...responseTrailers];
      return fields[fields.indexOf('grpc-status') + 1];
    };
    expect(found.map(statusOf)).toEqual(['0', '0', '9']);
  });

  it('is decoded: streams of the client, of the server, of both, and those that are cancelled', async () => {
    const found = await decoded(async (client) => {
      await new Promise<void>((resolve) => {
        const upload = client.upload(() => resolve());
        for (const part of ['a', 'bc', 'def']) upload.write(text(part));
        upload.end();
      });
      expect(await drain(client.watch(text('w')))).toBe(3);
      const chat = client.chat();
      chat.write(text('hello'));
      chat.write(text('again'));
      chat.end();
      expect(await drain(chat)).toBe(2);
      const cancelled = client.chat();
      cancelled.write(text('never ends'));
      await sleep(30);
      cancelled.cancel();
      await drain(cancelled).catch(() => 0);
      await sleep(30);
    });
    // A call that is cancelled is ended first, and then reset with CANCEL.
    expect(found.map(({ outcome, path, resetCode, responseComplete }) => [outcome, path, resetCode, responseComplete])).toEqual([
      ['whole', '/shop.Cart/Upload', -1, true],
      ['whole', '/shop.Cart/Watch', -1, true],
      ['whole', '/shop.Cart/Chat', -1, true],
      ['whole', '/shop.Cart/Chat', 8, false],
    ]);
    expect(found[0]!.body).toBe(digest(framed(text('a'), text('bc'), text('def'))));
    expect(found[1]!.responseBody).toBe(digest(framed(text('w'), text('w'), text('w'))));
    expect(found[2]!.body).toBe(digest(framed(text('hello'), text('again'))));
  });
});
