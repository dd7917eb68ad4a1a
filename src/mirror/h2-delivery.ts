import { constants, type ClientHttp2Session, type ClientHttp2Stream, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http2';
import { lengthOf, type AnswerKeeper } from './answer-keeper.ts';
import { NO_TRAILERS, type BodyWriter, type Delivery, type DeliveryObserver, type FailureReason, type OutgoingRequest } from './http-client.ts';

const { NGHTTP2_CANCEL, NGHTTP2_NO_ERROR, NGHTTP2_REFUSED_STREAM, NGHTTP2_FLAG_END_STREAM } = constants;

/** What a field value may be; Node looks at names only. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** The connection that a delivery's stream belongs to. */
export interface DeliveryOwner {
  readonly connected: boolean;
  /** Requests can still be sent on it. */
  readonly open: boolean;
  /** Nothing more comes from it. */
  readonly broken: boolean;
  /** Why it came to an end before its streams did. */
  readonly failure: FailureReason;
  /** Something has come from the server. */
  onHeard(): void;
  /**
   * A delivery is over.
   * @param gaveUpSince it was given up, and this is when it was sent; -1: it was not
   */
  ended(delivery: H2Delivery, gaveUpSince: number): void;
}

/** One request on its way over a stream of its own, and its answer, of which only status and trailers are kept unless somebody wants more. */
export class H2Delivery implements Delivery, BodyWriter {
  readonly #connection: DeliveryOwner;
  /** null until the connection is ready. */
  #stream: ClientHttp2Stream | null = null;
  /** Resets a stream whose content is not whole; null where there is none. */
  #breakOff: AbortController | null = null;
  readonly #request: OutgoingRequest;
  readonly #observer: DeliveryObserver;
  readonly #sentMs = performance.now();
  #trailers = NO_TRAILERS;
  #answered = false;
  #ended = false;

  constructor(connection: DeliveryOwner, request: OutgoingRequest, observer: DeliveryObserver) {
    this.#connection = connection;
    this.#request = request;
    this.#observer = observer;
  }

  /** Who wants the answer. */
  get keeper(): AnswerKeeper | null {
    return this.#observer.keeper;
  }

  /** Sends the request, as much of it as there is. Call once; nothing happens where the delivery is over by then. */
  start(session: ClientHttp2Session): void {
    if (this.#ended) return;
    const stream = this.#open(session);
    if (stream === null) return this.fail('rejected');
    this.#stream = stream;
    stream.on('response', (headers, flags, raw) => this.#onAnswer(headers, flags, raw));
    stream.on('trailers', (_trailers, _flags, raw) => this.#onTrailers(raw ?? NO_TRAILERS));
    stream.on('end', () => this.#onEnd());
    stream.on('close', () => this.fail(failureOf(stream.rstCode, this.#connection)));
    // What went wrong is known from the code.
    stream.on('error', () => {});
    const { keeper } = this;
    if (keeper !== null) {
      keeper.onSent(performance.now());
      stream.on('finish', () => keeper.onSent(performance.now()));
    }
    this.#sendContent(stream);
  }

  write(piece: Buffer): void {
    if (this.#ended) return;
    this.#stream!.write(piece, (error) => {
      if (error === null || error === undefined) this.#request.http2!.live!.onWritten();
    });
  }

  end(): void {
    if (!this.#ended) this.#stream!.end();
  }

  abort(reason: 'timeout' | 'cancelled' = 'timeout'): void {
    if (this.#ended) return;
    const why = reason === 'timeout' && !this.#connection.connected ? 'connect' : reason;
    this.#ended = true;
    this.#reset();
    this.#connection.ended(this, reason === 'timeout' ? this.#sentMs : -1);
    this.#observer.onFailure(why);
  }

  /** The stream is over. Nothing happens where that is known. */
  fail(reason: FailureReason): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#connection.ended(this, -1);
    this.#observer.onFailure(reason);
  }

  /** @returns null where the request cannot be expressed */
  #open(session: ClientHttp2Session): ClientHttp2Stream | null {
    const { headers, body, http2 } = this.#request;
    const { pseudo, trailers, live } = http2!;
    const fields = [...pseudo, ...headers];
    for (let i = 1; i < fields.length; i += 2) if (!VALUE.test(fields[i]!)) return null;
    const waitForTrailers = trailers.length > 0;
    const hasContent = live !== null || waitForTrailers || (body !== null && body.length > 0);
    if (hasContent) this.#breakOff = new AbortController();
    try {
      const signal = this.#breakOff?.signal;
      return session.request(fields, { endStream: !hasContent, waitForTrailers, ...(signal !== undefined && { signal }) });
    } catch {
      return null;
    }
  }

  #sendContent(stream: ClientHttp2Stream): void {
    const { body, http2 } = this.#request;
    const { live, trailers } = http2!;
    if (live !== null) {
      stream.on('data', (piece: Buffer) => this.#onLiveData(piece));
      return live.attach(this);
    }
    const { keeper } = this;
    if (keeper === null) stream.resume();
    else stream.on('data', (piece: Buffer) => keeper.write(piece, 0, piece.length));
    if (trailers.length > 0) stream.once('wantTrailers', () => this.#sendTrailers(stream, trailers));
    if (body !== null && body.length > 0) stream.end(body);
    else if (trailers.length > 0) stream.end();
  }

  #onAnswer(headers: IncomingHttpHeaders, flags: number, raw: readonly string[] | undefined): void {
    if (this.#ended) return;
    this.#connection.onHeard();
    this.#request.http2!.live?.onHeard();
    this.#answered = true;
    if ((flags & NGHTTP2_FLAG_END_STREAM) !== 0) this.#trailers = raw ?? NO_TRAILERS;
    const status = Number(headers[':status']);
    if (this.keeper !== null) {
      const fields = withoutPseudo(raw ?? NO_TRAILERS);
      this.keeper.onHead(status, fields, lengthOf(fields), performance.now());
    }
    this.#observer.onAnswer(status);
  }

  #onTrailers(raw: readonly string[]): void {
    this.#trailers = raw;
    this.keeper?.onTrailers(raw);
  }

  #onLiveData(piece: Buffer): void {
    this.keeper?.write(piece, 0, piece.length);
    this.#connection.onHeard();
    this.#request.http2!.live!.onHeard();
  }

  #onEnd(): void {
    // An answer also ends where its connection does; it is not whole then.
    if (this.#ended || !this.#answered || this.#connection.broken) return;
    this.#ended = true;
    this.#connection.onHeard();
    // The server has answered before it has everything: it does not need the rest (RFC 9113 section 8.1).
    if (!this.#stream!.writableFinished) this.#reset();
    this.#connection.ended(this, -1);
    this.#observer.onEnd(this.#trailers);
  }

  /** RST_STREAM with CANCEL. `close` would do it too, but ends the content in order before that: a half would seem whole. */
  #reset(): void {
    if (this.#breakOff === null) this.#stream?.close(NGHTTP2_CANCEL);
    else this.#breakOff.abort();
  }

  #sendTrailers(stream: ClientHttp2Stream, flat: readonly string[]): void {
    const trailers: OutgoingHttpHeaders = {};
    for (let i = 0; i + 1 < flat.length; i += 2) {
      const name = flat[i]!;
      const before = trailers[name];
      trailers[name] = before === undefined ? flat[i + 1] : [before, flat[i + 1]!].flat().map(String);
    }
    try {
      stream.sendTrailers(trailers);
    } catch {
      this.abort('cancelled');
    }
  }
}

/** @param raw pseudo-headers come first (RFC 9113 section 8.3) */
function withoutPseudo(raw: readonly string[]): readonly string[] {
  let at = 0;
  while (at < raw.length && raw[at]!.startsWith(':')) at += 2;
  return raw.slice(at);
}

function failureOf(code: number | undefined, connection: DeliveryOwner): FailureReason {
  if (!connection.open || !connection.connected) return connection.failure;
  const isReset = code === undefined || code === NGHTTP2_NO_ERROR || code === NGHTTP2_CANCEL || code === NGHTTP2_REFUSED_STREAM;
  return isReset ? 'reset' : RESETS.has(code) ? 'reset' : 'protocol';
}

/** Codes by which a server says that it cannot, rather than that something was wrong. */
const RESETS = new Set([constants.NGHTTP2_INTERNAL_ERROR, constants.NGHTTP2_STREAM_CLOSED, constants.NGHTTP2_ENHANCE_YOUR_CALM]);
