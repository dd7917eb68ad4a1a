import { describe, expect, it } from 'vitest';
import { ACK, RST, SYN, URG } from '../../src/tap/segment.ts';
import { Conversation } from '../support/conversation.ts';
import type { Packet } from '../support/conversation.ts';
import { answer, get, headers, hpack, ping, PREFACE, settings } from '../http/h2/frames.ts';
import { Bench, run } from './stream-log.ts';

const REQUEST = 'GET / HTTP/1.1\r\n\r\n';
const RESPONSE = 'HTTP/1.1 200 OK\r\n\r\n';

/** A handshake and six client segments `aaaa` … `ffff`; `packets[3]` is the first of them. */
function letters(options = {}): Conversation {
  const talk = new Conversation(options).handshake();
  for (const letter of 'abcdef') talk.client(letter.repeat(4));
  return talk;
}

function pick(packets: readonly Packet[], ...order: number[]): Packet[] {
  return order.map((i) => packets[i]!);
}

describe('a flow', () => {
  it('delivers both directions in order and ends once', () => {
    const talk = new Conversation().handshake().client(REQUEST, 5).ack(false).server(RESPONSE, 5).close();
    expect(run(talk.packets)).toEqual([[`> "${REQUEST}"`, `< "${RESPONSE}"`, '> fin', '< fin', 'end fin']]);
  });

  it('puts segments in order', () => {
    const { packets } = letters();
    expect(run(pick(packets, 0, 1, 2, 8, 5, 3, 7, 4, 6))).toEqual([['> "aaaabbbbccccddddeeeeffff"', 'end closed']]);
  });

  it('drops retransmissions and keep-alive probes', () => {
    const talk = letters();
    const bench = new Bench().play(pick(talk.packets, 0, 1, 2, 3, 3, 4, 4, 3, 5, 6, 7, 8));
    const probe = new Conversation();
    probe.raw({ fromClient: true, seq: talk.clientNext - 1, ack: talk.serverNext, payload: Buffer.from('f') });
    expect(bench.play(probe.packets).close()).toEqual([['> "aaaabbbbccccddddeeeeffff"', 'end closed']]);
    expect(bench.counters.retransmittedBytes).toBe(13);
    expect(bench.counters.gaps).toBe(0);
  });

  it('follows sequence numbers across their wrap', () => {
    for (let before = 0; before < 30; before++) {
      const { packets } = letters({ clientIsn: 2 ** 32 - before });
      expect(run(pick(packets, 0, 1, 2, 4, 3, 6, 5, 8, 7))).toEqual([['> "aaaabbbbccccddddeeeeffff"', 'end closed']]);
    }
    const { packets } = letters({ clientIsn: 2 ** 31 - 7 });
    expect(run(packets)).toEqual([['> "aaaabbbbccccddddeeeeffff"', 'end closed']]);
  });

  describe('where segments overlap', () => {
    const at = (talk: Conversation, offset: number, text: string): void => {
      talk.raw({ fromClient: true, seq: talk.clientNext + offset, payload: Buffer.from(text) });
    };

    it('keeps the first copy of what was delivered', () => {
      const talk = new Conversation().handshake();
      at(talk, 0, 'abcd');
      at(talk, 2, 'QQef');
      at(talk, 0, 'ZZZZZZgh');
      expect(run(talk.packets)).toEqual([['> "abcdefgh"', 'end closed']]);
    });

    it('keeps the first copy of what is held, and counts the conflict', () => {
      const talk = new Conversation().handshake();
      at(talk, 2, 'cdef');
      at(talk, 3, 'QQQ');
      at(talk, 4, 'QQgh');
      at(talk, 0, 'ab');
      const bench = new Bench().play(talk.packets);
      expect(bench.close()).toEqual([['> "abcdefgh"', 'end closed']]);
      expect(bench.counters.conflictingBytes).toBe(5);
    });

    it('lets the segment that begins earlier win over bytes held behind it, as Linux does', () => {
      const talk = new Conversation().handshake();
      at(talk, 4, 'QQQQ');
      at(talk, 2, 'cdef');
      at(talk, 0, 'ab');
      expect(run(talk.packets)).toEqual([['> "abcdefQQ"', 'end closed']]);
    });

    it('joins neighbours that overlap from both sides', () => {
      const talk = new Conversation().handshake();
      at(talk, 6, 'ghi');
      at(talk, 2, 'cde');
      at(talk, 1, 'bcdefghij');
      at(talk, 0, 'a');
      expect(run(talk.packets)).toEqual([['> "abcdefghij"', 'end closed']]);
    });
  });

  describe('with urgent data, which the server may or may not have read in line', () => {
    const tail = 'z'.repeat(65_536);

    it('reports a gap of unknown length wherever the urgent byte may be', () => {
      const talk = new Conversation().handshake().client('before');
      talk.raw({ fromClient: true, flags: ACK | URG, payload: Buffer.from('X') });
      talk.clientNext += 1;
      talk.client(tail).client('after');
      const bench = new Bench().play(talk.packets);
      expect(new Set(bench.close()[0])).toEqual(new Set(['> "before"', '> gap Infinity', '> "after"', 'end closed']));
      expect(bench.counters.gapBytes).toBe(1 + tail.length);
    });

    it('believes a pointer without a byte of its own, and doubts bytes that are held already', () => {
      const talk = new Conversation().handshake().client('abcd', 2);
      talk.packets.splice(3, 0, ...new Conversation().raw({ fromClient: true, flags: ACK | URG, seq: talk.clientNext - 4 }).packets);
      expect(run(pick(talk.packets, 0, 1, 2, 5, 3, 4))).toEqual([['> gap Infinity', '> gap Infinity', 'end closed']]);
    });

    it('takes no notice of a pointer far from the stream', () => {
      const talk = new Conversation().handshake().raw({ fromClient: true, flags: ACK | URG, seq: 1 << 30 }).client('abcd');
      expect(run(talk.packets)).toEqual([['> "abcd"', 'end closed']]);
    });
  });

  describe('with bytes that were never captured', () => {
    it('reports a gap when the receiver acknowledges bytes beyond it', () => {
      const talk = letters();
      const bench = new Bench().play(pick(talk.packets, 0, 1, 2, 3, 5, 6), true);
      expect(bench.logs[0]!.events).toEqual(['> "aaaa"']);
      bench.play(new Conversation().raw({ fromClient: false, seq: talk.serverNext, ack: talk.clientNext }).packets, true);
      expect(bench.logs[0]!.events).toEqual(['> "aaaa"', '> gap 4', '> "ccccdddd"']);
    });

    it('allows a capture to show the acknowledgement before the bytes', () => {
      const talk = letters().ack(false);
      expect(run(pick(talk.packets, 0, 1, 2, 9, 4, 3, 5, 6, 7, 8))).toEqual([['> "aaaabbbbccccddddeeeeffff"', 'end closed']]);
    });

    it('reports a gap when the flow holds more than its budget', () => {
      const talk = new Conversation().handshake().client('lost').client('x'.repeat(20_000), 1000);
      const bench = new Bench({ flowBudget: 10_000 }).play(talk.packets.filter((_, i) => i !== 3));
      expect(bench.logs[0]!.events[0]).toBe('> gap 4');
      expect(bench.counters.heldBytes).toBe(0);
    });

    it('reports a gap when it has waited long enough', () => {
      const talk = letters();
      const bench = new Bench({ holeUs: 5e6 }).play(pick(talk.packets, 0, 1, 2, 3, 5));
      bench.table.expire(talk.timeUs + 4e6);
      expect(bench.logs[0]!.events).toEqual(['> "aaaa"']);
      bench.table.expire(talk.timeUs + 6e6);
      expect(bench.logs[0]!.events).toEqual(['> "aaaa"', '> gap 4', '> "cccc"']);
    });

    it('waits anew when a part arrives', () => {
      const talk = letters();
      const bench = new Bench({ holeUs: 5e6 }).play(pick(talk.packets, 0, 1, 2, 4, 6));
      bench.table.expire(talk.timeUs + 3e6);
      talk.wait(4e6).raw({ ...talk.packets[3]!, timeUs: talk.timeUs });
      bench.play(talk.packets.slice(-1));
      bench.table.expire(talk.timeUs + 3e6);
      expect(bench.logs[0]!.events).toEqual(['> "aaaabbbb"']);
    });

    it('reports a gap before a FIN that is acknowledged', () => {
      const talk = letters().fin(true).ack(false).fin(false);
      expect(run(pick(talk.packets, 0, 1, 2, 3, 9, 10, 11), true)).toEqual([
        ['> "aaaa"', '> gap 20', '> fin', '< fin', 'end fin'],
      ]);
    });

    it('does not deliver bytes behind a hole that the receiver never got over', () => {
      const talk = letters();
      talk.raw({ fromClient: false, ack: talk.clientNext - 20 }).rst(false);
      expect(run(pick(talk.packets, 0, 1, 2, 3, 5, 6, 9, 10), true)).toEqual([['> "aaaa"', '> gap 4', 'end rst']]);
    });

    it('takes what the capture cut off for a gap', () => {
      const talk = new Conversation().handshake();
      talk.raw({ fromClient: true, payload: Buffer.from('head'), wireLength: 10 });
      talk.clientNext += 10;
      talk.client('next');
      expect(run(talk.packets)).toEqual([['> "head"', '> gap 6', '> "next"', 'end closed']]);
      expect(run(pick(talk.packets, 0, 1, 2, 4, 3))).toEqual([['> "head"', '> gap 6', '> "next"', 'end closed']]);
    });
  });

  describe('older than the tap', () => {
    const frames = (...parts: Buffer[]): string => Buffer.concat(parts).toString('latin1');

    it('is picked up where a segment of either side begins like a frame of HTTP/2, by a tap that knows directions', () => {
      const talk = new Conversation().client('rest of a frame').server('rest of one too');
      talk.client(frames(get(101, '/a'))).server(frames(answer(101))).client('more');
      const bench = new Bench().play(talk.packets, true);
      expect(bench.close()).toEqual([[`> "${frames(get(101, '/a'))}"`, `< "${frames(answer(101))}"`, '> "more"', 'end closed']]);
      expect(bench.counters).toMatchObject({ pickedUp: 1, unsynced: 2 });
    });

    it('is picked up by a capture at the head of a request or a response of HTTP/2, which says who the client is', () => {
      const talk = new Conversation().server(frames(ping())).server(frames(ping(), headers(99, hpack.indexed(8)))).client(frames(ping(), get(101, '/a')));
      expect(run(talk.packets)).toEqual([[`< "${frames(ping(), headers(99, hpack.indexed(8)))}"`, `> "${frames(ping(), get(101, '/a'))}"`, 'end closed']]);
    });

    it('is picked up by a capture at the preface of HTTP/2', () => {
      expect(run(new Conversation().client(frames(PREFACE, settings())).packets)).toEqual([[`> "${frames(PREFACE, settings())}"`, 'end closed']]);
    });

    it('starts at a request line, and its server at what the client has acknowledged', () => {
      const talk = new Conversation().client('rest of something').server('more of it').client(REQUEST).server(RESPONSE);
      for (const live of [true, false]) {
        expect(run(talk.packets, live)).toEqual([[`> "${REQUEST}"`, `< "${RESPONSE}"`, 'end closed']]);
      }
    });

    it('starts at a status line if only the server is seen', () => {
      const talk = new Conversation().server('end of a body').server(RESPONSE).server('body');
      expect(run(talk.packets)).toEqual([[`< "${RESPONSE}body"`, 'end closed']]);
    });

    it('asks the tap once to wait for a request line', () => {
      const bench = new Bench().play(new Conversation().client('abc').client('def').server('x').packets, true);
      expect(bench.muted).toEqual([false]);
      expect(bench.counters.unsynced).toBe(3);
      expect(bench.close()).toEqual([]);
    });

    it('follows the server if the client’s acknowledgement makes no sense', () => {
      const talk = new Conversation();
      talk.raw({ fromClient: true, payload: Buffer.from(REQUEST), ack: 0x70000000 }).server(RESPONSE);
      expect(run(talk.packets)).toEqual([[`> "${REQUEST}"`, `< "${RESPONSE}"`, 'end closed']]);
    });
  });

  describe('of unknown direction', () => {
    it('takes the sender of the SYN for the client', () => {
      expect(run(new Conversation().handshake().server('220 hello').client('hi').packets)).toEqual([
        ['< "220 hello"', '> "hi"', 'end closed'],
      ]);
    });

    it('takes the sender of a request line for the client, whoever sent the SYN', () => {
      const talk = new Conversation().handshake().server(REQUEST).client(RESPONSE);
      const bench = new Bench().play(talk.packets);
      expect(bench.close()).toEqual([[`> "${REQUEST}"`, `< "${RESPONSE}"`, 'end closed']]);
      expect(bench.logs[0]!.info).toMatchObject({ clientAddress: '10.0.0.2', clientPort: 80, serverAddress: '10.0.0.1' });
    });

    it('understands a simultaneous open', () => {
      const talk = new Conversation();
      talk.raw({ fromClient: false, flags: SYN, ack: 0 }).raw({ fromClient: true, flags: SYN, ack: 0 });
      talk.clientNext++;
      talk.serverNext++;
      talk.raw({ fromClient: false, flags: SYN | ACK, seq: talk.serverNext - 1 });
      talk.raw({ fromClient: true, flags: SYN | ACK, seq: talk.clientNext - 1 });
      talk.client(REQUEST).server(RESPONSE);
      expect(run(talk.packets)).toEqual([[`> "${REQUEST}"`, `< "${RESPONSE}"`, 'end closed']]);
    });
  });

  describe('at its beginning', () => {
    it('delivers the data of a SYN that the server takes', () => {
      const talk = new Conversation().raw({ fromClient: true, flags: SYN, payload: Buffer.from('fast') });
      talk.clientNext += 5;
      talk.raw({ fromClient: false, flags: SYN | ACK });
      talk.serverNext++;
      talk.client(' open');
      expect(run(talk.packets)).toEqual([['> "fast open"', 'end closed']]);
    });

    it('drops the data of a SYN that the server ignores', () => {
      const talk = new Conversation().raw({ fromClient: true, flags: SYN, payload: Buffer.from('evil') });
      talk.clientNext++;
      talk.raw({ fromClient: false, flags: SYN | ACK });
      talk.serverNext++;
      talk.client('good');
      expect(run(talk.packets)).toEqual([['> "good"', 'end closed']]);
    });

    it('delivers the data of a SYN if only the client is seen, once it goes on', () => {
      const talk = new Conversation().raw({ fromClient: true, flags: SYN, ack: 0, payload: Buffer.from('fast') });
      talk.clientNext += 5;
      talk.client(' open');
      expect(run(talk.packets)).toEqual([['> "fast open"', 'end closed']]);
    });

    it('is not disturbed by a SYN that is sent again', () => {
      const talk = new Conversation().handshake().client('abc');
      const again = [...talk.packets, ...talk.packets.slice(0, 4)];
      expect(run(again)).toEqual([['> "abc"', 'end closed']]);
    });

    it('ends when a new connection takes its ports, once that is confirmed', () => {
      const old = new Conversation().handshake().client('old');
      const next = new Conversation({ clientIsn: 77_000_000, serverIsn: 5, startUs: old.timeUs }).handshake().client('new');
      expect(run([...old.packets, ...next.packets])).toEqual([
        ['> "old"', 'end reused'],
        ['> "new"', 'end closed'],
      ]);
    });

    it('survives a SYN that nobody answers', () => {
      const talk = new Conversation().handshake().client('one ');
      talk.raw({ fromClient: true, flags: SYN, seq: 77_000_000, ack: 0 }).client('two');
      expect(run(talk.packets)).toEqual([['> "one two"', 'end closed']]);
    });
  });

  describe('at its end', () => {
    it('stays half open after one FIN', () => {
      const talk = new Conversation().handshake().client('question').fin(true).ack(false).server('answer', 2).fin(false);
      expect(run(talk.packets)).toEqual([['> "question"', '> fin', '< "answer"', '< fin', 'end fin']]);
    });

    it('waits for bytes that a FIN overtook', () => {
      const talk = new Conversation().handshake().client('abcd', 2).fin(true);
      expect(run(pick(talk.packets, 0, 1, 2, 3, 5, 4))).toEqual([['> "abcd"', '> fin', 'end closed']]);
    });

    it('delivers no bytes after a FIN', () => {
      const talk = new Conversation().handshake().client('abcd').fin(true);
      talk.raw({ fromClient: true, seq: talk.clientNext - 1, payload: Buffer.from('more') });
      expect(run(talk.packets)).toEqual([['> "abcd"', '> fin', 'end closed']]);
    });

    it('ignores what comes late', () => {
      const talk = new Conversation().handshake().client(REQUEST).server(RESPONSE).close();
      const late = talk.packets.slice(3);
      expect(run([...talk.packets, ...late])).toEqual([
        [`> "${REQUEST}"`, `< "${RESPONSE}"`, '> fin', '< fin', 'end fin'],
      ]);
    });

    it('ends a moment after a RST', () => {
      const talk = new Conversation().handshake().client('abc').rst(true);
      const bench = new Bench().play(talk.packets);
      expect(bench.logs[0]!.ended).toBe(false);
      bench.table.expire(talk.timeUs + 1e6);
      expect(bench.close()).toEqual([['> "abc"', 'end rst']]);
    });

    it('ignores a RST outside of the stream', () => {
      const talk = new Conversation().handshake().client('abc');
      talk.raw({ fromClient: true, flags: RST, seq: talk.clientNext + 500, ack: 0 }).client('def');
      const bench = new Bench().play(talk.packets);
      bench.table.expire(talk.timeUs + 2e6);
      expect(bench.counters.badResets).toBe(1);
      expect(bench.close()).toEqual([['> "abcdef"', 'end closed']]);
    });

    it('does not believe a RST after which its sender goes on', () => {
      const talk = new Conversation().handshake().client('abc').rst(true).client('def').ack(false);
      const bench = new Bench().play(talk.packets);
      bench.table.expire(talk.timeUs + 2e6);
      expect(bench.close()).toEqual([['> "abcdef"', 'end closed']]);
    });

    it('ignores the content of a RST', () => {
      const talk = new Conversation().handshake().client('abc');
      talk.raw({ fromClient: true, flags: RST | ACK, payload: Buffer.from('reason') });
      expect(run(talk.packets)).toEqual([['> "abc"', 'end rst']]);
    });

    it('ends when it has been idle for too long, and is picked up at its next request', () => {
      const talk = new Conversation().handshake().client(REQUEST).server(RESPONSE).wait(3600e6).client(REQUEST);
      expect(run(talk.packets, true, { idleUs: 600e6 })).toEqual([
        [`> "${REQUEST}"`, `< "${RESPONSE}"`, 'end idle'],
        [`> "${REQUEST}"`, 'end closed'],
      ]);
    });
  });

  it('starts again where the kernel resumes copying', () => {
    const talk = new Conversation().handshake().client('abc');
    const bench = new Bench().play(talk.packets, true);
    talk.clientNext += 5_000_000;
    talk.serverNext += 900;
    talk.client(REQUEST).server(RESPONSE);
    bench.resync(talk.packets.at(-2)!).play(talk.packets.slice(-1), true);
    expect(bench.close()).toEqual([['> "abc"', 'resync', `> "${REQUEST}"`, `< "${RESPONSE}"`, 'end closed']]);
    expect(bench.counters.gaps).toBe(0);
  });

  it('delivers nothing once it is muted, tells the tap once, and still ends once', () => {
    const talk = new Conversation().handshake().client('abc', 1).server('x').close();
    const bench = new Bench();
    bench.play(talk.packets.slice(0, 4));
    bench.logs[0]!.control.mute('other');
    bench.play(talk.packets.slice(4));
    expect(bench.close()).toEqual([['> "a"', 'end fin']]);
    expect(bench.muted).toEqual([true]);
    expect(bench.counters.muted.other).toBe(1);
  });

  it('jumps to where the stream has gone when segments far off follow each other', () => {
    const talk = letters();
    talk.clientNext += 2 ** 28;
    talk.client('here', 1);
    const events = run(talk.packets)[0]!;
    expect(events[1]).toBe(`> gap ${2 ** 28 + 2}`);
    expect(events[2]).toBe('> "re"');
  });
});
