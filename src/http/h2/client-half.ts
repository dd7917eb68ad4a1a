import { HttpRequest } from '../exchange.ts';
import { TOO_LARGE } from '../head-scan.ts';
import type { HttpOptions } from '../message-reader.ts';
import { Half } from './half.ts';
import { HeadFields } from './head-fields.ts';
import type { BlockLoss } from './header-block.ts';
import type { Settings } from './settings.ts';
import type { Stream, Streams } from './streams.ts';

/** The client's direction: requests. As strict as servers are, for a copy must not say what the original did not. */
export class ClientHalf extends Half {
  /** The highest stream that was opened; streams are opened in rising order. */
  #lastOpened = 0;
  /** The first one opened since the direction was joined: those below were open before. */
  #firstOpened = Infinity;
  readonly #broken: () => void;

  /** @param onBroken the rules are broken: nothing more of the connection can be read */
  constructor(streams: Streams, options: HttpOptions, own: Settings, peers: Settings, onBroken: () => void) {
    super(true, streams, options, own, peers);
    this.#broken = onBroken;
  }

  /** Whether a stream that is not open has been, since we have come. */
  hasClosed(id: number): boolean {
    return id <= this.#lastOpened && (this.join === 0 || id >= this.#firstOpened);
  }

  /** Stream 1 was opened by a request of HTTP/1.1. */
  onUpgrade(): void {
    this.#firstOpened = this.#lastOpened = 1;
  }

  override startSearch(): void {
    super.startSearch();
    this.#lastOpened = 0;
    this.#firstOpened = Infinity;
  }

