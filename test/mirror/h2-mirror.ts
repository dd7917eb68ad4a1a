import { once } from 'node:events';
import { createSecureServer, createServer, type Http2Server, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';

/** What a mirror of Node's got on one stream. */
export interface Heard {
  /** Flat, with pseudo-headers, in the order of the wire. */
  readonly headers: readonly string[];
  /** Content pieces as they came. */
  readonly pieces: Buffer[];
  readonly stream: ServerHttp2Stream;
  /** Flat. */
  trailers: readonly string[];
  /** END_STREAM has come. */
  ended: boolean;
  /** The code of RST_STREAM; null while there was none. */
  reset: number | null;
}

export type Behaviour = (heard: Heard, mirror: H2Mirror) => void;

/** Answers when the request is whole. */
export const ANSWERING: Behaviour = ({ stream }) => {
  stream.resume();
  stream.on('end', () => {
    if (stream.destroyed) return;
    stream.respond({ ':status': 200 });
    stream.end('ok');
  });
};

export interface H2MirrorOptions {
  readonly settings?: { readonly maxConcurrentStreams?: number; readonly initialWindowSize?: number };
  readonly tls?: { readonly key: string; readonly cert: string };
}

/** A server of HTTP/2 that writes down what it hears and answers as it is told. */
export class H2Mirror implements AsyncDisposable {
  readonly heard: Heard[] = [];
  readonly sessions: ServerHttp2Session[] = [];
  readonly sockets: Socket[] = [];
  readonly #server: Http2Server;
  readonly #secure: boolean;

  constructor(behaviour: Behaviour, { settings = {}, tls }: H2MirrorOptions) {
    this.#secure = tls !== undefined;
    this.#server = tls === undefined ? createServer({ settings }) : createSecureServer({ settings, ...tls });
    this.#server.on('session', (session) => this.sessions.push(session));
    this.#server.on('connection', (socket: Socket) => this.sockets.push(socket));
    this.#server.on('sessionError', () => {});
    this.#server.on('stream', (stream, _headers, _flags, raw) => {
      const heard: Heard = { headers: raw as unknown as string[], pieces: [], stream, trailers: [], ended: false, reset: null };
      this.heard.push(heard);
      stream.on('error', () => {});
      stream.on('data', (piece: Buffer) => heard.pieces.push(piece));
      stream.on('trailers', (_trailers, _trailerFlags, rawTrailers?: readonly string[]) => (heard.trailers = rawTrailers ?? []));
      stream.on('end', () => (heard.ended = !stream.aborted && stream.rstCode === 0));
      stream.on('close', () => (heard.reset = stream.rstCode === 0 && !stream.aborted ? null : stream.rstCode!));
      behaviour(heard, this);
    });
  }

  static async start(behaviour: Behaviour = ANSWERING, options: H2MirrorOptions = {}): Promise<H2Mirror> {
    const mirror = new H2Mirror(behaviour, options);
    mirror.#server.listen(0, '127.0.0.1');
    await once(mirror.#server, 'listening');
    return mirror;
  }

  get origin(): string {
    return `${this.#secure ? 'https' : 'http'}://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const session of this.sessions) session.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

export function textOf({ pieces }: Heard): string {
  return Buffer.concat(pieces).toString('latin1');
}
