import { describe, expect, it } from 'vitest';
import { Conversation } from '../support/conversation.ts';
import type { Packet } from '../support/conversation.ts';
import { decode } from '../support/decoder.ts';
import { CASES } from './cases.ts';
import type { Case } from './cases.ts';
import { H2_CASES } from './h2/cases.ts';

/** The case as a connection, each turn in pieces of at most `size`. */
function connection({ turns }: Case, size: number): Conversation {
  const talk = new Conversation().handshake();
  for (const [who, text] of turns) {
    if (who === '>') talk.client(text, size).ack(false);
    else talk.server(text, size).ack(true);
  }
  return talk.fin(false).ack(true).fin(true).ack(false);
}

/** The case with its `turn`th turn cut in two at `at`. */
function connectionCutAt({ turns }: Case, turn: number, at: number): Conversation {
  const talk = new Conversation().handshake();
  turns.forEach(([who, text], i) => {
    for (const piece of i === turn ? [text.slice(0, at), text.slice(at)] : [text]) {
      if (who === '>') talk.client(piece, 65_535);
      else talk.server(piece, 65_535);
    }
    talk.ack(who === '<');
  });
  return talk.fin(false).ack(true).fin(true).ack(false);
}

/** Neighbours swapped where one side sends several packets in a row, everything sent twice. */
function disturbed(packets: readonly Packet[]): Packet[] {
  const result: Packet[] = [];
  for (let i = 0; i < packets.length; i++) {
    const [packet, after] = [packets[i]!, packets[i + 1]];
    const swap = packet.payload.length > 0 && after !== undefined && after.payload.length > 0;
    if (swap && packet.fromClient === after.fromClient) {
      result.push(after, packet, after, packet);
      i++;
    } else result.push(packet, packet);
  }
  return result;
}

describe('the HTTP decoder', () => {
  describe.each([...CASES, ...H2_CASES])('$name', (example) => {
    it('in one segment a turn', () => {
      expect(decode(connection(example, 65_535).packets).events).toEqual(example.events);
    });

    it('byte by byte', () => {
      expect(decode(connection(example, 1).packets).events).toEqual(example.events);
    });

    it('cut in two at every place', () => {
      example.turns.forEach(([, text], turn) => {
        for (let at = 1; at < text.length; at++) {
          const { events } = decode(connectionCutAt(example, turn, at).packets);
          expect(events, `turn ${turn} cut at ${at}`).toEqual(example.events);
        }
      });
    });

    it('reordered and repeated, from a tap that knows directions', () => {
      for (const size of [1, 2, 3, 7, 16]) {
        const { events } = decode(disturbed(connection(example, size).packets), true);
        expect(events, `pieces of ${size}`).toEqual(example.events);
      }
    });
  });
});
