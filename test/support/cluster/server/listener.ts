import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { PeerCertificate, TLSSocket } from 'node:tls';
import type { Identity } from '../pki.ts';

/** The first byte of a TLS connection: a handshake record (RFC 8446 §5.1). */
const TLS_HANDSHAKE = 0x16;

/** Requests under way over one connection of HTTP/2, as kube-apiserver allows since 1.29. */
const MAX_STREAMS = 100;

export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => void;

/** A port of the loopback that takes TLS, with HTTP/2 and HTTP/1.1, and plain HTTP/1.1 besides; it can go away and come back. */
export class Listener {
  readonly #sockets = new Map<number, Socket>();
  readonly #take: (socket: Socket) => void;
  #server: Server;
  #port = 0;

  /** @param ca signs the certificates of clients, which are asked for and not required */
  constructor(identity: Identity, ca: string, handler: RequestHandler) {
    const plain = createHttpServer(handler);
    // Node's compatibility layer: requests and responses of HTTP/2 look like those of HTTP/1.1.
    const onRequest = handler as unknown as (request: Http2ServerRequest, response: Http2ServerResponse) => void;
    const options = { ...identity, ca, requestCert: true, rejectUnauthorized: false, allowHTTP1: true };
    const secure = createSecureServer({ ...options, settings: { maxConcurrentStreams: MAX_STREAMS } }, onRequest);
    for (const server of [plain, secure]) server.on('clientError', (_error: Error, socket: Socket) => socket.destroy());
    plain.requestTimeout = 0;
    secure.on('sessionError', () => undefined);
    this.#take = (socket) => {
      socket.once('data', (first) => {
        socket.pause();
        socket.unshift(first);
        (first[0] === TLS_HANDSHAKE ? secure : plain).emit('connection', socket);
        process.nextTick(() => socket.resume());
      });
    };
    this.#server = this.#newServer();
  }

  get port(): number {
    return this.#port;
  }

  get connections(): number {
    return this.#sockets.size;
  }

  /** Begins to listen; at the same port as before, if it did before. */
  async open(): Promise<void> {
    if (this.#server.listening) return;
    this.#server = this.#newServer();
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Refuses new connections and resets those that are open. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.resetAll();
    await closed;
  }

  resetAll(): void {
    for (const socket of this.#sockets.values()) reset(socket);
  }

  /** @param connection the client's port */
  reset(connection: number): void {
    const socket = this.#sockets.get(connection);
    if (socket !== undefined) reset(socket);
  }

  #newServer(): Server {
    return createServer({ noDelay: true }, (socket) => {
      const connection = socket.remotePort ?? 0;
      this.#sockets.set(connection, socket);
      socket.on('close', () => this.#sockets.delete(connection));
      socket.on('error', () => undefined);
      this.#take(socket);
    });
  }
}

/** Ends a connection with a TCP RST, which also undoes the TLS around it. */
function reset(socket: Socket): void {
  socket.resetAndDestroy();
}

/** The client's certificate, if one of ours signed it. */
export function certificateOf({ socket }: IncomingMessage): PeerCertificate | null {
  const { authorized, getPeerCertificate } = socket as Partial<TLSSocket>;
  if (authorized !== true || getPeerCertificate === undefined) return null;
  const certificate = (socket as TLSSocket).getPeerCertificate();
  return certificate.subject === undefined ? null : certificate;
}
