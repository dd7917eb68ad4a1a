import { beginsFrame } from '../tap/http2-frame.ts';
import { TO_CLIENT, TO_SERVER } from '../tap/segment.ts';
import type { Direction } from '../tap/segment.ts';
import { beginsRequest } from '../flow/pickup.ts';
import type { EndReason, FlowControl, FlowInfo, StreamHandler } from '../flow/stream.ts';
import type { HttpCounters } from './counters.ts';
import type { Exchange, ExchangeHandler, LossReason } from './exchange.ts';
import { Http2Connection } from './h2/http2-connection.ts';
import { matchPreface, MISMATCH, PREFACE } from './h2/preface.ts';
import type { HttpOptions, MessageReader } from './message-reader.ts';
import { Pairing } from './pairing.ts';
import { RequestReader } from './request-reader.ts';
import { ResponseReader } from './response-reader.ts';

/**
 * Decodes one connection's HTTP, both directions, into exchanges. The first bytes decide: the preface of HTTP/2, or what
 * looks like its frames where the connection was joined in the middle or the server speaks first; all else is read as
 * HTTP/1.x, which may go on in HTTP/2. Mutes what is no HTTP or ceases to be.
 */
export class HttpConnection implements StreamHandler {
  readonly #flow: FlowInfo;
  readonly #control: FlowControl;
  readonly #handler: ExchangeHandler;
  readonly #options: HttpOptions;
  readonly #pairing: Pairing;
  readonly #requests: RequestReader;
  readonly #responses: ResponseReader;
  /** The protocol is HTTP/1.x, unless `#h2` is there. */
  #decided = false;
  #h2: Http2Connection | null = null;
  /** Bytes of HTTP/2's preface that the client has sent; all of them where none is expected. */
  #preface = 0;
  /** Bytes of the server's are missing from before the protocol was known. */
  #responsesMissed = false;
  /** The kernel had stopped copying, and the client's next bytes have not come yet. */
  #resynced = false;

  constructor(
    flow: FlowInfo,
    control: FlowControl,
    handler: ExchangeHandler,
    options: HttpOptions,
    counters: HttpCounters,
  ) {
    this.#flow = flow;
    this.#control = control;
    this.#handler = handler;
    this.#options = options;
    this.#pairing = new Pairing(flow, handler, counters, options.budget);
    this.#requests = new RequestReader(this.#pairing, control, options);
    this.#responses = new ResponseReader(this.#pairing, this.#requests, control, options, (exchange) => this.#upgrade(exchange));
  }

