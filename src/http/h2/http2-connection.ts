import type { FlowControl, FlowInfo } from '../../flow/stream.ts';
import { TO_SERVER } from '../../tap/segment.ts';
import type { Direction } from '../../tap/segment.ts';
import type { HttpCounters } from '../counters.ts';
import type { Exchange, ExchangeHandler, LossReason } from '../exchange.ts';
import type { HttpOptions } from '../message-reader.ts';
import { ClientHalf } from './client-half.ts';
import type { Half } from './half.ts';
import { ServerHalf } from './server-half.ts';
import { Settings } from './settings.ts';
import { Streams } from './streams.ts';
import type { Stream } from './streams.ts';

/** Frames of the client's that have to be in order before an answer confirms them. */
const MIN_FRAMES = 2;
/** What turns out not to be HTTP/2 so often, and has never been confirmed, is something else. */
const MAX_FAILURES = 4;

/**
 * Decodes one connection's HTTP/2 without TLS, RFC 9113, both directions, into exchanges; after the client's preface.
 *
 * Where it was joined in its middle, nothing is believed until a response begins, in what was joined of the server's
 * direction, on a stream whose request was read in what was joined of the client's: bytes that only look like frames would
 * have to do so in both directions, for the same stream, at the same time.
 */
export class Http2Connection {
  readonly #control: FlowControl;
  readonly #streams: Streams;
  readonly #client: ClientHalf;
  readonly #server: ServerHalf;
  #clientSettings = new Settings();
  #serverSettings = new Settings();
  #everBelieved = true;

  constructor(flow: FlowInfo, control: FlowControl, handler: ExchangeHandler, options: HttpOptions, counters: HttpCounters) {
    this.#control = control;
    counters.h2Connections++;
    const streams = new Streams(flow, handler, counters, options.budget);
    this.#streams = streams;
    this.#client = new ClientHalf(streams, options, this.#clientSettings, this.#serverSettings, () => this.#leave('h2'));
    this.#server = new ServerHalf(streams, options, this.#serverSettings, this.#clientSettings, this.#client, (stream) => this.#onAnswer(stream));
  }

  /** What comes is not the beginning of the connection. */
  joinMidway(): void {
    this.#everBelieved = false;
    this.#client.startSearch();
    this.#server.startSearch();
  }

  /**
   * Its first request was one of HTTP/1.1 with `Upgrade: h2c` (RFC 7540 section 3.2), whose response comes on stream 1.
   * The client's settings are in that request's HTTP2-Settings, which the handler may have dropped by now: the server may
   * do what they allow, so anything is allowed until the first SETTINGS.
   */
  adopt(exchange: Exchange): void {
    this.#streams.adopt(exchange);
    this.#client.onUpgrade();
    this.#clientSettings.forget();
  }

  /** Nothing has been joined in the client's direction, so it may be something else. */
  get searching(): boolean {
    return !this.#everBelieved && this.#client.searching;
  }

  read(direction: Direction, data: Buffer, start: number, end: number, timeUs: number): void {
    const half = this.#half(direction);
    half.read(data, start, end, timeUs);
    if (!this.#everBelieved && half.failures > MAX_FAILURES) this.#leave('other');
  }

  skip(direction: Direction, missing: number, timeUs: number): void {
    this.#half(direction).skip(missing, timeUs);
  }

  /** The sender of this direction has finished. */
  finish(direction: Direction): void {
    if (direction === TO_SERVER) this.#streams.forEach((stream) => this.#streams.cut(stream, 'closed'));
    else this.#endAll('closed');
  }

  /** An unknown number of bytes is missing in both directions. */
  resync(): void {
    this.#endAll('resync');
    this.#client.search();
    this.#server.search();
  }

  /** The connection is over. */
  end(reason: LossReason): void {
    this.#endAll(reason);
    this.#client.stop();
    this.#server.stop();
  }

  #half(direction: Direction): Half {
    return direction === TO_SERVER ? this.#client : this.#server;
  }

  #endAll(reason: LossReason): void {
    this.#streams.forEach((stream) => this.#streams.reset(stream, -1, reason));
  }

  #onAnswer(stream: Stream): void {
    const client = this.#client;
    if (!client.believed) {
      if (stream.join !== client.join || client.frames < MIN_FRAMES) return;
      client.believe();
      this.#everBelieved = true;
      this.#streams.believe(client.join);
    }
    if (!this.#server.believed) this.#server.believe();
  }

  /** Nothing more of it is read. `h2`: its client has broken the rules, so no server will read on either. */
  #leave(reason: 'h2' | 'other'): void {
    this.#streams.forEach((stream) => {
      if (!stream.whole) this.#streams.lose(stream, 'malformed', 'frame');
      this.#streams.end(stream);
    });
    this.#client.stop();
    this.#server.stop();
    this.#control.mute(reason);
  }
}
