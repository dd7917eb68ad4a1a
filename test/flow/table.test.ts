import { describe, expect, it } from 'vitest';
import { formatAddress } from '../../src/flow/address.ts';
import { Segment } from '../../src/tap/segment.ts';
import { Conversation, fillSegment } from '../support/conversation.ts';
import { Bench } from './stream-log.ts';

const REQUEST = 'GET / HTTP/1.1\r\n\r\n';

describe('the flow table', () => {
  it('tells flows with one hash apart by address, port and endpoint', () => {
    const bench = new Bench();
    const segment = new Segment();
    for (const [endpoint, clientPort] of [
      [1, 4000],
      [1, 4001],
      [2, 4000],
    ] as const) {
      for (const packet of new Conversation({ clientPort }).handshake().client(`${endpoint} ${clientPort}`).packets) {
        fillSegment(segment, packet, true);
        segment.endpoint = endpoint;
        segment.hash = 7;
        bench.table.onSegment(segment);
      }
    }
    expect(bench.close()).toEqual([['> "2 4000"', 'end closed'], ['> "1 4001"', 'end closed'], ['> "1 4000"', 'end closed']].reverse());
    expect(bench.logs.map(({ info }) => [info.endpoint, info.clientPort])).toEqual([
      [1, 4000],
      [1, 4001],
      [2, 4000],
    ]);
  });

  it('limits how many flows share a hash', () => {
    const bench = new Bench();
    const segment = new Segment();
    for (let clientPort = 1; clientPort <= 100; clientPort++) {
      for (const packet of new Conversation({ clientPort }).handshake().packets) {
        fillSegment(segment, packet, true).hash = 7;
        bench.table.onSegment(segment);
      }
    }
    expect(bench.counters.flows).toBeLessThan(40);
    expect(bench.counters.ended.evicted).toBe(100 - bench.counters.flows);
  });

  it('evicts flows that nobody reads before those in use, and the oldest first', () => {
    const bench = new Bench({ maxFlows: 10 });
    for (let clientPort = 1; clientPort <= 5; clientPort++) {
      bench.play(new Conversation({ clientPort }).handshake().client('used').packets);
    }
    for (let clientPort = 100; clientPort < 200; clientPort++) bench.play(new Conversation({ clientPort }).handshake().packets);
    expect(bench.logs.filter((log) => log.ended)).toEqual([]);
    for (let clientPort = 200; clientPort < 206; clientPort++) {
      bench.play(new Conversation({ clientPort }).handshake().client('used').packets);
    }
    expect(bench.logs.filter((log) => log.ended).map((log) => log.info.clientPort)).toEqual([1]);
    expect(bench.counters.flows).toBe(10);
  });

  it('stays within its budget of held bytes by giving up the oldest holes', () => {
    const bench = new Bench({ totalBudget: 100_000, flowBudget: 60_000 });
    for (let clientPort = 1; clientPort <= 50; clientPort++) {
      const talk = new Conversation({ clientPort }).handshake().client('lost').client('x'.repeat(9_000), 1000);
      bench.play(talk.packets.filter((_, i) => i !== 3));
      expect(bench.counters.heldBytes).toBeLessThanOrEqual(100_000);
    }
    expect(bench.logs[0]!.events[0]).toBe('> gap 4');
    expect(bench.counters.gaps).toBeGreaterThan(35);
    bench.close();
    expect(bench.counters.heldBytes).toBe(0);
  });

  it('makes nothing of stray packets without payload', () => {
    const bench = new Bench().play(new Conversation().ack(true).ack(false).fin(true).rst(false).packets);
    expect(bench.counters.opened).toBe(0);
  });

  it('forgets flows that are idle, and accounts for each', () => {
    const bench = new Bench({ idleUs: 60e6, idleUnreadUs: 5e6 });
    for (let clientPort = 1; clientPort <= 20; clientPort++) {
      bench.play(new Conversation({ clientPort }).handshake().client(clientPort % 2 === 0 ? REQUEST : '').packets);
    }
    bench.table.expire(bench.lastUs + 6e6);
    expect(bench.counters.flows).toBe(10);
    bench.table.expire(bench.lastUs + 61e6);
    expect(bench.counters).toMatchObject({ flows: 0, opened: 20, ended: { idle: 20 } });
  });
});

describe('the text of an address', () => {
  it.each([
    ['10.1.2.255', [0, 0, 0xffff, 0x0a0102ff]],
    ['2001:db8::1', [0x20010db8, 0, 0, 1]],
    ['::', [0, 0, 0, 0]],
    ['::1', [0, 0, 0, 1]],
    ['fe80::', [0xfe800000, 0, 0, 0]],
    ['2001:db8:0:1:1:1:1:1', [0x20010db8, 0x00000001, 0x00010001, 0x00010001]],
    ['2001:0:0:1::1', [0x20010000, 0x00000001, 0, 1]],
    ['::fffe:102:304', [0, 0, 0xfffe, 0x01020304]],
  ])('%s is as RFC 5952 recommends', (text, words) => {
    const bytes = Buffer.alloc(16);
    words.forEach((word, i) => bytes.writeUInt32BE(word, i * 4));
    const [w0, w1, w2, w3] = [0, 4, 8, 12].map((at) => bytes.readInt32LE(at));
    expect(formatAddress(w0!, w1!, w2!, w3!)).toBe(text);
  });
});
