import { TO_SERVER } from '../tap/segment.ts';
import type { Direction } from '../tap/segment.ts';
import type { EndReason, FlowControl, FlowInfo, StreamHandler } from '../flow/stream.ts';
import type { HttpCounters } from './counters.ts';
import type { ExchangeHandler } from './exchange.ts';
import type { HttpOptions, MessageReader } from './message-reader.ts';
import { Pairing } from './pairing.ts';
import { RequestReader } from './request-reader.ts';
import type { LossReason } from './request-reader.ts';
import { ResponseReader } from './response-reader.ts';

/** Decodes one connection's HTTP/1.x, both directions, into exchanges. Mutes what is not HTTP/1.x or ceases to be. */
export class HttpConnection implements StreamHandler {
  readonly #pairing: Pairing;
  readonly #requests: RequestReader;
  readonly #responses: ResponseReader;

  constructor(
    flow: FlowInfo,
    control: FlowControl,
    handler: ExchangeHandler,
    options: HttpOptions,
    counters: HttpCounters,
  ) {
    this.#pairing = new Pairing(flow, handler, counters, options.budget);
    this.#requests = new RequestReader(this.#pairing, control, options);
    this.#responses = new ResponseReader(this.#pairing, this.#requests, control, options);
  }

  onData(direction: Direction, data: Buffer, start: number, end: number, timeUs: number): void {
    this.#reader(direction).read(data, start, end, timeUs);
  }

  onGap(direction: Direction, missing: number, timeUs: number): void {
    this.#reader(direction).skip(missing, timeUs);
  }

  onFin(direction: Direction, timeUs: number): void {
    this.#reader(direction).finish(timeUs);
    if (direction !== TO_SERVER) this.#pairing.noMoreResponses();
  }

  onResync(timeUs: number): void {
    this.#requests.lossReason = 'resync';
    this.#requests.abort(timeUs);
    this.#responses.abort(timeUs);
    this.#pairing.noMoreResponses();
    this.#requests.lossReason = 'closed';
    this.#requests.restart();
  }

  onEnd(reason: EndReason, timeUs: number): void {
    this.#requests.lossReason = LOSS[reason];
    this.#requests.abort(timeUs);
    this.#responses.abort(timeUs);
    this.#pairing.noMoreResponses();
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