  onData(direction: Direction, data: Buffer, start: number, end: number, timeUs: number): void {
    if (this.#h2 !== null) return this.#readHttp2(this.#h2, direction, data, start, end, timeUs);
    if (!this.#decided) return this.#decide(direction, data, start, end, timeUs);
    if (this.#resynced && direction === TO_SERVER) this.#restart(data, start, end);
    const at = this.#reader(direction).read(data, start, end, timeUs);
    if (at === end) return;
    // It has left HTTP/1.1 for what follows; or did so before, and what followed turned out to be nothing.
    if (at > start) this.onData(direction, data, at, end, timeUs);
    else this.#pairing.counters.skippedBytes += end - at;
  }

  onGap(direction: Direction, missing: number, timeUs: number): void {
    if (this.#preface > 0) this.#assumeHttp1(timeUs);
    if (this.#h2 === null) {
      if (direction !== TO_SERVER) this.#responsesMissed = !this.#decided;
      return this.#reader(direction).skip(missing, timeUs);
    }
    if (direction === TO_SERVER && this.#preface < PREFACE.length) this.#joinMidway(this.#h2);
    this.#h2.skip(direction, missing, timeUs);
  }

  onFin(direction: Direction, timeUs: number): void {
    this.#assumeHttp1(timeUs);
    if (this.#h2 !== null) return this.#h2.finish(direction);
    this.#reader(direction).finish(timeUs);
    if (direction !== TO_SERVER) this.#pairing.noMoreResponses();
  }

  onResync(timeUs: number): void {
    if (this.#h2 !== null) {
      if (this.#preface < PREFACE.length) this.#preface = 0;
      return this.#h2.resync();
    }
    this.#preface = 0;
    this.#requests.lossReason = 'resync';
    this.#requests.abort(timeUs);
    this.#responses.abort(timeUs);
    this.#pairing.noMoreResponses();
    this.#requests.lossReason = 'closed';
    this.#resynced = true;
  }

  onEnd(reason: EndReason, timeUs: number): void {
    this.#assumeHttp1(timeUs);
    if (this.#h2 !== null) return this.#h2.end(LOSS[reason]);
    this.#requests.lossReason = LOSS[reason];
    this.#requests.abort(timeUs);
    this.#responses.abort(timeUs);
    this.#pairing.noMoreResponses();
  }

  #decide(direction: Direction, data: Buffer, start: number, end: number, timeUs: number): void {
    if (direction !== TO_SERVER) {
      // A server of HTTP/2 may speak first: a frame's length, of which the first byte is 0.
      if (data[start] === 0) this.#openHttp2();
      else this.#assumeHttp1(timeUs);
    } else {
      const matched = matchPreface(data, start, end, this.#preface);
      if (matched !== MISMATCH) {
        this.#preface += matched;
        if (this.#preface < PREFACE.length) return;
        start += matched;
        this.#openHttp2();
      } else if (this.#preface === 0 && beginsFrame(data, start, end, true)) this.#joinMidway(this.#openHttp2());
      else this.#assumeHttp1(timeUs);
    }
    this.#decided = true;
    if (start < end) this.onData(direction, data, start, end, timeUs);
  }

  /** What looked like the beginning of the preface was the beginning of a request, if anything. */
  #assumeHttp1(timeUs: number): void {
    if (this.#decided) return;
    this.#decided = true;
    if (this.#preface > 0) this.#requests.read(PREFACE, 0, this.#preface, timeUs);
    this.#preface = 0;
  }

  #openHttp2(): Http2Connection {
    const h2 = new Http2Connection(this.#flow, this.#control, this.#handler, this.#options, this.#pairing.counters);
    if (this.#responsesMissed) h2.skip(TO_CLIENT, Infinity, 0);
    this.#h2 = h2;
    return h2;
  }

  #joinMidway(h2: Http2Connection): void {
    this.#preface = PREFACE.length;
    h2.joinMidway();
  }

  #upgrade(exchange: Exchange): void {
    this.#openHttp2().adopt(exchange);
  }

  #readHttp2(h2: Http2Connection, direction: Direction, data: Buffer, start: number, end: number, timeUs: number): void {
    let at = start;
    if (direction === TO_SERVER) {
      if (this.#preface < PREFACE.length) {
        const matched = matchPreface(data, at, end, this.#preface);
        if (matched !== MISMATCH) this.#preface += matched;
        else if (this.#preface === 0 && beginsFrame(data, at, end, true)) this.#joinMidway(h2);
        else return this.#control.mute('other');
        at += Math.max(0, matched);
      }
      if (h2.searching && beginsRequest(data, at, end)) return this.#returnToHttp1(h2, data, at, end, timeUs);
    }
    if (at < end) h2.read(direction, data, at, end, timeUs);
  }

  /** What looked like frames was something else. */
  #returnToHttp1(h2: Http2Connection, data: Buffer, start: number, end: number, timeUs: number): void {
    h2.end('closed');
    this.#h2 = null;
    this.onData(TO_SERVER, data, start, end, timeUs);
  }

  /** The kernel lets a flow in again at a request line, or at what may be a frame of HTTP/2, which this flow has none of. */
  #restart(data: Buffer, start: number, end: number): void {
    this.#resynced = false;
    if (!beginsFrame(data, start, end, true)) this.#requests.restart();
  }

  #reader(direction: Direction): MessageReader {
    return direction === TO_SERVER ? this.#requests : this.#responses;
  }
}

const LOSS: Record<EndReason, LossReason> = {
  fin: 'closed',
  rst: 'reset',
  idle: 'timeout',
  evicted: 'evicted',
  reused: 'closed',
  closed: 'shutdown',
};
