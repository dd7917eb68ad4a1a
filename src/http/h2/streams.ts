import type { ByteBudget } from '../../flow/budget.ts';
import type { FlowInfo } from '../../flow/stream.ts';
import type { ReasonOf } from '../../ledger/outcomes.ts';
import type { HttpCounters } from '../counters.ts';
import { Exchange } from '../exchange.ts';
import type { DecoderOutcome, ExchangeHandler, HttpRequest, HttpResponse, LossReason } from '../exchange.ts';
import type { Fault } from '../head-scan.ts';

/** What the decoder has to remember of a stream: an exchange that may still go on. */
export class Stream {
  readonly id: number;
  readonly exchange: Exchange;
  /** Under which joining of the client's direction it was opened; see Half. */
  readonly join: number;
  /** onRequest or onRequestLost was called, or there is no request. */
  requestSettled: boolean;
  /** The client has ended it. */
  requestOver: boolean;
  /** The request is whole and waits until the connection is believed. */
  whole = false;
  /** The server has ended it: onResponse was called, or there is no response that is known. */
  responseOver = false;
  /** The final response's head has come, though it may not be known. */
  headersSeen = false;
  /** A part of the response was lost. */
  responseDamaged = false;
  /** Room was taken from the budget for it. */
  charged = false;

  constructor(id: number, exchange: Exchange, join: number) {
    this.id = id;
    this.exchange = exchange;
    this.join = join;
    this.requestSettled = this.requestOver = exchange.request === null;
  }
}

/**
 * A connection's streams, RFC 9113 section 5.1, as far as they are exchanges. Keeps ExchangeHandler's promises, so that
 * who reads frames need not.
 */
export class Streams {
  readonly counters: HttpCounters;
  readonly #flow: FlowInfo;
  readonly #handler: ExchangeHandler;
  readonly #budget: ByteBudget;
  /** Oldest first. */
  readonly #open = new Map<number, Stream>();
  /** The one that was asked for last: frames of one stream often follow each other. */
  #last: Stream | null = null;
  #requests = 0;

  /** @param budget room for streams, without what their handler keeps */
  constructor(flow: FlowInfo, handler: ExchangeHandler, counters: HttpCounters, budget: ByteBudget) {
    this.#flow = flow;
    this.#handler = handler;
    this.#budget = budget;
    this.counters = counters;
  }

