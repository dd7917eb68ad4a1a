import { HttpResponse } from '../exchange.ts';
import type { HttpOptions } from '../message-reader.ts';
import type { ClientHalf } from './client-half.ts';
import { Half } from './half.ts';
import { HeadFields } from './head-fields.ts';
import type { Settings } from './settings.ts';
import type { Stream, Streams } from './streams.ts';

/**
 * The server's direction: responses. Read with good will, as a response is not mirrored; but one of which anything is
 * not known is not reported at all.
 */
export class ServerHalf extends Half {
  readonly #client: ClientHalf;
  readonly #onAnswer: (stream: Stream) => void;

  /** @param onAnswer a response begins: this is how the directions confirm each other */
  constructor(streams: Streams, options: HttpOptions, own: Settings, peers: Settings, client: ClientHalf, onAnswer: (stream: Stream) => void) {
    super(false, streams, options, own, peers);
    this.#client = client;
    this.#onAnswer = onAnswer;
  }

  override onHeaders(id: number, endStream: boolean, data: Buffer, start: number, end: number): boolean {
    const fields: string[] = [];
    if (!this.hpack.decode(data, start, end, fields)) return false;
    // Even streams answer what the server itself has promised.
    if ((id & 1) === 0) return true;
    const { unknown, overflown } = this.hpack;
    const stream = this.streams.find(id) ?? this.#openUnrequested(id, fields);
    if (stream === null || stream.responseOver) return true;
    if (stream.exchange.request !== null) this.#onAnswer(stream);
    if (stream.headersSeen) this.#onTrailers(stream, fields, unknown > 0 || overflown);
    else this.#onHead(stream, fields, endStream, unknown > 0 || overflown);
    if (endStream) this.#onEnd(stream);
    return true;
  }

  override onPushPromise(_stream: number, _promised: number, data: Buffer, start: number, end: number): boolean {
    this.streams.counters.h2Pushes++;
    return this.hpack.decode(data, start, end, []);
  }

  override onLostBlock(id: number, endStream: boolean): void {
    this.hpack.forget();
    const stream = this.streams.find(id);
    if (stream === null) return;
    stream.headersSeen = true;
    stream.responseDamaged = true;
    if (endStream) this.#onEnd(stream);
  }

  override onData(id: number, data: Buffer, start: number, end: number): void {
    const response = this.streams.find(id)?.exchange.response;
    if (response === null || response === undefined) return;
    response.bodyLength += end - start;
    response.sink?.write(data, start, end);
  }

  override onDataGap(id: number): void {
    const stream = this.streams.find(id);
    if (stream === null) return;
    stream.responseDamaged = true;
    if (stream.exchange.response !== null) stream.exchange.response.sink = null;
  }

  override onDataEnd(id: number, endStream: boolean): boolean {
    if (!endStream) return true;
    const stream = this.streams.find(id);
    if (stream !== null) this.#onEnd(stream);
    return true;
  }

  override onReset(id: number, code: number): void {
    const stream = this.streams.find(id);
    if (stream !== null) this.streams.reset(stream, code, 'reset');
  }

  /** Streams above the last were not and will not be processed. */
  override onGoaway(lastStream: number, code: number): void {
    this.streams.forEach((stream) => {
      if (stream.id > lastStream) this.streams.reset(stream, code, 'reset');
    });
  }

  /** Requests go on being read: what the client says stands on its own. */
  protected override onBroken(): void {
    this.onLost();
    this.stop();
  }

  /** Where no head has been seen, the next block says by its status whether it is one. */
  protected override onLost(): void {
    this.streams.forEach(({ id, exchange }) => {
      if (exchange.response !== null) this.onDataGap(id);
    });
  }

  /** A stream whose request was not captured, or not yet. */
  #openUnrequested(id: number, fields: readonly string[]): Stream | null {
    if (this.#client.hasClosed(id) || !HEAD.response(fields) || HEAD.status < 200) return null;
    return this.streams.open(id, -1, null);
  }

  #onHead(stream: Stream, fields: string[], endStream: boolean, isPart: boolean): void {
    const isHead = HEAD.response(fields);
    if (HEAD.status >= 100 && HEAD.status < 200) {
      this.streams.counters.interim++;
      return;
    }
    stream.headersSeen = true;
    if (isPart || !isHead || HEAD.status < 0) {
      if (isPart) this.streams.counters.h2UnknownResponses++;
      return;
    }
    const response = new HttpResponse();
    response.version = 'HTTP/2';
    response.status = HEAD.status;
    response.headers = fields.slice(HEAD.pseudos * 2);
    response.headBytes = this.hpack.size;
    response.declaredLength = HEAD.length;
    response.framing = endStream ? 'none' : 'stream';
    response.firstUs = response.lastUs = this.timeUs;
    this.streams.responseHead(stream, response);
  }

  #onTrailers(stream: Stream, fields: string[], isPart: boolean): void {
    const { response } = stream.exchange;
    if (response === null) return;
    if (isPart) stream.responseDamaged = true;
    else response.trailers = fields;
  }

  #onEnd(stream: Stream): void {
    const { response } = stream.exchange;
    if (response !== null) response.lastUs = this.timeUs;
    this.streams.responseWhole(stream);
  }
}

const HEAD = new HeadFields();
