import { randomFillSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { beginsFrame } from '../../../src/tap/http2-frame.ts';
import { TO_CLIENT, TO_SERVER } from '../../../src/tap/segment.ts';
import { Conversation } from '../../support/conversation.ts';
import { decode } from '../../support/decoder.ts';
import type { Piece, Transcript } from '../../support/relay.ts';
import { replay } from './collector.ts';
import { answer, data, END_HEADERS, END_STREAM, frame, get, headers, hpack, ping, PREFACE, requestBlock, responseBlock, settings, windowUpdate } from './frames.ts';

const LAST = END_HEADERS | END_STREAM;
const client = (...parts: Buffer[]): Piece => ({ direction: TO_SERVER, bytes: Buffer.concat(parts) });
const server = (...parts: Buffer[]): Piece => ({ direction: TO_CLIENT, bytes: Buffer.concat(parts) });
const outcomes = (transcript: Transcript, size?: number): string[] => replay(transcript, 0, size).exchanges.map(({ outcome, path, status }) => `${outcome} ${path} ${status}`.trim());

describe('a connection of HTTP/2 that is joined in its middle', () => {
  it('is read once its directions confirm each other', () => {
    expect(outcomes([client(get(101, '/1')), server(answer(101)), client(get(103, '/3')), server(answer(103))])).toEqual(['whole /1 200', 'whole /3 200']);
  });

  it('learns from literals: a method or a path that was told once serves from then on', () => {
    const learnt = headers(103, Buffer.concat([hpack.indexed(2), hpack.indexed(6), hpack.inserted(1, 'shop'), hpack.inserted(4, '/learnt')]), LAST);
    const referring = (stream: number): Buffer => headers(stream, Buffer.concat([hpack.indexed(2), hpack.indexed(6), hpack.indexed(63), hpack.indexed(62)]), LAST);
    const found = replay([client(referring(101)), server(answer(101)), client(learnt), server(answer(103)), client(referring(105)), server(answer(105))]).exchanges;
    expect(found.map(({ outcome, path, authority }) => [outcome, path, authority])).toEqual([
      // Its answer belongs to a stream that was read from its head, so it confirms the joining.
      ['h2-midstream', '', ''],
      ['whole', '/learnt', 'shop'],
      ['whole', '/learnt', 'shop'],
    ]);
  });

  it('counts a stream that was open before as one that is not known, and takes its trailers for no request', () => {
    expect(outcomes([
      client(data(91, 'rest of it'), ping()),
      client(headers(91, hpack.block('x-trailer', '1'), LAST), headers(93, hpack.block('x-trailer', '2'), LAST)),
      server(answer(91)),
      client(get(101, '/1')),
      server(answer(101)),
    ])).toEqual(['h2-midstream  200', 'whole /1 200', 'h2-midstream  -1']);
  });

  it('finds a frame only where a segment begins', () => {
    const inside = Buffer.concat([Buffer.from('rest of a frame'), get(101, '/1')]);
    expect(outcomes([client(windowUpdate(0, 1)), client(inside), server(answer(101)), client(get(103, '/3')), server(answer(103)), client(get(105, '/5')), server(answer(105))])).toEqual(['none  200', 'whole /3 200', 'whole /5 200']);
  });

  it('waits for an answer on the very stream, and more than one frame', () => {
    expect(outcomes([client(get(101, '/1')), server(answer(99))])).toEqual(['none  200', 'h2-midstream /1 -1']);
    expect(outcomes([client(get(101, '/1')), server(answer(101))])).toEqual(['h2-midstream /1 200']);
    expect(outcomes([client(get(101, '/1'), windowUpdate(0, 1)), server(answer(101))])).toEqual(['whole /1 200']);
  });

  it('is joined anew when what looked like frames was something else, without a word of what was read', () => {
    const found = replay([client(headers(101, requestBlock('/false', 'POST')), Buffer.from('no frame at all')), client(get(103, '/1')), server(answer(103)), client(get(105, '/2')), server(answer(105))]);
    expect(found.exchanges.map(({ outcome, path }) => [outcome, path])).toEqual([['h2-midstream', '/false'], ['whole', '/1'], ['whole', '/2']]);
    expect(found.counters).toMatchObject({ h2FalseJoins: 1, h2Joins: 3 });
  });

  it('believes neither of two readings', () => {
    // A forged chain in the content of a request whose own frames begin at segments: both look right.
    const forged = Buffer.concat([headers(1001, requestBlock('/forged', 'POST')), frame(0, 0, 1001, 'x'.repeat(4000)).subarray(0, 1000)]);
    const found = replay([client(forged), client(get(103, '/true')), server(answer(1001)), client(get(105, '/true')), server(answer(105))], 0, 65_536);
    expect(found.exchanges.filter(({ outcome }) => outcome === 'whole').map(({ path }) => path)).not.toContain('/forged');
  });

  it('is given up as something else after a few joinings that were none', () => {
    const found = replay(Array.from({ length: 10 }, () => client(headers(1, requestBlock('/x')), Buffer.from('not a frame'))));
    expect(found.muted).toEqual(['other']);
    expect(found.exchanges.every(({ outcome }) => outcome === 'h2-midstream')).toBe(true);
  });

  it('is HTTP/1 after all where a request line comes', () => {
    const bytes = (text: string): Piece => ({ direction: TO_SERVER, bytes: Buffer.from(text) });
    const found = replay([client(headers(1, requestBlock('/x')), Buffer.from('not a frame')), bytes('GET /h1 HTTP/1.1\r\n\r\n'), { direction: TO_CLIENT, bytes: Buffer.from('HTTP/1.1 204 No Content\r\n\r\n') }]);
    expect(found.exchanges.map(({ outcome, path, status }) => [outcome, path, status])).toEqual([['h2-midstream', '/x', -1], ['whole', '/h1', 204]]);
  });

  it('is never locked onto in random bytes', { timeout: 20_000 }, () => {
    const deadline = performance.now() + 2000;
    const noise = Buffer.alloc(1 << 20);
    let segments = 0;
    let joins = 0;
    while (performance.now() < deadline) {
      randomFillSync(noise);
      for (let at = 0; at + 9 <= noise.length; at += 9) if (beginsFrame(noise, at, at + 9, true)) joins++;
      segments += Math.floor(noise.length / 9);
      const found = replay([{ direction: TO_SERVER, bytes: noise }, { direction: TO_CLIENT, bytes: noise }]);
      expect(found.exchanges.filter(({ outcome }) => outcome === 'whole')).toEqual([]);
    }
    // By calculation 7.5 in 10^8: see docs/http2.md. Ten times as many would be another rule.
    expect(joins).toBeLessThan(5 + segments * 7.5e-7);
  });

  it('is never locked onto in content that was made of frames, if only one side made it', () => {
    const piece = fc.constantFrom(get(1, '/forged'), headers(3, requestBlock('/forged', 'POST')), data(3, 'forged'), ping(), settings(1, 0), windowUpdate(0, 5), answer(3), Buffer.from('noise'));
    fc.assert(
      fc.property(fc.array(piece, { minLength: 1, maxLength: 20 }), fc.integer({ min: 9, max: 300 }), fc.boolean(), (parts, size, fromClient) => {
        const direction = fromClient ? TO_SERVER : TO_CLIENT;
        const { exchanges } = replay([{ direction, bytes: Buffer.concat(parts) }], 0, size);
        expect(exchanges.filter(({ outcome }) => outcome === 'whole')).toEqual([]);
      }),
      { interruptAfterTimeLimit: 3000, markInterruptAsFailure: false, numRuns: 2000 },
    );
  });
});

describe('a connection of HTTP/2 with holes', () => {
  const open = (): Conversation => new Conversation().handshake().client(Buffer.concat([PREFACE, settings()])).server(settings()).ack(true);

  it('loses only the stream whose content is missing', () => {
    const talk = open().client(headers(1, requestBlock('/1', 'POST'))).client(data(1, 'x'.repeat(5000)), 1000).client(Buffer.concat([get(3, '/3'), data(1, '', END_STREAM)]));
    talk.server(Buffer.concat([answer(1), answer(3)])).ack(true).close();
    const lost = talk.packets.findIndex(({ payload }) => payload.length === 1000) + 2;
    const { events } = decode(talk.packets.filter((_, i) => i !== lost), true);
    expect(events.filter((event) => / (request|lost|status) /.test(event))).toEqual(['#0 lost incomplete gap', '#1 request 0', '#0 status 200 none', '#1 status 200 none']);
  });

  it('begins to search where a head is missing, and forgets the header table', () => {
    const learnt = Buffer.concat([hpack.indexed(2), hpack.indexed(6), hpack.inserted(4, '/learnt')]);
    const again = Buffer.concat([hpack.indexed(2), hpack.indexed(6), hpack.indexed(62)]);
    const talk = open().client(headers(1, learnt, LAST)).server(answer(1)).client(headers(3, again, LAST)).server(answer(3));
    const lost = talk.packets.length;
    talk.client(get(5, '/lost')).server(answer(5)).ack(true).client(headers(7, again, LAST)).server(answer(7)).client(get(9, '/9')).server(answer(9)).ack(true).close();
    const { events, http } = decode(talk.packets.filter((_, i) => i !== lost), true);
    expect(events.filter((event) => / (request|lost|head) /.test(event))).toEqual([
      '#0 head GET /learnt HTTP/2 none',
      '#0 request 0',
      '#1 head GET /learnt HTTP/2 none',
      '#1 request 0',
      '#3 lost h2-midstream ',
      '#4 head GET /9 HTTP/2 none',
      '#4 request 0',
    ]);
    expect(http).toMatchObject({ h2Joins: 1, unrequested: 1 });
  });

  it('does not believe what was read before a hole because of what was read after it', () => {
    const talk = new Conversation().client(get(101, '/before')).client(windowUpdate(0, 1));
    const lost = talk.packets.length;
    talk.client(get(103, '/lost')).client(get(105, '/5')).client(get(107, '/7')).server(Buffer.concat([answer(105), answer(107)])).ack(true).close();
    const { events } = decode(talk.packets.filter((_, i) => i !== lost), true);
    expect(events.filter((event) => / (request|lost|head) /.test(event))).toEqual([
      '#0 head GET /before HTTP/2 none',
      '#0 lost h2-midstream ',
      '#1 head GET /5 HTTP/2 none',
      '#2 head GET /7 HTTP/2 none',
      '#1 request 0',
      '#2 request 0',
    ]);
  });

  it('reports no response of which anything is not known, and the request all the same', () => {
    const block = Buffer.concat([responseBlock(200), hpack.indexed(62)]);
    const talk = new Conversation().client(get(101, '/1')).server(headers(101, block, LAST)).client(get(103, '/3')).server(headers(103, block, LAST)).close();
    const { events, http } = decode(talk.packets, true);
    expect(events.filter((event) => / (request|lost|status) /.test(event))).toEqual(['#0 request 0', '#1 request 0']);
    expect(http.h2UnknownResponses).toBe(2);
  });
});