  override onHeaders(id: number, endStream: boolean, data: Buffer, start: number, end: number): boolean {
    const fields: string[] = [];
    if ((id & 1) === 0 || !this.hpack.decode(data, start, end, fields)) return false;
    const stream = this.streams.find(id);
    if (stream !== null && stream.exchange.request !== null) {
      if (!stream.requestOver) this.#onTrailers(stream, endStream, fields);
      return true;
    }
    // A stream that is closed, or was open before we came: these are trailers.
    if (stream === null && id <= this.#lastOpened) return true;
    this.#lastOpened = id;
    if (this.#firstOpened === Infinity) this.#firstOpened = id;
    this.#onHead(id, stream, endStream, fields);
    return true;
  }

  override onPushPromise(): boolean {
    return false;
  }

  override onLostBlock(id: number, endStream: boolean, why: BlockLoss): void {
    this.hpack.forget();
    let stream = this.streams.find(id);
    if (stream === null && id > this.#lastOpened) {
      this.#lastOpened = id;
      stream = this.streams.open(id, this.join, this.#newRequest());
    }
    if (stream === null || stream.exchange.request === null) return;
    if (why === 'too-large') this.streams.loseFaulty(stream, TOO_LARGE);
    else this.streams.lose(stream, 'incomplete', 'evicted');
    if (endStream) this.streams.requestWhole(stream, this.believed);
  }

  override onData(id: number, data: Buffer, start: number, end: number): void {
    const request = this.streams.find(id)?.exchange.request;
    if (request === null || request === undefined) return;
    request.bodyLength += end - start;
    request.sink?.write(data, start, end);
  }

  override onDataGap(id: number): void {
    const stream = this.streams.find(id);
    if (stream?.exchange.request != null) this.streams.lose(stream, 'incomplete', 'gap');
  }

  override onDataEnd(id: number, endStream: boolean): boolean {
    let stream = this.streams.find(id);
    if (stream === null) {
      if (this.hasClosed(id)) return true;
      // Only HEADERS open a stream.
      if (this.join === 0 || id >= this.#firstOpened) return false;
      stream = this.#openMidstream(id);
    }
    if (stream === null || stream.exchange.request === null || stream.requestOver) return true;
    if (endStream) this.#onEnd(stream);
    return true;
  }

  override onReset(id: number, code: number): void {
    const stream = this.streams.find(id);
    if (stream !== null) this.streams.reset(stream, code, 'reset');
  }

  /** A client's last stream is one that the server pushed. */
  override onGoaway(): void {}

  protected override onBroken(): void {
    this.#broken();
  }

  /** What was read since a joining that nobody has believed goes with it: it may never have been. */
  protected override onLost(why: 'gap' | 'join'): void {
    const { join, believed } = this;
    this.streams.forEach((stream) => {
      if (!believed && stream.join === join) this.streams.end(stream);
      else if (why === 'gap') this.streams.cut(stream, 'gap');
    });
  }

  #newRequest(): HttpRequest {
    const request = new HttpRequest();
    request.version = 'HTTP/2';
    request.firstUs = request.lastUs = this.timeUs;
    return request;
  }

  #onHead(id: number, known: Stream | null, endStream: boolean, fields: string[]): void {
    const request = this.#newRequest();
    const { unknown, flawed, overflown, size } = this.hpack;
    const fault = HEAD.request(fields);
    request.method = HEAD.method;
    request.target = HEAD.path;
    request.authority = HEAD.authority;
    request.scheme = HEAD.scheme;
    request.pseudo = HEAD.order(fields);
    request.headers = fields.slice(HEAD.pseudos * 2);
    request.headBytes = size;
    request.declaredLength = HEAD.length;
    request.framing = endStream ? 'none' : 'stream';
    if (known !== null) this.streams.addRequest(known, request);
    const stream = known ?? this.streams.open(id, this.join, request);
    if (stream === null) return;
    stream.exchange.confirmed = this.believed;
    // Without any pseudo-header these are trailers of a stream that was open before we came.
    if (unknown > 0 || (HEAD.pseudos === 0 && this.join > 0)) this.streams.lose(stream, 'h2-midstream', '');
    else if (overflown) this.streams.loseFaulty(stream, TOO_LARGE);
    else if (fault !== null) this.streams.loseFaulty(stream, fault);
    else if (flawed > 0) this.streams.lose(stream, 'malformed', 'header');
    else if (HEAD.method === 'CONNECT') this.streams.lose(stream, 'upgrade', upgradeReason(HEAD.protocol));
    else this.streams.requestHead(stream);
    if (endStream) this.#onEnd(stream);
  }

  #onTrailers(stream: Stream, endStream: boolean, fields: string[]): void {
    const request = stream.exchange.request!;
    const { unknown, flawed, overflown } = this.hpack;
    const fault = HEAD.trailers(fields);
    if (unknown > 0) this.streams.lose(stream, 'h2-midstream', '');
    else if (overflown) this.streams.loseFaulty(stream, TOO_LARGE);
    else if (fault !== null) this.streams.loseFaulty(stream, fault);
    else if (flawed > 0 || !endStream || HEAD.length >= 0) this.streams.lose(stream, 'malformed', 'header');
    else request.trailers = fields;
    if (endStream) this.#onEnd(stream);
  }

  /** END_STREAM: RFC 9113 section 8.1.1 holds the content to its announced length. */
  #onEnd(stream: Stream): void {
    const request = stream.exchange.request!;
    request.lastUs = this.timeUs;
    if (request.declaredLength >= 0 && request.declaredLength !== request.bodyLength) {
      this.streams.lose(stream, 'ambiguous', 'content-length');
    }
    this.streams.requestWhole(stream, this.believed);
  }

  /** A stream that was open before we came: its head is not known. */
  #openMidstream(id: number): Stream | null {
    const stream = this.streams.open(id, this.join, this.#newRequest());
    if (stream !== null) this.streams.lose(stream, 'h2-midstream', '');
    return stream;
  }
}

const HEAD = new HeadFields();

function upgradeReason(protocol: string): 'connect' | 'websocket' | 'other' {
  if (protocol === '') return 'connect';
  return protocol.toLowerCase() === 'websocket' ? 'websocket' : 'other';
}