  find(id: number): Stream | null {
    if (this.#last !== null && this.#last.id === id) return this.#last;
    const stream = this.#open.get(id);
    if (stream === undefined) return null;
    this.#last = stream;
    return stream;
  }

  /**
   * A stream has begun. Beyond the bound, and where memory is short, the oldest is given up.
   * @param request null: the server answers what was never captured
   * @returns null where there is no room for it: its request is settled, and the rest of it is nobody's
   */
  open(id: number, join: number, request: HttpRequest | null): Stream | null {
    const exchange = new Exchange(this.#flow, this.#requests++, 'h2');
    exchange.request = request;
    if (request === null) this.counters.unrequested++;
    else this.counters.requests++;
    const stream = new Stream(id, exchange, join);
    if (!this.#makeRoom(stream)) {
      if (request !== null) this.lose(stream, 'incomplete', 'evicted');
      this.end(stream);
      return null;
    }
    this.#open.set(id, stream);
    this.#last = stream;
    return stream;
  }

  /** Stream 1 answers a request of HTTP/1.1 that asked for the upgrade; it is whole and settled. */
  adopt(exchange: Exchange): void {
    const stream = new Stream(1, exchange, 0);
    stream.requestSettled = stream.requestOver = true;
    this.#requests = exchange.index + 1;
    this.#open.set(1, stream);
  }

  /** The request of a stream whose answer came first. */
  addRequest(stream: Stream, request: HttpRequest): void {
    stream.exchange.request = request;
    stream.requestSettled = stream.requestOver = false;
    this.counters.requests++;
  }

  requestHead({ exchange }: Stream): void {
    this.#handler.onRequestHead(exchange);
  }

  /** The client has ended the stream, and its request is whole unless it was settled before. */
  requestWhole(stream: Stream, believed: boolean): void {
    stream.requestOver = true;
    if (!stream.requestSettled) {
      stream.exchange.request!.complete = true;
      stream.whole = true;
      if (believed) this.#settleWhole(stream);
    }
    this.#endIfDone(stream);
  }

  /** The request is of no use. More of it may come. */
  lose<O extends DecoderOutcome>(stream: Stream, outcome: O, reason: ReasonOf<O>): void {
    if (stream.requestSettled) return;
    this.#settle(stream);
    this.#handler.onRequestLost(stream.exchange, outcome, reason);
  }

  loseFaulty(stream: Stream, fault: Fault): void {
    if (fault.outcome === 'ambiguous') this.lose(stream, fault.outcome, fault.reason);
    else this.lose(stream, fault.outcome, fault.reason);
  }

  responseHead(stream: Stream, response: HttpResponse): void {
    stream.exchange.response = response;
    this.counters.responses++;
    this.#handler.onResponseHead(stream.exchange);
  }

  /** The server has ended the stream. */
  responseWhole(stream: Stream): void {
    this.#finishResponse(stream, true);
    this.#endIfDone(stream);
  }

  /** Nothing more of the request will be read; the response may come. */
  cut(stream: Stream, reason: LossReason): void {
    if (stream.requestOver) return;
    stream.requestOver = true;
    this.lose(stream, 'incomplete', reason);
    this.#endIfDone(stream);
  }

  /** Both sides are over. A request that is not whole is lost. @param code -1 where nobody sent RST_STREAM */
  reset(stream: Stream, code: number, reason: LossReason): void {
    stream.exchange.resetCode = code;
    if (!stream.whole) this.lose(stream, 'incomplete', reason);
    this.end(stream);
  }

  /** Nothing more of this stream will be read. A request that waits to be believed is given up. */
  end(stream: Stream): void {
    this.lose(stream, 'h2-midstream', '');
    this.#finishResponse(stream, false);
    this.#open.delete(stream.id);
    if (this.#last === stream) this.#last = null;
    if (stream.charged) this.#budget.give(STREAM_BYTES);
    stream.charged = false;
    this.#handler.onExchangeEnd(stream.exchange);
  }

  /** What was read since a joining is believed: requests that waited for it are given on. */
  believe(join: number): void {
    for (const stream of this.#open.values()) {
      if (stream.join !== join) continue;
      stream.exchange.confirmed = true;
      if (!stream.whole || stream.requestSettled) continue;
      this.#settleWhole(stream);
      this.#endIfDone(stream);
    }
  }

  /** Calls for each stream, from the oldest on; `visit` may end it. */
  forEach(visit: (stream: Stream) => void): void {
    for (const stream of [...this.#open.values()]) visit(stream);
  }

  #settleWhole(stream: Stream): void {
    this.#settle(stream);
    this.#handler.onRequest(stream.exchange);
  }

  #settle(stream: Stream): void {
    stream.requestSettled = true;
    stream.exchange.request!.sink = null;
  }

  #finishResponse(stream: Stream, complete: boolean): void {
    if (stream.responseOver) return;
    stream.responseOver = true;
    const { response } = stream.exchange;
    if (response === null) return;
    response.complete = complete && !stream.responseDamaged;
    this.#handler.onResponse(stream.exchange);
    response.sink = null;
  }

  #endIfDone(stream: Stream): void {
    if (stream.requestOver && stream.requestSettled && stream.responseOver) this.end(stream);
  }

  #makeRoom(stream: Stream): boolean {
    if (this.#open.size === 0) return true;
    if (this.#open.size >= MAX_STREAMS) this.#evict();
    stream.charged = this.#budget.take(STREAM_BYTES);
    if (stream.charged) return true;
    this.#evict();
    stream.charged = this.#budget.take(STREAM_BYTES);
    return stream.charged || this.#open.size === 0;
  }

  #evict(): void {
    const [oldest] = this.#open.values();
    if (oldest !== undefined) this.reset(oldest, -1, 'evicted');
  }
}

/** Streams of one connection that are open at once; servers allow some hundred. */
const MAX_STREAMS = 1024;
/** A stream with its exchange, request and response, heads dropped. */
const STREAM_BYTES = 1024;
