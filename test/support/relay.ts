import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { TO_CLIENT, TO_SERVER } from '../../src/tap/segment.ts';
import type { Direction } from '../../src/tap/segment.ts';

/** What one side sent at once, as the relay got it. */
export interface Piece {
  readonly direction: Direction;
  readonly bytes: Buffer;
}

/** One connection's pieces, both directions, in the order in which they passed. */
export type Transcript = Piece[];

/** Stands between a client and a server on loopback and writes down what passes. Ends with its connections when disposed of. */
export class Relay implements AsyncDisposable {
  readonly transcripts: Transcript[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(target: number) {
    this.#server = createServer((client) => {
      const transcript: Transcript = [];
      this.transcripts.push(transcript);
      const server = connect(target, '127.0.0.1');
      this.#pass(client, server, TO_SERVER, transcript);
      this.#pass(server, client, TO_CLIENT, transcript);
    });
  }

  static async start(target: number): Promise<Relay> {
    const relay = new Relay(target);
    relay.#server.listen(0, '127.0.0.1');
    await once(relay.#server, 'listening');
    return relay;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #pass(from: Socket, to: Socket, direction: Direction, transcript: Transcript): void {
    this.#sockets.add(from);
    from.setNoDelay(true);
    from.on('data', (bytes) => {
      transcript.push({ direction, bytes: Buffer.from(bytes) });
      to.write(bytes);
    });
    from.on('end', () => to.end());
    from.on('error', () => to.destroy());
    from.on('close', () => {
      this.#sockets.delete(from);
      to.destroy();
    });
  }
}
