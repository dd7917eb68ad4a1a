import { ACK, FIN, RST, SYN, Segment, TO_CLIENT, TO_SERVER, UNKNOWN_DIRECTION } from '../../src/tap/segment.ts';

/** One TCP packet of a scripted conversation between 10.0.0.1:40000 (client) and 10.0.0.2:80. */
export interface Packet {
  readonly fromClient: boolean;
  readonly flags: number;
  /** Unsigned. */
  readonly seq: number;
  readonly ack: number;
  readonly payload: Buffer;
  /** Payload length on the wire, where the capture was cut. */
  readonly wireLength: number;
  readonly timeUs: number;
  readonly clientPort: number;
}

export interface ConversationOptions {
  readonly clientIsn?: number;
  readonly serverIsn?: number;
  readonly startUs?: number;
  readonly clientPort?: number;
}

/** Writes a TCP conversation as both ends would, packet by packet; tests then reorder, repeat or cut `packets`. */
export class Conversation {
  readonly packets: Packet[] = [];
  clientNext: number;
  serverNext: number;
  timeUs: number;
  readonly clientPort: number;

  constructor(options: ConversationOptions = {}) {
    this.clientNext = options.clientIsn ?? 1000;
    this.serverNext = options.serverIsn ?? 900_000;
    this.timeUs = options.startUs ?? 1_000_000;
    this.clientPort = options.clientPort ?? 40_000;
  }

  handshake(): this {
    this.#add(true, SYN, '');
    this.clientNext = unsigned(this.clientNext + 1);
    this.#add(false, SYN | ACK, '');
    this.serverNext = unsigned(this.serverNext + 1);
    return this.ack(true);
  }

  /** The client sends `text`, in pieces of at most `size` bytes. */
  client(text: string | Buffer, size = 1460): this {
    return this.#send(true, text, size);
  }

  server(text: string | Buffer, size = 1460): this {
    return this.#send(false, text, size);
  }

  /** One side acknowledges all that the other has sent. */
  ack(fromClient: boolean): this {
    return this.#add(fromClient, ACK, '');
  }

  fin(fromClient: boolean): this {
    this.#add(fromClient, FIN | ACK, '');
    if (fromClient) this.clientNext = unsigned(this.clientNext + 1);
    else this.serverNext = unsigned(this.serverNext + 1);
    return this;
  }

  rst(fromClient: boolean): this {
    return this.#add(fromClient, RST, '');
  }

  /** Both sides finish, politely. */
  close(): this {
    return this.fin(true).ack(false).fin(false).ack(true);
  }

  wait(us: number): this {
    this.timeUs += us;
    return this;
  }

  /** A packet of any kind. */
  raw(packet: Partial<Packet> & { readonly fromClient: boolean }): this {
    const payload = packet.payload ?? Buffer.alloc(0);
    this.timeUs += 100;
    this.packets.push({
      flags: ACK,
      seq: packet.fromClient ? this.clientNext : this.serverNext,
      ack: packet.fromClient ? this.serverNext : this.clientNext,
      wireLength: payload.length,
      timeUs: this.timeUs,
      clientPort: this.clientPort,
      ...packet,
      payload,
    });
    return this;
  }

  #send(fromClient: boolean, text: string | Buffer, size: number): this {
    const bytes = typeof text === 'string' ? Buffer.from(text, 'latin1') : text;
    for (let at = 0; at < bytes.length; at += size) {
      const piece = bytes.subarray(at, at + size);
      this.raw({ fromClient, payload: piece });
      if (fromClient) this.clientNext = unsigned(this.clientNext + piece.length);
      else this.serverNext = unsigned(this.serverNext + piece.length);
    }
    return this;
  }

  #add(fromClient: boolean, flags: number, text: string): this {
    return this.raw({ fromClient, flags, ack: (flags & ACK) === 0 ? 0 : fromClient ? this.serverNext : this.clientNext, payload: Buffer.from(text) });
  }
}

export const CLIENT_ADDRESS = '10.0.0.1';
export const SERVER_ADDRESS = '10.0.0.2';
export const SERVER_PORT = 80;

const MAPPED = 0xffff0000 | 0;
const CLIENT_WORD = 0x0100000a;
const SERVER_WORD = 0x0200000a;

/** Fills `segment` as a tap would. @param live whether the tap knows directions, as those on interfaces do */
export function fillSegment(segment: Segment, packet: Packet, live: boolean): Segment {
  const { fromClient, payload, clientPort } = packet;
  segment.direction = live ? (fromClient ? TO_SERVER : TO_CLIENT) : UNKNOWN_DIRECTION;
  segment.resync = false;
  segment.flags = packet.flags;
  segment.seq = packet.seq | 0;
  segment.ack = packet.ack | 0;
  segment.src0 = segment.src1 = segment.dst0 = segment.dst1 = 0;
  segment.src2 = segment.dst2 = MAPPED;
  segment.src3 = fromClient ? CLIENT_WORD : SERVER_WORD;
  segment.dst3 = fromClient ? SERVER_WORD : CLIENT_WORD;
  segment.sport = fromClient ? clientPort : SERVER_PORT;
  segment.dport = fromClient ? SERVER_PORT : clientPort;
  segment.hash = Math.imul(clientPort, 0x9e3779b1);
  // The payload lies in a larger buffer, as in a ring: reading over its ends must not go unnoticed.
  const frame = Buffer.alloc(payload.length + 32, 0x7a);
  payload.copy(frame, 16);
  segment.data = frame;
  segment.start = 16;
  segment.end = 16 + payload.length;
  segment.wireLength = packet.wireLength;
  segment.timeUs = packet.timeUs;
  return segment;
}

function unsigned(seq: number): number {
  return seq >>> 0;
}
