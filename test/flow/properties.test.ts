import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Conversation } from '../support/conversation.ts';
import type { Packet } from '../support/conversation.ts';
import { decode } from '../support/decoder.ts';
import { Bench, run } from './stream-log.ts';

const CAP = { interruptAfterTimeLimit: 4000, markInterruptAsFailure: false } as const;

/** Client and server texts, cut and shuffled: each packet is moved by a little, and some come twice. */
const shuffled = fc.record({
  text: fc.string({ minLength: 1, maxLength: 200, unit: 'binary-ascii' }),
  size: fc.integer({ min: 1, max: 40 }),
  isn: fc.oneof(fc.constant(2 ** 32 - 50), fc.constant(2 ** 31 - 50), fc.integer({ min: 0, max: 2 ** 32 - 1 })),
  order: fc.array(fc.nat(), { minLength: 400, maxLength: 400 }),
  repeats: fc.array(fc.nat(), { maxLength: 30 }),
});

describe('whatever happens to segments', () => {
  it('delivers the same bytes for any permutation and repetition', () => {
    fc.assert(
      fc.property(shuffled, ({ text, size, isn, order, repeats }) => {
        const talk = new Conversation({ clientIsn: isn }).handshake();
        const opening = talk.packets.length;
        talk.client(text, size);
        const body = talk.packets.slice(opening);
        const all = [...body, ...repeats.map((at) => body[at % body.length]!)];
        const sorted = all.map((packet, i) => ({ packet, key: order[i] ?? 0 })).sort((a, b) => a.key - b.key);
        const events = run([...talk.packets.slice(0, opening), ...sorted.map(({ packet }) => packet)]);
        expect(events).toEqual([[`> "${text}"`, 'end closed']]);
      }),
      CAP,
    );
  });

  it('delivers the same bytes for any overlapping cuts of the same text', () => {
    const cuts = fc.array(fc.tuple(fc.nat(199), fc.integer({ min: 1, max: 60 })), { maxLength: 40 });
    fc.assert(
      fc.property(cuts, fc.string({ minLength: 200, maxLength: 200, unit: 'binary-ascii' }), (pieces, text) => {
        const talk = new Conversation().handshake();
        const bytes = Buffer.from(text, 'latin1');
        for (const [start, length] of pieces) {
          talk.raw({ fromClient: true, seq: talk.clientNext + start, payload: bytes.subarray(start, start + length) });
        }
        talk.raw({ fromClient: true, payload: bytes });
        const bench = new Bench().play(talk.packets);
        expect(bench.close()).toEqual([[`> "${text}"`, 'end closed']]);
        expect(bench.counters.conflictingBytes).toBe(0);
      }),
      CAP,
    );
  });

  it('accounts for every byte where segments are lost: delivered and missing make the whole', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 5, maxLength: 60 }), fc.boolean(), (kept, live) => {
        const talk = new Conversation().handshake().client('abcd'.repeat(kept.length), 4).ack(false).close();
        const lossy = talk.packets.filter((_, i) => i < 3 || i >= 3 + kept.length || kept[i - 3] === true);
        const bench = new Bench().play(lossy, live);
        bench.close();
        let total = 0;
        for (const event of bench.logs[0]?.events ?? []) {
          const gap = /^> gap (\d+)$/.exec(event);
          if (gap !== null) total += Number(gap[1]);
          else if (event.startsWith('> "')) total += event.length - 4;
        }
        expect(total).toBe(4 * kept.length);
      }),
      CAP,
    );
  });

  it('never throws, keeps its contracts and stays within its budgets on arbitrary segments', () => {
    const packet: fc.Arbitrary<Partial<Packet> & { fromClient: boolean }> = fc.record({
      fromClient: fc.boolean(),
      flags: fc.integer({ min: 0, max: 63 }),
      seq: fc.oneof(fc.integer({ min: 990, max: 1100 }), fc.integer({ min: 0, max: 2 ** 32 - 1 })),
      ack: fc.oneof(fc.integer({ min: 990, max: 1100 }), fc.integer({ min: 0, max: 2 ** 32 - 1 })),
      clientPort: fc.integer({ min: 1, max: 3 }),
      payload: fc
        .oneof(
          fc.constantFrom('', 'GET / HTTP/1.1\r\n\r\n', 'HTTP/1.1 200 OK\r\n\r\n', 'POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nab'),
          fc.string({ maxLength: 30, unit: 'binary-ascii' }),
        )
        .map((text) => Buffer.from(text, 'latin1')),
    });
    fc.assert(
      fc.property(fc.array(packet, { maxLength: 60 }), fc.boolean(), (packets, live) => {
        const talk = new Conversation();
        for (const one of packets) talk.raw(one);
        const options = { totalBudget: 2000, flowBudget: 1000, maxFlows: 2 };
        const bench = new Bench(options).play(talk.packets, live);
        expect(bench.counters.heldBytes).toBeLessThanOrEqual(2000);
        expect(bench.counters.flows).toBeLessThanOrEqual(2);
        bench.close();
        expect(bench.logs.every((log) => log.ended)).toBe(true);
        const ended = Object.values(bench.counters.ended).reduce((sum, n) => sum + n, 0);
        expect(ended).toBe(bench.counters.opened);
        decode(talk.packets, live, options);
      }),
      { ...CAP, numRuns: 2000 },
    );
  });
});
