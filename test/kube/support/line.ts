import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** Passes on what comes and goes between a client and a server, until it is frozen: as a network does of which a part fails. */
export class Line implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets: Socket[] = [];
  connections = 0;

  /** @param port of the server, on the loopback */
  static async to(port: number): Promise<Line> {
    const line = new Line(port);
    line.#server.listen(0, '127.0.0.1');
    await once(line.#server, 'listening');
    return line;
  }

  private constructor(port: number) {
    this.#server = createServer((client) => {
      this.connections += 1;
      const server = connect(port, '127.0.0.1');
      client.pipe(server).pipe(client);
      for (const socket of [client, server]) {
        socket.on('error', () => {});
        this.#sockets.push(socket);
      }
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Connections that are there stay, and nothing goes through them any more; new ones are well. */
  freeze(): void {
    for (const socket of this.#sockets) socket.unpipe().pause();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
